"""What tests of the site share: a folder of their own for pictures, and counters that begin at nothing."""

from __future__ import annotations

import copy
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import cache


@pytest.fixture
def media(settings, tmp_path: Path) -> Path:
    """The folder in which the site keeps its pictures during one test."""
    folder = tmp_path / "images"
    folder.mkdir()
    described = copy.deepcopy(settings.EXTERNAL_STORAGE)
    described["STORES"]["disk"]["ROOT"] = folder
    settings.EXTERNAL_STORAGE = described
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture
def no_tries_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how often anything was tried before, and let no window of counting end in the middle of a test."""
    cache.clear()
    began = time.time()
    monkeypatch.setattr("bookwyrm.site.limits.time", SimpleNamespace(time=lambda: began))


@pytest.fixture
def bucket_is_away(settings, media: Path):
    """Call it, and from then on the site keeps its pictures in a bucket on a server that does not answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    def go_away() -> None:
        described = copy.deepcopy(settings.EXTERNAL_STORAGE)
        described["STORES"]["bucket"] = {
            "KIND": "s3",
            "BUCKET": "books",
            "PREFIX": "images/",
            "REGION": "fr-par",
            "ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "CUSTOM_DOMAIN": f"127.0.0.1:{port}/books",
            "ACCESS_KEY_ID": "key",
            "SECRET_ACCESS_KEY": "not-a-secret",
            "DEFAULT_ACL": None,
            "USE_HTTPS": False,
        }
        described["ALIASES"]["default"]["ACTIVE"] = "bucket"
        settings.EXTERNAL_STORAGE = described

    return go_away
