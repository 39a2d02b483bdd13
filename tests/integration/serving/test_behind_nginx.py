"""`deploy/nginx/bookwyrm.conf` before a site that serves its own files: what nginx keeps, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import urllib3
from django.core.files.storage import storages

from bookwyrm.env import CHECKOUT
from external_storage.objects import IMMUTABLE
from external_storage.testing.fake_s3 import Fault
from tests.integration.test_operate_deploy import SITE, on_this_machine
from tests.servers import nginx

from .conftest import PNG

SIZE = len(PNG)
NEVER_DELETED = "proxy_cache_valid 200 302 10m;"
SOON = "proxy_cache_valid 200 302 1s;"


@dataclass(frozen=True)
class Front:
    """The site as visitors see it."""

    pool: urllib3.HTTPSConnectionPool

    def get(self, path: str = "/images/covers/a.png", method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        sent = {"Host": "books.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.pool.request(method, path, headers=sent, redirect=False)

    def until(self, status: int, path: str = "/images/covers/a.png") -> float:
        """Ask until the answer has this status; return how many seconds that took."""
        began = time.monotonic()
        while self.get(path).status != status:
            assert time.monotonic() - began < 10
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture
def before_site(certificates, nginx_program, live_server) -> Callable:
    """A function that puts nginx, with its file changed here and there, before the site."""

    @contextmanager
    def start(**changed: str) -> Iterator[Front]:
        text, tls = on_this_machine(certificates, site_port=live_server.thread.port)
        for written, here in changed.values():
            assert written in text, written
            text = text.replace(written, here)
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", tls, ca_certs=str(certificates.authority), assert_hostname=False, retries=False
        )
        with nginx(text, port=tls), pool:
            yield Front(pool)

    return start


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that nginx's workers, who are somebody else, may read."""
    with TemporaryDirectory(prefix="bookwyrm-pictures-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


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
