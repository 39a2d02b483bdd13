"""What `sanitise` lets through, what it takes away, and what it refuses."""

from __future__ import annotations

import os
import random
import stat
import time
import tracemalloc

import pytest
from PIL import Image, ImageChops, ImageCms, features

from bookwyrm.images import MOST_BYTES, Picture, PictureRefused, sanitise
from tests import pictures


def difference(one: Image.Image, two: Image.Image) -> float:
    """The mean difference of two pictures, 0 to 255."""
    histogram = ImageChops.difference(one.convert("RGB"), two.convert("RGB")).convert("L").histogram()
    return sum(level * count for level, count in enumerate(histogram)) / (one.width * one.height)


@pytest.mark.parametrize(
    ("kind", "extension", "content_type"),
    [
        ("PNG", "png", "image/png"),
        ("JPEG", "jpg", "image/jpeg"),
        ("GIF", "gif", "image/gif"),
        ("WEBP", "webp", "image/webp"),
        pytest.param(
            "AVIF", "webp", "image/webp", marks=pytest.mark.skipif(not features.check("avif"), reason="no AVIF here")
        ),
    ],
)
def test_a_picture_comes_out_as_the_same_picture(kind, extension, content_type):
    picture = sanitise(pictures.encoded(kind))
    assert (picture.extension, picture.content_type) == (extension, content_type)
    assert (picture.width, picture.height) == (400, 600)
    assert difference(pictures.decoded(picture.bytes), pictures.painting()) < 6


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_every_kind_of_pixels_is_understood(kind, mode):
    picture = sanitise(pictures.encoded(kind, pictures.painting(60, 90, mode)))
    shown = pictures.decoded(picture.bytes).convert("RGB")
    assert difference(shown, pictures.painting(60, 90, mode)) < 6


def test_sixteen_bits_of_grey_become_eight_and_keep_their_brightness():
    deep = Image.new("I;16", (40, 40), 0x8000)
    assert pictures.decoded(sanitise(pictures.encoded("PNG", deep)).bytes).getpixel((5, 5)) == 128


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_what_is_transparent_stays_transparent(kind):
    clear = Image.new("RGBA", (50, 50), (200, 40, 40, 255))
    clear.paste((0, 0, 0, 0), (10, 10, 40, 40))
    shown = pictures.decoded(sanitise(pictures.encoded(kind, clear)).bytes).convert("RGBA")
    assert shown.getpixel((25, 25))[3] == 0
    assert shown.getpixel((2, 2))[3] == 255


def test_lossless_webp_stays_lossless():
    data = pictures.encoded("WEBP", lossless=True)
    assert difference(pictures.decoded(sanitise(data).bytes), pictures.painting()) == 0


def test_ink_for_paper_becomes_colours_for_screens():
    picture = sanitise(pictures.encoded("JPEG", pictures.painting(60, 90, "CMYK")))
    assert pictures.decoded(picture.bytes).mode == "RGB"


def test_of_an_animation_the_first_frame_is_kept():
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "green", "blue")]
    data = pictures.encoded("GIF", frames[0], save_all=True, append_images=frames[1:])
    still = pictures.decoded(sanitise(data).bytes)
    assert getattr(still, "n_frames", 1) == 1
    assert difference(still, frames[0]) < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_held_sideways_is_stored_upright(orientation):
    turned = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
    }[orientation]  # fmt: skip
    image = pictures.painting()
    for step in turned:
        image = image.transpose(step)
    picture = sanitise(pictures.encoded("JPEG", image, exif=pictures.telling_exif(orientation), quality=95))
    assert (picture.width, picture.height) == (400, 600)
    assert difference(pictures.decoded(picture.bytes), pictures.painting()) < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a10_place_camera_profile_and_comments_are_gone(kind):
    said = {"comment": b"CANARY comment"} if kind == "JPEG" else {}
    data = pictures.encoded(
        kind,
        exif=pictures.telling_exif(),
        xmp=b"<x:xmpmeta>CANARY xmp</x:xmpmeta>",
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        **said,
    )
    assert b"CANARY" in data
    picture = sanitise(data)
    image = pictures.decoded(picture.bytes)
    assert not image.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment", "XML:com.adobe.xmp"} & set(image.info)
    for trace in (b"CANARY", b"Exif", b"EXIF", b"eXIf", b"xmp", b"ICC", b"iCCP", b"ICC_PROFILE"):
        assert trace not in picture.bytes


def test_colours_of_another_profile_are_turned_into_srgb():
    # A profile in which the primaries are swapped, so that forgetting it would show as the wrong colour.
    data = pictures.encoded("PNG", icc_profile=swapped_profile())
    shown = pictures.decoded(sanitise(data).bytes).getpixel((5, 5))
    assert shown[2] > shown[0], "red in the swapped profile is blue on a screen"


def swapped_profile() -> bytes:
    """sRGB with the tags of red and blue exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("profile", [b"", b"no profile", b"\0" * 200, pictures.display_profile()])
def test_a_profile_that_makes_no_sense_is_ignored(profile):
    picture = sanitise(pictures.encoded("PNG", icc_profile=profile))
    assert difference(pictures.decoded(picture.bytes), pictures.painting()) < 1


def test_a1_a_page_hidden_in_a_picture_does_not_survive():
    picture = sanitise(pictures.png_with_script())
    assert picture.content_type == "image/png"
    assert b"<script" not in picture.bytes


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(b"just words", id="words"),
        pytest.param(pictures.SCRIPT, id="html"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', id="svg"),
        pytest.param(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', id="xml"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", id="pdf"),
        pytest.param(b"CWS\x0a" + b"\0" * 60, id="flash"),
        pytest.param(b"PK\x03\x04" + b"\0" * 60, id="zip"),
        pytest.param(pictures.encoded("BMP"), id="bmp"),
        pytest.param(pictures.encoded("TIFF"), id="tiff"),
        pytest.param(pictures.encoded("ICO", pictures.painting(32, 32)), id="ico"),
    ],
)
def test_a2_what_is_no_picture_is_refused_with_a_sentence(data):
    with pytest.raises(PictureRefused) as refusal:
        sanitise(data)
    assert str(refusal.value.reason).endswith(".")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a6_a_bomb_is_refused_before_it_is_decoded():
    bomb = pictures.png_bomb()
    assert len(bomb) < 30_000
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(PictureRefused, match="too many pixels"):
        sanitise(bomb)
    assert time.monotonic() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()


def test_a6_a_side_that_no_thumbnail_could_have_is_refused():
    with pytest.raises(PictureRefused, match="too many pixels"):
        sanitise(pictures.encoded("PNG", Image.new("L", (20_000, 4))))


def test_a_file_above_the_ceiling_is_refused():
    with pytest.raises(PictureRefused, match="larger than 10 MB"):
        sanitise(pictures.encoded("PNG") + b"\0" * MOST_BYTES)


def test_a8_postscript_starts_no_program(tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {canary}\n")
    ghostscript.chmod(ghostscript.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    document = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(PictureRefused):
        sanitise(document)
    assert not canary.exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_cut_short_is_refused(kind):
    data = pictures.encoded(kind)
    for part in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(PictureRefused):
            sanitise(data[: int(len(data) * part)])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a9_damaged_bytes_are_refused_or_repaired_and_never_an_error(kind):
    """A sample of what runs by the million at night; see BOOKWYRM_FUZZ_ROUNDS."""
    rounds = int(os.environ.get("BOOKWYRM_FUZZ_ROUNDS", "400"))
    whole, draw = pictures.encoded(kind, pictures.painting(40, 60), exif=pictures.telling_exif()), random.Random(kind)
    refused = 0
    for _ in range(rounds):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 1, 2, 8, 40))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            picture = sanitise(bytes(damaged))
        except PictureRefused as refusal:
            assert str(refusal.reason)
            refused += 1
        else:
            assert isinstance(picture, Picture)
            assert pictures.decoded(picture.bytes).size == (picture.width, picture.height)
    assert refused > 0, "the damage was real"
