"""What a state says of itself, and how seldom it is asked for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from external_storage.django.backends import _corrected
from external_storage.django.moving import database, state
from external_storage.django.moving.state import State, Step

SETTLED = State("default", 5, Step.SETTLED, "bucket", retired=("disk", "old"))


@pytest.mark.parametrize(
    ("step", "moving", "to_the_site"),
    [
        (Step.SETTLED, False, False),
        (Step.MIRRORING, True, False),
        (Step.HANDOVER, True, True),
        (Step.UNCONFIRMED, True, True),
        (Step.SWITCHED, True, False),
    ],
)
def test_each_step_says_whether_files_move_and_where_links_point(step, moving, to_the_site):
    here = State("default", 1, step, "disk", "" if step is Step.SETTLED else "bucket")
    assert (here.is_moving, here.links_to_the_site) == (moving, to_the_site)


def test_every_store_that_has_to_hear_of_a_change_is_named_once():
    moving = State("default", 1, Step.SWITCHED, "bucket", "disk", retired=("old",))
    assert (moving.in_use, moving.stores) == (("bucket", "disk"), ("bucket", "disk", "old"))
    assert (SETTLED.in_use, SETTLED.stores) == (("bucket",), ("bucket", "disk", "old"))
    assert not SETTLED.is_alone
    assert State("default", 0, Step.SETTLED, "disk").is_alone


@pytest.fixture
def slow_database(monkeypatch) -> list[float]:
    """A database that takes its time to say where an alias stands; the list has when it was asked."""
    asked: list[float] = []

    def rows(*statement: object) -> list[tuple]:
        asked.append(time.monotonic())
        time.sleep(0.3)
        return [("default", 1, "settled", "disk", "", "[]", 0.0, "x", "disk")]

    monkeypatch.setattr(database, "rows", rows)
    state.forget()
    yield asked
    state.forget()


def test_of_many_threads_at_once_one_asks_and_all_know(slow_database):
    together = threading.Barrier(16)

    def ask(_: int) -> int:
        together.wait()
        return state.state_of("default").epoch

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(ask, range(16))) == {1}
    assert len(slow_database) == 1


def test_what_is_known_is_gone_by_while_one_thread_asks_anew(slow_database):
    state.state_of("default")
    time.sleep(state.REFRESHED_SECONDS)
    with ThreadPoolExecutor(1) as other:
        asking = other.submit(state.state_of, "default")
        while len(slow_database) < 2:
            time.sleep(0.01)
        began = time.monotonic()
        assert state.state_of("default").epoch == 1
        assert time.monotonic() - began < 0.2
        asking.result()
    assert len(slow_database) == 2


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("/srv/site.sqlite3", "/srv/site-moving.sqlite3"),
        ("/srv/db", "/srv/db-moving"),
        ("file:/srv/site.db?cache=shared", "/srv/site-moving.db"),
    ],
)
def test_on_sqlite_the_marks_lie_beside_the_database(name, file):
    assert database._file_beside(name) == Path(file)


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_the_marks_of_a_database_in_memory_lie_in_a_temporary_folder(name):
    assert database._file_beside(name) == database._file_beside(":memory:")
    assert database._file_beside(name).parent.is_dir()


@pytest.mark.parametrize(
    ("changed", "listed"),
    [
        ({}, (["covers"], ["a.txt"])),
        ({"b.txt": True, "a.txt": False}, (["covers"], ["b.txt"])),
        ({"avatars/2/c.txt": True}, (["avatars", "covers"], ["a.txt"])),
        ({"covers/d.txt": False, "gone/e.txt": False}, (["covers"], ["a.txt"])),
    ],
)
def test_a_listing_is_corrected_by_what_the_store_has_still_to_hear_of(changed, listed):
    assert _corrected({"covers"}, {"a.txt"}, changed) == listed
