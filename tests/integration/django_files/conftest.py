"""A site's file settings for one test: folders of its own, and a bucket of its own on a real server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import call_command

from external_storage.django.own_page import headers_of_a_page
from tests.servers import Bucket, S3Server
from tests.servers.web import Web, answering, response

SITE = "https://books.test"
CANARY = "CANARY-secret-that-nobody-may-see"

one_server = pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
"""For a test in which the real server plays no part: nothing new is seen when it is another one."""


@dataclass
class FileSite:
    """The test's own site, as far as its files go. Change what a test is about through `configure`."""

    settings: Any
    server: S3Server
    bucket: Bucket
    media: Path
    static: Path
    active: str = "bucket"
    state: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def configure(self, *, active: str = "", deadline: float = 10.0, **bucket: Any) -> None:
        """Apply settings: *active* is "disk" or "bucket"; the rest replaces values of the bucket's entry."""
        self.values |= bucket
        self.active = active or self.active
        shared = {
            "KIND": "s3",
            "BUCKET": self.bucket.name,
            "REGION": self.server.region,
            "ENDPOINT_URL": self.server.endpoint_url,
            "CUSTOM_DOMAIN": self.bucket.public_url,
            "ACCESS_KEY_ID": self.server.access_key_id,
            "SECRET_ACCESS_KEY": self.server.secret_access_key,
            "USE_HTTPS": False,
            **self.values,
        }
        self.settings.EXTERNAL_STORAGE = {
            "STORES": {
                "disk": {"KIND": "local", "ROOT": self.media, "PUBLIC_URL": f"{SITE}/images/"},
                "static-disk": {"KIND": "local", "ROOT": self.static, "PUBLIC_URL": f"{SITE}/static/"},
                "bucket": {**shared, "PREFIX": "images/"},
                "static-bucket": {**shared, "PREFIX": "static/"},
            },
            "ALIASES": {
                "default": {
                    "ACTIVE": self.active,
                    "STORES": ["disk", "bucket"],
                    "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish",
                    "DERIVED_KEYS": "bookwyrm.images.thumbnails.derived_keys",
                },
                "staticfiles": {"ACTIVE": f"static-{self.active}", "STORES": ["static-disk", "static-bucket"]},
            },
            "DEADLINE": deadline,
            "SITE_ORIGINS": [SITE],
            "STATE_DIR": self.state,
            "CONFIGURED_BY": {"BUCKET": "AWS_STORAGE_BUCKET_NAME", "ACTIVE": "USE_S3"},
        }

    def put_on_disk(self, key: str, data: bytes) -> None:
        path = self.media / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put_in_bucket(self, key: str, data: bytes, **headers: str) -> None:
        self.bucket.client.put_object(Bucket=self.bucket.name, Key=key, Body=data, ACL="public-read", **headers)

    def in_bucket(self, key: str) -> bytes:
        return self.bucket.client.get_object(Bucket=self.bucket.name, Key=key)["Body"].read()

    @property
    def storage(self) -> Any:
        return storages["default"]


@pytest.fixture
def site(settings, s3_server: S3Server, tmp_path: Path) -> FileSite:
    """A site whose media are served from a fresh bucket."""
    made = FileSite(settings, s3_server, s3_server.make_bucket(), tmp_path / "media", tmp_path / "static")
    made.media.mkdir()
    made.static.mkdir()
    settings.STATIC_ROOT = made.static
    made.configure()
    # Django forgets the storages it has made when this setting changes.
    settings.STORAGES = dict(settings.STORAGES)
    return made


@pytest.fixture
def own_static_files(settings) -> None:
    """Let the site have no static files but its own: the hundred of Django's admin pages go the same way."""
    settings.STATICFILES_DIRS = [settings.BASE_DIR / "bookwyrm" / "static"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]


@pytest.fixture
def collected(site, own_static_files, run) -> FileSite:
    """The site with its static files in the bucket."""
    assert run("collectstatic", "--noinput").code == 0
    return site


@contextmanager
def before_the_site(exchanged: Mapping[str, str] = {}) -> Iterator[Web]:
    """Answer visitors as a proxy before the site does: with the site's headers, some of them *exchanged*."""

    def answer(peer: socket, head: bytes) -> None:
        shown = {name.title(): value for name, value in headers.items() if name != "content-length"}
        peer.sendall(response(**(shown | exchanged)))

    with answering(answer) as web:
        headers = headers_of_a_page(web.url(""))
        yield web


@dataclass
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> list[Any]:
        """The JSON values it printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run() -> Callable[..., Ran]:
    """Run a management command in this process."""

    def run(name: str, *arguments: Any, **options: Any) -> Ran:
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            call_command(name, *arguments, stdout=out, stderr=err, **options)
        except SystemExit as ended:
            code = ended.code
        return Ran(code, out.getvalue(), err.getvalue())

    return run
