"""How many objects are in flight at once follows how the store answers."""

from __future__ import annotations

import threading
import time

import pytest

from external_storage import transfer
from external_storage.errors import SlowDown
from external_storage.objects import Headers, Publish
from external_storage.stores import MemoryStore
from external_storage.testing.contract import put
from external_storage.transfer import pace
from external_storage.transfer.pace import Pace

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg")))


def test_s2_a_request_to_slow_down_halves_the_pace_once_for_all_that_were_under_way(monkeypatch):
    now = 100.0
    monkeypatch.setattr(pace, "monotonic", lambda: now)
    measured = Pace(16)
    for _ in range(5):
        measured.slow_down()
    assert measured.limit == 8
    for limit in (4, 2, 1, 1):
        now += 2
        measured.slow_down()
        assert measured.limit == limit


def test_the_pace_rises_by_one_after_each_round_that_went_well():
    measured = Pace(4)
    measured.slow_down()
    assert measured.limit == 2
    for _ in range(2):
        measured.go_on()
    assert measured.limit == 3
    for _ in range(30):
        measured.go_on()
    assert measured.limit == 4


def test_nobody_begins_before_the_time_that_the_store_asked_for(monkeypatch):
    now = 100.0
    monkeypatch.setattr(pace, "monotonic", lambda: now)
    measured = Pace(8)
    assert measured.may_begin()
    measured.slow_down(30.0)
    measured.slow_down(5.0)  # an answer to an earlier request does not shorten it
    now += 29
    assert not measured.may_begin()
    now += 1
    assert measured.may_begin()


def test_nobody_waits_for_a_run_that_is_over():
    measured = Pace(1)
    measured.slow_down(300.0)
    waiting = threading.Thread(target=measured.begin, daemon=True)
    waiting.start()
    measured.stop()
    waiting.join(10)
    assert not waiting.is_alive()
    assert measured.may_begin()


def test_who_waits_for_the_time_that_the_store_asked_for_is_let_in_after_it(monkeypatch):
    monkeypatch.setattr(pace, "WAKING_SECONDS", 0.01)
    measured = Pace(2)
    measured.slow_down(0.1)
    began = time.monotonic()
    measured.begin()
    assert time.monotonic() - began >= 0.1


def rise(measured: Pace, monkeypatch, rate_at) -> list[int]:
    """Let objects go well for a while, so many a second as *rate_at* says for the limit; return the limits seen."""
    now, limits = time.monotonic(), []
    monkeypatch.setattr(pace, "monotonic", lambda: now)
    for _ in range(4_000):
        now += 1 / rate_at(measured.limit)
        measured.go_on()
        limits.append(measured.limit)
    return limits


def test_a_far_store_gets_more_at_once_as_long_as_that_brings_more_a_second(monkeypatch):
    limits = rise(Pace(64, fixed=False), monkeypatch, rate_at=lambda limit: limit / 0.02)
    assert limits[0] == pace.FIRST_GOAL
    assert limits[-1] == 64


def test_more_at_once_that_brings_nothing_is_taken_back(monkeypatch):
    limits = rise(Pace(64, fixed=False), monkeypatch, rate_at=lambda limit: 500)
    assert max(limits) > pace.FIRST_GOAL
    assert limits[-1] == pace.FIRST_GOAL


def test_a_number_that_was_asked_for_is_kept(monkeypatch):
    assert set(rise(Pace(8), monkeypatch, rate_at=lambda limit: limit / 0.02)) == {8}


class Counting(MemoryStore):
    """Counts how many are stored at the same moment."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most_at_once = 0
        self.counting = threading.Lock()

    def put(self, key, source, headers, *, replace=True):
        with self.counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.01)
        with self.counting:
            self.at_once -= 1
        return super().put(key, source, headers, replace=replace)


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_objects_are_sent_side_by_side_up_to_the_number_wanted(concurrency):
    source, target = MemoryStore("source"), Counting()
    for n in range(60):
        put(source, f"{n}.jpg", b"1")
    transfer.copy(source, target, RULES, concurrency=concurrency)
    assert target.most_at_once == concurrency


class Overwhelmed(MemoryStore):
    """Asks once to be sent less, near the end of a run."""

    puts = 0

    def put(self, key, source, headers, *, replace=True):
        self.puts += 1
        if self.puts == 950:
            raise SlowDown("Please slow down.", retry_after=0.01)
        time.sleep(0.001)
        return super().put(key, source, headers, replace=replace)


def test_a_run_goes_on_when_the_pace_falls_while_workers_have_work_before_them():
    source, target = MemoryStore("source"), Overwhelmed("target")
    for n in range(1_000):
        put(source, f"{n:04}.jpg", b"1")
    report = transfer.copy(source, target, RULES, concurrency=16)
    assert (report.copied, report.failed, report.retries) == (1_000, 0, 1)
