"""One file of one store, sent to whoever may have it: privately, in part, or by the web server before the site."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from django.test import RequestFactory

from external_storage.django.serving import send_file
from external_storage.errors import ObjectMissing

# An answer that is closed tells Django that a request has ended, which looks after the database connections.
pytestmark = pytest.mark.django_db

ARCHIVE = bytes(range(256)) * 5000
PRIVATE = {
    "Content-Type": "application/gzip",
    "Content-Disposition": 'attachment; filename="export.tar.gz"',
    "Cache-Control": "no-store",
}


@pytest.fixture
def archives(settings, tmp_path: Path):
    """A folder of private files; called with values, it describes the folder anew."""

    def describe(**values: str) -> Path:
        settings.EXTERNAL_STORAGE = {
            "STORES": {"archives": {"KIND": "local", "ROOT": tmp_path, "PUBLIC_URL": "/nowhere/", **values}},
            "ALIASES": {"default": {"ACTIVE": "archives", "PRIVATE": True}},
        }
        return tmp_path

    describe()
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "my export.tar.gz").write_bytes(ARCHIVE)
    return describe


def send(key: str = "ann/my export.tar.gz", **headers: str):
    return send_file(RequestFactory().get("/export/1", headers=headers), "archives", key, PRIVATE)


def test_a_file_is_sent_with_the_headers_it_was_given(archives):
    with closing(send()) as response:
        assert (response.status_code, b"".join(response)) == (200, ARCHIVE)
        assert PRIVATE.items() <= response.headers.items()
        assert response["Content-Length"] == str(len(ARCHIVE))
        assert response["X-Content-Type-Options"] == "nosniff"


def test_a_download_that_broke_off_goes_on_where_it_was(archives):
    with closing(send(range="bytes=300000-")) as rest:
        assert (rest.status_code, b"".join(rest)) == (206, ARCHIVE[300_000:])
        assert rest["Content-Range"] == f"bytes 300000-{len(ARCHIVE) - 1}/{len(ARCHIVE)}"
        assert rest["Cache-Control"] == "no-store"


def test_what_is_not_there_is_missing(archives):
    for key in ("bob/export.tar.gz", "../secret", "/etc/passwd", "ann"):
        with pytest.raises(ObjectMissing):
            send(key)


def test_the_web_server_before_the_site_sends_it_where_it_can(archives):
    archives(INTERNAL_URL="/-/archives/")
    response = send()
    assert response["X-Accel-Redirect"] == "/-/archives/ann/my%20export.tar.gz"
    assert PRIVATE.items() <= response.headers.items()
    assert response.content == b""
    with pytest.raises(ObjectMissing):
        send("bob/export.tar.gz")
