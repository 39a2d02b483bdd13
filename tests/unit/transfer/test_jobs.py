"""Jobs reach whoever does them: each once, all of them, and the giver never stands still for good."""

from __future__ import annotations

import threading
import time

import pytest

from external_storage.transfer.jobs import LARGEST_BATCH, Jobs


class StoppedError(Exception):
    """What a run that was stopped raises."""


def nothing_else_to_do() -> None:
    pass


def take_all(jobs: Jobs[int]) -> list[list[int]]:
    return list(iter(jobs.take, None))


def test_each_job_is_taken_once_and_in_order():
    jobs: Jobs[int] = Jobs(100, meanwhile=nothing_else_to_do)
    for n in range(50):
        jobs.give(n)
    jobs.hand_out()
    jobs.close(throw_away=False)
    assert [n for batch in take_all(jobs) for n in batch] == list(range(50))


def test_the_first_jobs_are_handed_over_alone_and_later_ones_in_batches():
    jobs: Jobs[int] = Jobs(10_000, meanwhile=nothing_else_to_do)
    for n in range(20_000):
        jobs.give(n)
    jobs.close(throw_away=False)
    sizes = [len(batch) for batch in take_all(jobs)]
    assert sizes[:20] == [1] * 20
    assert sizes[-1] == max(sizes) == LARGEST_BATCH


def test_a_giver_without_room_looks_at_what_else_there_is_to_do():
    looked: list[int] = []

    def meanwhile() -> None:
        looked.append(len(looked))
        if len(looked) == 3:
            raise StoppedError

    jobs: Jobs[int] = Jobs(1, meanwhile=meanwhile)
    jobs.give(1)
    assert jobs.is_full
    with pytest.raises(StoppedError):
        jobs.give(2)
    assert looked == [0, 1, 2]


def test_a_job_given_at_once_needs_no_room():
    jobs: Jobs[int] = Jobs(1, meanwhile=nothing_else_to_do)
    jobs.give(1)
    jobs.give_at_once(2)
    jobs.close(throw_away=False)
    assert take_all(jobs) == [[1], [2]]


def test_jobs_can_be_thrown_away_at_the_end():
    jobs: Jobs[int] = Jobs(10, meanwhile=nothing_else_to_do)
    jobs.give(1)
    jobs.close(throw_away=True)
    assert take_all(jobs) == []


def test_idle_takers_are_counted_and_woken_by_the_end():
    jobs: Jobs[int] = Jobs(10, meanwhile=nothing_else_to_do)
    takers = [threading.Thread(target=jobs.take) for _ in range(3)]
    for taker in takers:
        taker.start()
    deadline = time.monotonic() + 5
    while jobs.idle_takers < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert jobs.idle_takers == 3
    jobs.close(throw_away=False)
    for taker in takers:
        taker.join(5)
    assert jobs.idle_takers == 0
