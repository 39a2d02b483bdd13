"""Hand jobs from the thread that finds them to those that do them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Once a run is long, jobs are taken so many at a time: handing one over costs as much as signing a request.
LARGEST_BATCH = 16
BATCHES_OF_ONE_SIZE = 32

# So long the giver waits for room before it looks at what else there is to do.
WAIT_FOR_ROOM_SECONDS = 0.1


class Jobs(Generic[T]):
    """Jobs, handed over alone while there are few, so that all have something to do, and later in batches.

    There is room for *most_batches*, so that a listing of millions waits for the copying and memory stays flat. One
    thread gives; *meanwhile* is called again and again while it has to wait for room, and may raise.
    """

    def __init__(self, most_batches: int, *, meanwhile: Callable[[], None]) -> None:
        self._most_batches = most_batches
        self._meanwhile = meanwhile
        self._being_filled: list[T] = []
        self._batches_given = 0
        self._batches: deque[list[T]] = deque()
        self._closed = False
        # One that its owner may take twice: a signal's exception can come when a condition has just been entered.
        lock = threading.RLock()
        self._has_room, self._has_jobs = threading.Condition(lock), threading.Condition(lock)
        self.idle_takers = 0
        """How many threads are waiting for a job."""

    @property
    def is_full(self) -> bool:
        """Whether to give another job would mean to wait."""
        return len(self._batches) >= self._most_batches

    def give(self, job: T) -> None:
        """Hand the job over with the next batch."""
        self._being_filled.append(job)
        if len(self._being_filled) > min(self._batches_given // BATCHES_OF_ONE_SIZE, LARGEST_BATCH - 1):
            self.hand_out()

    def hand_out(self) -> None:
        """Hand over what has been given so far."""
        batch, self._being_filled = self._being_filled, []
        while batch and not self._add(batch):
            self._meanwhile()

    def _add(self, batch: list[T]) -> bool:
        with self._has_room:
            if not self._has_room.wait_for(lambda: not self.is_full, WAIT_FOR_ROOM_SECONDS):
                return False
            self._batches.append(batch)
            self._batches_given += 1
            self._has_jobs.notify()
            return True

    def give_at_once(self, job: T) -> None:
        """Hand over one job by itself, even where there is no room for it. Any thread may do so."""
        with self._has_jobs:
            self._batches.append([job])
            self._has_jobs.notify()

    def take(self) -> list[T] | None:
        """Wait for jobs and return them; None if there will be no more."""
        with self._has_jobs:
            self.idle_takers += 1
            self._has_jobs.wait_for(lambda: self._batches or self._closed)
            self.idle_takers -= 1
            if not self._batches:
                return None
            self._has_room.notify()
            return self._batches.popleft()

    def close(self, *, throw_away: bool) -> None:
        """Let there be no more jobs; with *throw_away*, not even those that nobody has taken yet."""
        with self._has_jobs:
            if throw_away:
                self._batches.clear()
            self._closed = True
            self._has_jobs.notify_all()
