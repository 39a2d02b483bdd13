"""Several at a time, results in order, errors where they belong."""

from __future__ import annotations

import threading
import time
from itertools import count, islice

import pytest

from external_storage.transfer.side_by_side import AHEAD, side_by_side


def test_results_come_in_the_order_of_the_things():
    def slower_at_first(n: int) -> int:
        time.sleep(0.002 * (20 - n))
        return n * n

    assert list(side_by_side(slower_at_first, range(20), threads=8)) == [n * n for n in range(20)]


def test_work_overlaps():
    together = threading.Barrier(4, timeout=10)
    assert list(side_by_side(lambda n: together.wait() >= 0, range(4), threads=4)) == [True] * 4


def test_an_error_in_a_worker_is_raised_where_its_result_is_due():
    def work(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    results = side_by_side(work, range(10), threads=4)
    assert list(islice(results, 3)) == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_no_more_is_taken_up_than_is_soon_due():
    endless = count(1)
    results = side_by_side(lambda n: n, endless, threads=2)
    assert list(islice(results, 5)) == [1, 2, 3, 4, 5]
    assert next(endless) <= 5 + AHEAD * 2 + 2
    results.close()


def test_whoever_stops_listening_waits_for_nothing():
    held, ended = threading.Event(), []
    results = side_by_side(lambda n: n and ended.append(held.wait(30)), range(50), threads=2)
    assert next(results) == 0
    results.close()
    assert not ended
    held.set()
