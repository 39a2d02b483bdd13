"""The stores that speak through a service's own library pass the contract, each on a real server where there is one.

Azure Blob Storage is in azure_on_azurite.py.
"""

from __future__ import annotations

import re
import secrets
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from external_storage.errors import (
    ContainerMissing,
    CredentialsRefused,
    ObjectMissing,
    PermissionRefused,
    SettingsError,
    StoreUnreachable,
)
from external_storage.stores import Store
from external_storage.stores.container import CHUNK, IN_MEMORY
from external_storage.stores.google import GoogleStore
from external_storage.stores.libcloud import LibcloudStore
from external_storage.testing.contract import PICTURE, UNUSUAL, get, put
from tests import servers
from tests.contract.containers import ContainerContract
from tests.servers import S3Server
from tests.servers.google import google
from tests.servers.keystone import REGION, keystone
from tests.servers.processes import free_ports
from tests.servers.swift import SwiftServer, swift_of


def on_s3(server: S3Server, container: str, **changed) -> LibcloudStore:
    host, _, port = server.endpoint_url.removeprefix("http://").partition(":")
    settings = {
        "driver": "s3",
        "container": container,
        "prefix": "images/",
        "key": server.access_key_id,
        "secret": server.secret_access_key,
        "options": {"host": host, "port": int(port), "secure": False, "region": "us-east-1"},
    }
    return LibcloudStore(server.name, **settings | changed)


def on_swift(server: SwiftServer, container: str, **changed) -> LibcloudStore:
    options = {"secure": False, "ex_force_auth_url": server.auth_url, "ex_force_auth_version": "1.0"}
    settings = {"container": container, "prefix": "images/", "key": server.user, "secret": server.key}
    return LibcloudStore("swift", driver="openstack_swift", options=options, **settings | changed)


@pytest.fixture(scope="session")
def swift(ceph: S3Server) -> SwiftServer:
    return swift_of(ceph)


@pytest.fixture(scope="session")
def google_client() -> Iterator[Client]:
    with google() as address:
        where = {"api_endpoint": address}
        yield Client(project="books", credentials=AnonymousCredentials(), client_options=where)


class TestLibcloudInFolders(ContainerContract):
    # The library copies a file to where readers look for it, and lists folders.
    replaces_atomically = False
    knows_digests = False
    distinguishes_folders = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        (tmp_path / "container").mkdir()
        return LibcloudStore("folders", driver="local", container="container", key=str(tmp_path))


class TestLibcloudOnS3(ContainerContract):
    @pytest.fixture
    def store(self, ceph: S3Server) -> Store:
        return on_s3(ceph, ceph.make_bucket().name)


class TestLibcloudOnSwift(ContainerContract):
    @pytest.fixture
    def store(self, swift: SwiftServer) -> Store:
        return on_swift(swift, swift.make_container())


class TestGoogle(ContainerContract):
    keeps_headers = True
    # The emulator names the address to read from without quoting what is in it.
    unusual = [name for name in UNUSUAL if not re.search("[?#%;]", name)]

    @pytest.fixture
    def store(self, google_client: Client) -> Store:
        bucket = google_client.create_bucket(f"books-{secrets.token_hex(6)}")
        return GoogleStore("google", bucket, prefix="images/")


# What the contract cannot ask, because it takes more than a store that works


def test_libcloud_reads_and_lists_what_seaweedfs_keeps(seaweedfs: S3Server):
    store = on_s3(seaweedfs, seaweedfs.make_bucket().name)
    for key, data in {"empty": b"", "ünïcödé/a b+c%20d.jpg": b"x" * 70_000}.items():
        put(store, key, data)
        assert get(store, key) == data
    assert [(info.key, info.size) for info in store.list()] == [("empty", 0), ("ünïcödé/a b+c%20d.jpg", 70_000)]
    assert store.delete(["empty", "ünïcödé/a b+c%20d.jpg"]) == {"empty": None, "ünïcödé/a b+c%20d.jpg": None}


@pytest.mark.parametrize("service", ["s3", "swift"])
def test_a_missing_container_is_no_missing_object(service: str, ceph: S3Server, swift: SwiftServer):
    store = on_s3(ceph, "not-there") if service == "s3" else on_swift(swift, "not-there")
    for ask in (lambda: list(store.list()), lambda: store.describe("a"), lambda: store.open("a")):
        with pytest.raises(ContainerMissing):
            ask()


@pytest.mark.parametrize("service", ["s3", "swift"])
def test_a_wrong_key_is_refused_without_being_shown(service: str, ceph: S3Server, swift: SwiftServer):
    wrong = {"secret": "a-secret-that-is-wrong"}
    store = (
        on_s3(ceph, ceph.make_bucket().name, **wrong)
        if service == "s3"
        else on_swift(swift, swift.make_container(), **wrong)
    )
    with pytest.raises(CredentialsRefused) as refused:
        store.open("a")
    assert "a-secret" not in str(refused.value)


def test_a_service_that_is_not_there_is_said_to_be_out_of_reach():
    (port,) = free_ports(1)
    options = {"host": "127.0.0.1", "port": port, "secure": False}
    store = LibcloudStore("s3", driver="s3", container="a", key="id", secret="secret", options=options)
    with pytest.raises(StoreUnreachable):
        store.describe("a")


def test_what_may_not_be_looked_at_is_not_missing(tmp_path: Path, monkeypatch):
    (tmp_path / "container").mkdir()
    store = LibcloudStore("folders", driver="local", container="container", key=str(tmp_path))
    put(store, "closed/a", b"1")

    def refused(path: Path, **how) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refused)  # root may look everywhere
    with pytest.raises(PermissionRefused):
        store.describe("closed/a")


def test_a_bucket_of_google_that_is_missing_is_no_missing_object(google_client: Client):
    store = GoogleStore("google", google_client.bucket("not-there"))
    for ask in (lambda: list(store.list()), lambda: store.describe("a")):
        with pytest.raises((ContainerMissing, ObjectMissing)) as refused:
            ask()
        assert isinstance(refused.value, ContainerMissing)


def test_servers_that_are_absent_name_what_adds_them(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(servers.ServerAbsent, match="pip install gcp-storage-emulator"), google():
        pass


@pytest.mark.parametrize("version", ["3.x_password", "2.0_password"])
def test_a_login_by_keystone_leads_to_the_region_that_is_named(swift: SwiftServer, version: str):
    with keystone(swift) as web:
        options = {"ex_force_auth_url": web.url("").rstrip("/"), "ex_force_auth_version": version, "secure": False}
        options |= {"ex_tenant_name": "site", "region": REGION}
        settings = {"driver": "openstack_swift", "container": swift.make_container(), "key": "books"}
        store = LibcloudStore("swift", secret=swift.key, options=options, **settings)
        put(store, "a b", b"1")
        assert (get(store, "a b"), [info.key for info in store.list()]) == (b"1", ["a b"])
        with pytest.raises(CredentialsRefused) as refused:
            LibcloudStore("swift", secret="a-wrong-secret", options=options, **settings).describe("a b")
        assert "a-wrong" not in str(refused.value)


# T12: what the library's drivers are known for


@pytest.fixture(params=["s3", "swift", "folders"])
def container(request, ceph: S3Server, tmp_path: Path) -> LibcloudStore:
    if request.param == "s3":
        return on_s3(ceph, ceph.make_bucket().name)
    if request.param == "swift":
        swift = swift_of(ceph)
        return on_swift(swift, swift.make_container())
    (tmp_path / "container").mkdir()
    return LibcloudStore("folders", driver="local", container="container", key=str(tmp_path))


def test_t12_an_empty_object_comes_to_its_end(container: LibcloudStore):
    put(container, "empty", b"")
    with container.open("empty") as source:
        assert (source.read(CHUNK), source.read(CHUNK), source.info.size) == (b"", b"", 0)
        source.check_unchanged()
        source.restart()
        assert source.read() == b""


def test_t12_an_object_passes_through_without_being_held(container: LibcloudStore):
    size, piece = 5 * IN_MEMORY, bytes(CHUNK)
    put(container, "large", piece * (size // CHUNK))
    tracemalloc.start()
    try:
        with container.open("large") as source:
            container.put("copy", source, PICTURE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * IN_MEMORY
    assert container.describe("copy").size == size


def test_t12_a_driver_that_does_not_hold_the_contract_is_refused_with_those_that_do():
    with pytest.raises(SettingsError) as refused:
        LibcloudStore("b2", driver="backblaze_b2", container="a", key="id", secret="a-secret-of-somebody")
    assert "local, s3, openstack_swift" in str(refused.value)
    assert "a-secret" not in str(refused.value)


def test_t12_a_wrong_region_is_told_without_a_request():
    store = LibcloudStore("s3", driver="s3", container="a", key="id", secret="s", options={"region": "no-such-region"})
    with pytest.raises(SettingsError, match="does not take these options: region"):
        store.describe("a")
