"""Do the same to many things, several at a time, and hand back the results in order."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# How many things are taken up ahead of the one whose result is due, for each thread.
AHEAD = 8


def side_by_side(work: Callable[[T], R], things: Iterable[T], *, threads: int) -> Iterator[R]:
    """Yield ``work(thing)`` for each of *things*, in their order; what one raises is raised where its result is due.

    Memory stays flat, however many things there are. Whoever stops listening waits for nothing: the threads are
    daemons, so one that a dead store holds up does not hold up the end of the process.
    """
    jobs: queue.SimpleQueue[tuple[Future[R], T] | None] = queue.SimpleQueue()
    workers = [threading.Thread(target=_work, args=(work, jobs), daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        due: deque[Future[R]] = deque()
        for thing in things:
            due.append(Future())
            jobs.put((due[-1], thing))
            if len(due) > AHEAD * threads:
                yield due.popleft().result()
        while due:
            yield due.popleft().result()
    finally:
        with suppress(queue.Empty):
            while True:
                jobs.get_nowait()
        for _ in workers:
            jobs.put(None)


def _work(work: Callable[[T], R], jobs: queue.SimpleQueue[tuple[Future[R], T] | None]) -> None:
    while (job := jobs.get()) is not None:
        result, thing = job
        try:
            result.set_result(work(thing))
        except BaseException as error:  # noqa: BLE001 — raised again where the result is due
            result.set_exception(error)
