"""The files go through every kind of store there is, and come home as they left, byte for byte."""

from __future__ import annotations

import hashlib

import pytest

from external_storage.django import conf
from external_storage.django.moving import ladder
from external_storage.django.moving.state import fresh_state_of
from tests.integration.moving.test_moving_journey import bucket_on, run
from tests.servers.swift import swift_of

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = [
    "covers/with space & plus+and%20percent.jpg",
    "covers/question?mark#hash.jpg",
    "covers/ünïcödé/日本/😀.png",
    "covers/e\u0301 decomposed",
    "a-b",
    "a/b.txt",
    ".hidden",
    "-dash",
    "[brackets]{curly}'quote\"",
    "deep/" * 12 + "end",
]


def tree() -> dict[str, bytes]:
    """Return contents that no codec leaves alone, one of them empty and one larger than a piece that is read."""
    contents = {name: hashlib.shake_128(name.encode()).digest(3_000 + 7 * n) for n, name in enumerate(HOSTILE)}
    return contents | {"empty": b"", "covers/large.jpg": hashlib.shake_128(b"large").digest(2**21 + 1)}


def held(store: str) -> dict[str, bytes]:
    opened, contents = conf.store_named(store), {}
    for info in opened.list():
        with opened.open(info.key) as source:
            contents[info.key] = source.read()
    return contents


@pytest.fixture
def every_kind(site, openssh, ceph, seaweedfs, monkeypatch):
    """A site that may be moved to any of its stores; it has heard of a step as soon as that was taken."""
    monkeypatch.setattr(ladder, "seconds_to_wait", lambda state: 0.0)
    swift = swift_of(ceph)
    site.configure(
        sftp={
            "KIND": "sftp",
            "HOST": openssh.host,
            "PORT": openssh.port,
            "USER": openssh.user,
            "ROOT": str(openssh.make_folder()),
            "KEY_FILE": str(openssh.key_file),
            "KNOWN_HOSTS": str(openssh.known_hosts),
        },
        swift={
            "KIND": "libcloud",
            "DRIVER": "openstack_swift",
            "CONTAINER": swift.make_container(),
            "PREFIX": "images/",
            "KEY": swift.user,
            "SECRET": swift.key,
            "OPTIONS": {"secure": False, "ex_force_auth_url": swift.auth_url, "ex_force_auth_version": "1.0"},
        },
        ceph=bucket_on(ceph),
        seaweedfs=bucket_on(seaweedfs),
        django={
            "KIND": "django",
            "CLASS": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(site.folders / "other")},
        },
    )
    del site.values["other"]
    site.configure()
    return site


def test_a_tree_goes_through_every_kind_of_store_and_comes_home(every_kind):
    contents = tree()
    for name, data in contents.items():
        path = every_kind.folders / "disk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    way = ["sftp", "swift", "ceph", "seaweedfs", "django", "disk"]
    for before, store in zip(["disk", *way], way, strict=False):
        code, lines = run("storage_move", "default", store, "--settle")
        assert code == 0, (store, lines)
        assert fresh_state_of("default").active == store
        assert held(store) == contents, store
        with every_kind.storage.open("a/b.txt") as file:
            assert file.read() == contents["a/b.txt"]
        if before != "disk":
            code, lines = run("storage_purge", "default", before, "--yes")
            assert code == 0, (before, lines)


def test_what_is_written_while_a_store_without_an_address_is_in_use_is_read_through_the_site(every_kind, client):
    code, lines = run("storage_move", "default", "swift", "--settle")
    assert code == 0, lines
    name = every_kind.save("covers/new.txt", "new")
    every_kind.replace(name, "newer")
    assert (every_kind.read(name), every_kind.storage.size(name)) == ("newer", 5)
    assert every_kind.storage.url(name) == "https://books.test/disk/covers/new.txt"
    assert every_kind.storage.listdir("covers") == ([], ["new.txt"])
    every_kind.storage.delete(name)
    assert not every_kind.storage.exists(name)


def test_the_status_says_what_each_kind_can_promise(every_kind):
    _, lines = run("storage_status")
    told = {line.strip().split(":")[0].lstrip("* "): after for line, after in zip(lines, lines[2:], strict=False)}
    assert "replaces atomically: yes" in told["sftp"]
    assert "digest known without reading: yes" in told["swift"]
    assert "replaces atomically: no" in told["django"]
    assert "lists in order: sorted by us" in told["django"]
