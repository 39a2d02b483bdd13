"""Archives that lie among the pictures, as older sites left them, stay where they are and are named."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from django.core.management import call_command

from bookwyrm.images.publishing import may_publish
from external_storage.django import conf
from external_storage.django.moving import ladder
from tests import pictures

pytestmark = pytest.mark.django_db(transaction=True)

PICTURE = "covers/a.png"


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive.json", "{}")
    return file.getvalue()


ARCHIVES = {
    "exports/0c8d2f0e-9a51-4a5c-8a63-2c9f3b1f9d11.tar.gz": gzip.compress(b"all of Ada"),
    "archive.json": b"{}",
    "backup.sql": b"-- all of everybody",
    "covers/looks-like-a-cover.png": gzip.compress(b"all of Bob"),
    "covers/looks-like-a-photo.JPG": _zip(),
    "exports/no-name-at-all": gzip.compress(b"all of Eve"),
}


@pytest.fixture
def site(site_with_bucket, monkeypatch):
    """A site with the instance's own rule, and old archives in the folder of its pictures."""
    monkeypatch.setattr(ladder, "seconds_to_wait", lambda state: 0.0)
    monkeypatch.setattr(
        site_with_bucket,
        "_alias",
        lambda: {
            "ACTIVE": "disk",
            "STORES": list(site_with_bucket.values),
            "PUBLISHING_RULE": may_publish,
        },
    )
    site_with_bucket.configure()
    for key, data in {PICTURE: pictures.encoded("PNG"), **ARCHIVES}.items():
        path = site_with_bucket.folders / "disk" / key
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return site_with_bucket


def printed(*arguments: str) -> str:
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        assert ended.code in (0, 4), out.getvalue()
    return out.getvalue()


@pytest.mark.parametrize(
    "command",
    [("storage_plan", "disk", "bucket"), ("storage_copy", "disk", "bucket"), ("storage_move", "default", "bucket")],
    ids=lambda command: command[0],
)
def test_archives_left_among_the_pictures_are_held_back_and_named(site, command):
    said = printed(*command)
    for key in ARCHIVES:
        assert key in said, said
    in_bucket = set() if command[0] == "storage_plan" else {PICTURE}
    assert {info.key for info in conf.store_named("bucket").list()} == in_bucket
    for key, data in ARCHIVES.items():
        assert (site.folders / "disk" / key).read_bytes() == data
