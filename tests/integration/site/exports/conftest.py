"""A site with private files in a place of the test's own, on a disk or on a real server."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from external_storage.django import conf
from external_storage.stores import Store
from tests.servers import OpenSsh, S3Server


@dataclass
class PrivatePlace:
    """Where private files are kept in one test."""

    settings: Any
    values: dict[str, Any]

    @property
    def store(self) -> Store:
        return conf.store_named("vault")

    @property
    def keys(self) -> list[str]:
        return [info.key for info in self.store.list()]

    def configure(self, **changed: Any) -> None:
        described = copy.deepcopy(self.settings.EXTERNAL_STORAGE)
        described["STORES"]["vault"] = {**self.values, **changed}
        described["ALIASES"]["exports"] = {"ACTIVE": "vault", "PRIVATE": True}
        self.settings.EXTERNAL_STORAGE = described
        self.settings.STORAGES = dict(self.settings.STORAGES)


@pytest.fixture
def on(settings, media: Path, tmp_path: Path, request) -> Callable[[str], PrivatePlace]:
    """A function that puts private files on "disk", "seaweedfs", "ceph" or "sftp"."""

    def put(where: str) -> PrivatePlace:
        cache.clear()
        place = PrivatePlace(settings, _described(where, tmp_path, request))
        place.configure()
        return place

    return put


def _described(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    if where == "disk":
        folder = tmp_path / "private"
        folder.mkdir(mode=0o700)
        return {"KIND": "local", "ROOT": folder}
    if where == "sftp":
        ssh: OpenSsh = request.getfixturevalue("openssh")
        return {
            "KIND": "sftp",
            "HOST": ssh.host,
            "PORT": ssh.port,
            "USER": ssh.user,
            "ROOT": str(ssh.make_folder()),
            "KEY_FILE": str(ssh.key_file),
            "KNOWN_HOSTS": str(ssh.known_hosts),
            "FILE_MODE": 0o600,
        }
    server: S3Server = request.getfixturevalue(where)
    bucket = server.make_bucket(public=())
    return {
        "KIND": "s3",
        "BUCKET": bucket.name,
        "REGION": server.region,
        "ENDPOINT_URL": server.endpoint_url,
        "ACCESS_KEY_ID": server.access_key_id,
        "SECRET_ACCESS_KEY": server.secret_access_key,
        "ADDRESSING_STYLE": "path",
        "USE_HTTPS": False,
    }


@pytest.fixture
def private(on) -> PrivatePlace:
    return on("disk")
