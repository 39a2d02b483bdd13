"""What only a database with several writers can show; `test_moving_on_postgresql` runs these there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime

import psycopg
import pytest
from django.db import DatabaseError, connection

from external_storage.django.moving import database, ladder, marks, state
from external_storage.django.moving.marks import touching

LOCK = "SELECT * FROM external_storage_aliasstate WHERE alias = 'default' FOR UPDATE"


@pytest.fixture
def another(site) -> Iterator[psycopg.Connection]:
    """Another process's session, of a site that mirrors its files."""
    site.climb("begin_mirroring", target="other")
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn) as opened:
        yield opened


def test_a_mark_waits_for_the_step_that_is_just_taken_and_is_of_that_step(site, another):
    another.execute(LOCK)
    with ThreadPoolExecutor(1) as background:
        marked = background.submit(marks.begin, "default", "a.txt")
        with pytest.raises(NotInTime):
            marked.result(timeout=0.5)
        another.execute("UPDATE external_storage_aliasstate SET epoch = 7, step = 'handover'")
        another.commit()
        touch = marked.result(timeout=10)
    assert touch.state.epoch == 7
    assert [mark.epoch for mark in marks.of_key("default", "a.txt")] == [7]


def test_a_step_waits_for_the_mark_that_is_just_made(site, another):
    site.time_passes()
    another.execute(LOCK)
    with ThreadPoolExecutor(1) as background:
        taken = background.submit(ladder.begin_handover, "default")
        with pytest.raises(NotInTime):
            taken.result(timeout=0.5)
        another.rollback()
        assert taken.result(timeout=10).epoch == 2


def test_a_process_frozen_in_the_middle_of_a_mark_holds_nobody_up_for_long(site, another):
    began = time.monotonic()
    with pytest.raises(DatabaseError), database.transaction():
        state.locked_state_of("default")
        another.execute(LOCK)  # comes back when the server has ended our session
        assert database.FROZEN_SECONDS - 1 < time.monotonic() - began < database.FROZEN_SECONDS + 10
        another.rollback()
        database.run("UPDATE external_storage_aliasstate SET epoch = 99")
    assert state.fresh_state_of("default").epoch == 1
    assert site.read(site.save("a.txt", "one")) == "one"


@pytest.mark.parametrize("when", ["its mark", "marking it again"])
def test_a_process_that_was_frozen_in_the_middle_of_a_mark_marks_once_it_goes_on(site, another, monkeypatch, when):
    begun = marks.begin("default", "a.txt")
    if when == "marking it again":
        site.time_passes()
        site.drain()
    ended: list[int] = []
    real = touching.locked_state_of

    def ending_the_session_once(alias: str) -> state.State:
        found = real(alias)
        if not ended:
            ended.append(_end_sessions_in_a_transaction(another))
        return found

    monkeypatch.setattr(touching, "locked_state_of", ending_the_session_once)
    if when == "its mark":
        marks.begin("default", "b.txt", creates=True)
    else:
        marks.end(begun)
    assert ended == [1]
    assert site.open_keys() >= {("b.txt" if when == "its mark" else "a.txt", "other")}


def _end_sessions_in_a_transaction(another: psycopg.Connection) -> int:
    """Do what the server does to a session that stands still in a transaction."""
    found = another.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()"
    ).fetchall()
    another.commit()
    return len(found)
