"""How the small versions of a picture are named and made."""

from __future__ import annotations

import pytest
from PIL import Image

from bookwyrm.images import PictureRefused
from bookwyrm.images.thumbnails import derived_keys, make_thumbnail, measure, thumbnail_key, widths_for
from tests import pictures


def test_a_thumbnail_is_named_from_its_original():
    assert thumbnail_key("covers/0b1c.jpg", 160) == "thumbnails/covers/0b1c-160.webp"


def test_every_key_a_thumbnail_may_have_is_known():
    assert derived_keys("avatars/me.png") == [f"thumbnails/avatars/me-{width}.webp" for width in (64, 160, 320)]


@pytest.mark.parametrize("key", ["covers/without-extension", "exports/a.zip", "a.png", "thumbnails/covers/a-160.webp"])
def test_what_has_no_thumbnails_has_no_keys_for_them(key):
    assert derived_keys(key) == []


@pytest.mark.parametrize(
    ("width", "kept"), [(100, []), (160, []), (161, [160]), (640, [160, 320]), (900, [160, 320, 640])]
)
def test_no_thumbnail_is_as_wide_as_its_original(width, kept):
    assert widths_for("covers/a.png", width) == kept


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_thumbnail_is_a_webp_of_the_same_shape(kind):
    small = pictures.decoded(make_thumbnail(pictures.encoded(kind), 160))
    assert (small.format, small.size) == ("WEBP", (160, 240))
    red, blue, green = small.convert("RGB").getpixel((20, 20)), small.getpixel((140, 20)), small.getpixel((80, 200))
    assert (red[0] > 150, blue[2] > 150, green[1] > 120) == (True, True, True)


def test_a_thumbnail_keeps_what_is_transparent():
    clear = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    assert (
        pictures.decoded(make_thumbnail(pictures.encoded("PNG", clear), 160)).convert("RGBA").getpixel((9, 9))[3] == 0
    )


def test_an_older_file_that_lies_on_its_side_gets_upright_thumbnails():
    lying = pictures.painting().transpose(Image.Transpose.ROTATE_90)
    data = pictures.encoded("JPEG", lying, exif=pictures.telling_exif(6))
    assert measure(data) == (400, 600)
    small = pictures.decoded(make_thumbnail(data, 160))
    assert small.size == (160, 240)
    assert small.convert("RGB").getpixel((20, 20))[0] > 150


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("data", [pictures.SCRIPT, pictures.encoded("JPEG")[:2000], pictures.png_bomb()])
def test_what_cannot_be_decoded_is_refused(data):
    with pytest.raises(PictureRefused):
        make_thumbnail(data, 160)
