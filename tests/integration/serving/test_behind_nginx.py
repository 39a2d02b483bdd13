"""`deploy/nginx/bookwyrm.conf` before a site that serves its own files: what nginx keeps, and for how long."""

from __future__ import annotations

import time

import pytest
from django.core.files.storage import storages

from bookwyrm.env import CHECKOUT
from external_storage.objects import IMMUTABLE
from external_storage.testing.fake_s3 import Fault
from tests.integration.test_operate_deploy import SITE

from .conftest import PNG

SIZE = len(PNG)
NEVER_DELETED = "proxy_cache_valid 200 302 10m;"
SOON = "proxy_cache_valid 200 302 1s;"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_the_page_shows_of_the_file_is_in_it(language):
    page = (CHECKOUT / "docs" / "operate" / language / "serving.md").read_text()
    shown = page.partition("```nginx\n")[2].partition("```")[0].splitlines()
    file = {line.strip() for line in SITE.read_text().splitlines()}
    assert len(shown) > 5
    assert {line.strip() for line in shown} <= file


def test_nginx_answers_for_the_site_once_it_knows_a_picture(before_site, faulty, fake):
    faulty().put("covers/a.png")
    with before_site() as front:
        first = front.get()
        assert (first.status, first.headers["X-Cache"], first.data) == (200, "MISS", PNG)
        etag = first.headers["ETag"]
        for asked, status, body, told in (
            ({}, 200, PNG, {"Content-Type": "image/png", "Cache-Control": IMMUTABLE, "ETag": etag}),
            ({"method": "HEAD"}, 200, b"", {"Content-Length": str(SIZE)}),
            ({"if_none_match": etag}, 304, b"", {"ETag": etag}),
            ({"if_modified_since": first.headers["Last-Modified"]}, 304, b"", {}),
            ({"range": "bytes=700-300699"}, 206, PNG[700:300_700], {"Content-Range": f"bytes 700-300699/{SIZE}"}),
            ({"range": "bytes=-6"}, 206, PNG[-6:], {"Content-Length": "6"}),
            ({"range": "bytes=2-4", "if_range": '"another"'}, 200, PNG, {}),
            ({"path": "/images/covers/a.png?size=1", "accept_language": "fr", "cookie": "a=b"}, 200, PNG, {}),
            ({"path": "/images/none/../covers/%61.png"}, 200, PNG, {}),
        ):
            answer = front.get(**asked)
            assert (answer.status, answer.headers["X-Cache"], answer.data) == (status, "HIT", body), asked
            assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"], asked
            assert told.items() <= dict(answer.headers).items(), asked
            assert not {"Vary", "Set-Cookie", "Server-Timing"} & set(answer.headers), asked
        beyond = front.get(range=f"bytes={SIZE}-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        assert front.get(method="POST").status == 405
        assert fake.count("GET") == 1


def test_a_deleted_picture_is_gone_once_nginx_asks_again(before_site, faulty):
    site = faulty()
    site.save("covers/a.png")
    with before_site(soon=(NEVER_DELETED, SOON)) as front:
        assert front.get().status == 200
        storages["default"].delete("covers/a.png")
        assert front.until(404) < 3


def test_while_the_store_is_in_trouble_nginx_has_what_it_had(before_site, faulty, fake):
    site = faulty()
    site.put("covers/a.png")
    with before_site(soon=(NEVER_DELETED, SOON)) as front:
        assert front.get().status == 200
        fake.misbehave(Fault.answer(503, "SlowDown", "Please slow down."))
        assert front.get("/images/covers/b.png").status == 503
        while (answer := front.get()).headers["X-Cache"] == "HIT":
            time.sleep(0.05)
        assert (answer.status, answer.headers["X-Cache"], answer.data) == (200, "STALE", PNG)


def test_nginx_sends_what_is_on_the_disk_and_only_what_the_site_allows(before_site, serving, readable_folder):
    folder = readable_folder
    (folder / "covers").mkdir()
    serving.configure({"KIND": "local", "ROOT": folder, "PUBLIC_URL": "/images/", "INTERNAL_URL": "/-/exports/"})
    serving.put("covers/ä b.png")
    (folder / "backup.zip").write_bytes(b"PK")
    (folder / "covers" / "link.png").symlink_to("/etc/passwd")
    with before_site(folder=("/srv/bookwyrm-exports", str(folder))) as front:
        answer = front.get("/images/covers/%C3%A4%20b.png", range="bytes=2-4")
        assert (answer.status, answer.data) == (206, PNG[2:5])
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Cache-Control"] == IMMUTABLE
        assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
        for path in ("/images/backup.zip", "/images/covers/link.png", "/-/exports/backup.zip", "/-/exports/"):
            assert front.get(path).status == 404, path
