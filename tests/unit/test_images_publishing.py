"""Which files may become public."""

from __future__ import annotations

import pytest

from bookwyrm.images.publishing import CONTENT_TYPES, may_publish, recognise
from external_storage.objects import IMMUTABLE, HoldBack, Publish
from tests import pictures

BYTES = {kind: pictures.encoded(kind, pictures.painting(20, 30)) for kind in ("PNG", "JPEG", "GIF", "WEBP", "AVIF")}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("covers/a.png", "PNG"),
        ("covers/a.jpg", "JPEG"),
        ("covers/A B.JPEG", "JPEG"),
        ("avatars/a.gif", "GIF"),
        ("thumbnails/covers/a-160.webp", "WEBP"),
        ("logos/a.avif", "AVIF"),
        ("deep/er/still/x.y.png", "PNG"),
    ],
)
def test_pictures_are_published_with_type_and_cache_header(key, kind):
    for first_bytes in (None, BYTES[kind], BYTES[kind][:64]):
        answer = may_publish(key, first_bytes)
        assert isinstance(answer, Publish)
        assert answer.headers.public
        assert answer.headers.cache_control == IMMUTABLE
        assert answer.headers.content_type == (recognise(BYTES[kind]))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("exports/someone.tar.gz", "archive"),
        ("backup.zip", "archive"),
        ("a.csv", "archive"),
        ("covers/a.svg", "browser"),
        ("covers/a.html", "browser"),
        ("covers/a.png.html", "browser"),
        ("static/js/x.js", "browser"),
        ("covers/a.pdf", "browser"),
        ("covers/a.eps", "browser"),
        ("covers/a", "not that of a picture"),
        ("covers/.png", "not that of a picture"),
        (".env", "not that of a picture"),
        ("covers/a.bmp", "not that of a picture"),
        ("covers/a.exe", "not that of a picture"),
    ],
)
@pytest.mark.parametrize("first_bytes", [None, BYTES["PNG"]])
def test_a4_other_names_are_held_back_with_a_reason_whatever_is_inside(key, reason, first_bytes):
    answer = may_publish(key, first_bytes)
    assert isinstance(answer, HoldBack)
    assert reason in answer.reason


@pytest.mark.parametrize(
    "first_bytes",
    [
        b"",
        pictures.SCRIPT,
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b'<svg xmlns="http://www.w3.org/2000/svg">',
        b"RIFF\0\0\0\0WAVE",
        b"\x89PNG",
    ],
)
@pytest.mark.parametrize("extension", CONTENT_TYPES)
def test_a4_a_name_alone_makes_no_picture(extension, first_bytes):
    answer = may_publish(f"covers/a.{extension}", first_bytes)
    assert isinstance(answer, HoldBack)
    assert answer.reason.endswith(".")


def test_a_picture_of_another_kind_than_its_name_says_is_held_back():
    answer = may_publish("covers/a.png", BYTES["JPEG"])
    assert isinstance(answer, HoldBack)
    assert "image/jpeg" in answer.reason
