"""Every store of ours passes the contract; those that need a server, on each server."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from external_storage.stores import DjangoStorageStore, LocalStore, MemoryStore, S3Store, Store
from external_storage.stores.dry_run import DryRunStore
from external_storage.stores.retrying import RetryingStore
from external_storage.testing import FakeS3, StoreContract
from tests.servers import OpenSsh, S3Server
from tests.sftp import sftp_store


class TestMemoryStore(StoreContract):
    keeps_headers = True

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocalStore(StoreContract):
    distinguishes_folders = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore("disk", tmp_path)


class TestDjangoFileSystemStorage(StoreContract):
    distinguishes_folders = False
    replaces_atomically = False
    knows_digests = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return DjangoStorageStore("media", FileSystemStorage(tmp_path))


class TestRetryingStore(StoreContract):
    keeps_headers = True

    @pytest.fixture
    def store(self) -> Store:
        return RetryingStore(MemoryStore(), sleep=lambda seconds: None)


class TestS3StoreOnAFake(StoreContract):
    keeps_headers = True

    @pytest.fixture
    def store(self):
        with FakeS3(page=100) as fake:
            yield S3Store(
                "fake",
                bucket="bucket",
                prefix="images/",
                endpoint_url=fake.endpoint_url,
                access_key_id="id",
                secret_access_key="secret",
                acl="public-read",
            )


class TestS3Store(StoreContract):
    keeps_headers = True

    @pytest.fixture
    def store(self, s3_server: S3Server) -> Store:
        # In SeaweedFS an object may not have the name of a folder, as on a disk; in Ceph it may.
        self.distinguishes_folders = s3_server.access_model == "acl"
        return S3Store(
            s3_server.name,
            bucket=s3_server.make_bucket().name,
            prefix="images/",
            region=s3_server.region,
            endpoint_url=s3_server.endpoint_url,
            access_key_id=s3_server.access_key_id,
            secret_access_key=s3_server.secret_access_key,
            acl="public-read" if s3_server.access_model == "acl" else None,
        )


class TestSftpStore(StoreContract):
    distinguishes_folders = False
    checks_digests_ahead = False

    @pytest.fixture
    def store(self, openssh: OpenSsh) -> Store:
        return sftp_store(openssh)


def test_a_dry_run_reads_and_never_writes(tmp_path: Path) -> None:
    from external_storage.errors import SettingsError
    from external_storage.testing.contract import PICTURE, get, keys, put

    store = LocalStore("disk", tmp_path)
    put(store, "a", b"1")
    dry = DryRunStore(store)
    assert (keys(dry), get(dry, "a"), dry.describe("a").size) == (["a"], b"1", 1)
    with pytest.raises(SettingsError):
        put(dry, "b", b"2", PICTURE)
    with pytest.raises(SettingsError):
        dry.delete(["a"])
    assert keys(store) == ["a"]
