"""Several processes, on different steps, frozen and killed where it hurts: on each database, from disk to bucket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from .conftest import RULE
from .processes import PlainSite, plain_site


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/site.sqlite3"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"site_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def stores(tmp_path: Path, seaweedfs) -> dict:
    """From the disk to a bucket on SeaweedFS."""
    (tmp_path / "disk").mkdir()
    return {
        "disk": {"KIND": "local", "ROOT": f"{tmp_path}/disk", "PUBLIC_URL": "/images/"},
        "bucket": {
            "KIND": "s3",
            "BUCKET": seaweedfs.make_bucket().name,
            "PREFIX": "images/",
            "REGION": seaweedfs.region,
            "ENDPOINT_URL": seaweedfs.endpoint_url,
            "ACCESS_KEY_ID": seaweedfs.access_key_id,
            "SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
        },
    }


@pytest.fixture
def site(tmp_path: Path, database_url: str, stores: dict) -> Iterator[PlainSite]:
    alias = {"ACTIVE": "disk", "STORES": ["disk", "bucket"], "PUBLISHING_RULE": RULE}
    settings = {"STORES": stores, "ALIASES": {"default": alias}, "DEADLINE": 10}
    with plain_site(tmp_path, database_url, settings) as made:
        yield made


def test_a_process_killed_between_mark_and_write_leaves_all_as_it_was(site):
    one, other = site.start(), site.start()
    other.ask("save", "old.txt", "old")
    other.ask("climb", "begin_mirroring", "bucket")
    other.ask("replace", "old.txt", "old")
    other.ask("drain")
    one.ask("pause")
    one.begin("replace", "old.txt", "new")
    assert one.answer() == "at the store"
    one.kill()
    assert other.ask("open_marks") == ["old.txt"]
    assert other.ask("read", "old.txt") == "old"
    other.ask("time_passes")
    other.ask("drain")
    assert other.ask("open_marks") == []
    assert other.ask("held", "bucket") == other.ask("held", "disk") == {"old.txt": "old"}


def test_a_process_frozen_in_the_middle_of_a_write_across_two_steps_loses_nothing(site):
    frozen, other = site.start(), site.start()
    other.ask("climb", "begin_mirroring", "bucket")
    other.ask("climb", "begin_handover")
    other.ask("save", "replaced.txt", "old")
    frozen.ask("pause")
    frozen.begin("replace", "replaced.txt", "new")
    assert frozen.answer() == "at the store"
    frozen.stop_where_it_is()

    other.ask("time_passes")
    assert other.ask("climb", "exchange") == "unconfirmed"
    assert other.ask("climb", "confirm") == "switched"
    assert other.ask("read", "replaced.txt") == "old"
    assert other.ask("open_marks") == []

    frozen.go_on()
    frozen.answer()
    assert other.ask("read", "replaced.txt") == "new"
    other.ask("drain")
    assert other.ask("held", "bucket") == other.ask("held", "disk") == {"replaced.txt": "new"}


def test_a_process_frozen_before_a_delete_across_two_steps_deletes_everywhere(site):
    frozen, other = site.start(), site.start()
    other.ask("climb", "begin_mirroring", "bucket")
    other.ask("save", "a.txt", "one")
    other.ask("climb", "begin_handover")
    frozen.ask("pause")
    frozen.begin("delete", "a.txt")
    assert frozen.answer() == "at the store"
    frozen.stop_where_it_is()
    other.ask("time_passes")
    other.ask("climb", "exchange")
    other.ask("climb", "confirm")
    assert other.ask("read", "a.txt") == "one"
    frozen.go_on()
    frozen.answer()
    assert other.ask("read", "a.txt") is None
    other.ask("drain")
    assert other.ask("held", "bucket") == other.ask("held", "disk") == {}


def test_a_process_frozen_until_all_has_settled_still_loses_nothing(site):
    frozen, other = site.start(), site.start()
    frozen.ask("pause")
    frozen.begin("save", "a.txt", "from before the move")
    assert frozen.answer() == "at the store"
    frozen.stop_where_it_is()
    other.ask("climb", "begin_mirroring", "bucket")
    for step in ("begin_handover", "exchange", "confirm", "settle"):
        other.ask("climb", step)
    frozen.go_on()
    name = frozen.answer()
    assert other.ask("read", name) == frozen.ask("read", name) == "from before the move"
    assert other.ask("held", "bucket") == {name: "from before the move"}


@pytest.mark.parametrize("step", ["begin_mirroring", "begin_handover", "exchange", "confirm", "settle"])
def test_two_processes_on_different_steps_save_and_read_as_one(site, step):
    behind, ahead, reader = site.start(), site.start(), site.start()
    steps = ["begin_mirroring", "begin_handover", "exchange", "confirm", "settle"]
    for taken in steps[: steps.index(step)]:
        ahead.ask("climb", taken, *(["bucket"] if taken == "begin_mirroring" else []))
    old = ahead.ask("save", "old.txt", "old")
    for process in (behind, reader):  # until it writes, a process goes by what it knows
        process.ask("believe_for_ever")
    ahead.ask("climb", step, *(["bucket"] if step == "begin_mirroring" else []))

    expected = {old: "old"}
    for number in range(3):
        for process in (behind, ahead):
            process.begin("save", "cover.txt", f"{number} by {process is ahead}")
        names = [process.answer() for process in (behind, ahead)]
        expected |= {names[0]: f"{number} by False", names[1]: f"{number} by True"}
    assert len(expected) == 7
    behind.ask("replace", old, "changed by the one behind")
    assert ahead.ask("read", old) == "changed by the one behind"
    ahead.ask("replace", old, "changed by the one ahead")
    expected[old] = "changed by the one ahead"
    for process in (behind, ahead, reader):
        assert {name: process.ask("read", name) for name in expected} == expected

    ahead.ask("delete", old)
    assert behind.ask("read", old) is reader.ask("read", old) is None
    del expected[old]
    ahead.ask("drain")
    assert ahead.ask("open_marks") == []
    assert ahead.ask("held", "bucket" if step in ("exchange", "confirm", "settle") else "disk") == expected


def test_a_process_and_the_one_it_was_forked_from_each_have_their_own_connection(site):
    parent = site.start()
    parent.ask("climb", "begin_mirroring", "bucket")
    for number in range(3):
        parent.ask("save", f"{number} by the parent.txt", "parent")
        assert parent.ask("save_in_a_fork", f"{number} by the child.txt", "child") == 0
    parent.ask("drain")
    assert parent.ask("held", "bucket") == parent.ask("held", "disk")
    assert len(parent.ask("held", "disk")) == 6


def test_draining_processes_that_are_killed_again_and_again_lose_nothing(site):
    writer = site.start()
    writer.ask("climb", "begin_mirroring", "bucket")
    expected = {writer.ask("save", "cover.txt", f"picture {number}"): f"picture {number}" for number in range(40)}
    for _ in range(3):
        drainer = site.start()
        drainer.begin("drain")
        while len(writer.ask("open_marks")) == len(expected):
            pass
        drainer.kill()
        writer.ask("replace", min(expected), "changed")
        expected[min(expected)] = "changed"
    writer.ask("time_passes")
    writer.ask("drain")
    assert writer.ask("held", "bucket") == writer.ask("held", "disk") == expected
