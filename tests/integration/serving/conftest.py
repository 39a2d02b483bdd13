"""A site that serves its own files, from a store of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from external_storage.django import conf
from external_storage.django.serving import fetching
from external_storage.django.views import serve
from external_storage.objects import IMMUTABLE, Headers
from external_storage.stores import BytesSource
from external_storage.testing import FakeS3

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000
SECRET = "a-secret-that-nobody-sees"


@dataclass(frozen=True)
class Answer:
    """What a visitor got."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class ServingSite:
    """The test's own site, whose files are in the store "files"."""

    settings: Any
    copies: Path

    def configure(self, values: dict[str, Any], *, most_bytes: int = 0, deadline: float = 2, **alias: Any) -> None:
        """Keep the files in the store of these *values*, and copies of up to *most_bytes*; 0 for none."""
        self.settings.EXTERNAL_STORAGE = {
            "STORES": {
                "files": values,
                "static": {"KIND": "local", "ROOT": self.copies.parent, "PUBLIC_URL": "/static/"},
            },
            "ALIASES": {
                "default": {
                    "ACTIVE": "files",
                    "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish",
                    "SERVED_AT": "/images/",
                    **alias,
                },
                "staticfiles": {"ACTIVE": "static"},
            },
            "DEADLINE": deadline,
            **({"CACHE": {"FOLDER": self.copies, "MOST_BYTES": most_bytes}} if most_bytes else {}),
        }

    def put(self, key: str, data: bytes = PNG) -> None:
        """Store an object behind the site's back."""
        conf.store_named("files").put(key, BytesSource(key, data), Headers("image/png", IMMUTABLE, public=True))

    def save(self, key: str, data: bytes = PNG) -> str:
        return storages["default"].save(key, ContentFile(data))

    def get(self, key: str = "covers/a.png", method: str = "GET", **headers: str) -> Answer:
        request = RequestFactory().generic(method, f"/images/{quote(key)}", headers=headers)
        try:
            response = serve(request, key)
        except Http404:
            return Answer(404, {}, b"")
        with closing(response):
            return Answer(response.status_code, dict(response.headers), body_of(response))

    @property
    def kept(self) -> list[Path]:
        """The copies that are on this machine."""
        return [path for path in self.copies.glob("??/*") if path.is_file()]

    @property
    def left_over(self) -> list[str]:
        """What lies where files arrive; the lock of whoever clears away stays."""
        return sorted(path.name for path in (self.copies / "filling").iterdir() if path.name != "sweeping")


def body_of(response: HttpResponseBase) -> bytes:
    return b"".join(response) if response.streaming else response.content


@pytest.fixture
def serving(settings, tmp_path: Path, transactional_db) -> Iterator[ServingSite]:
    """A site; `configure` says where its files are."""
    settings.STORAGES = dict(settings.STORAGES)
    settings.ROOT_URLCONF = "tests.integration.serving.urls"
    fetching.spare_nobody()
    yield ServingSite(settings, tmp_path / "copies")
    fetching.spare_nobody()


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    with FakeS3() as fake:
        yield fake


@pytest.fixture
def faulty(serving: ServingSite, fake: FakeS3) -> Callable[..., ServingSite]:
    """A function that puts the files on a server that misbehaves on demand, and configures the rest."""

    def configure(*, domain: str | None = None, endpoint: str = "", **how: Any) -> ServingSite:
        serving.configure(
            {
                "KIND": "s3",
                "BUCKET": "books",
                "ENDPOINT_URL": endpoint or fake.endpoint_url,
                "ACCESS_KEY_ID": "any-key",
                "SECRET_ACCESS_KEY": SECRET,
                "ADDRESSING_STYLE": "path",
                "USE_HTTPS": False,
                "CUSTOM_DOMAIN": domain,
            },
            **{"SERVING": "proxy", **how},
        )
        return serving

    return configure
