"""Decide how many objects are in flight at once, from how the store answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

# After "slow down", further such answers are about requests sent before it: one halving for all of them.
SETTLING_SECONDS = 1.0


class Pace:
    """At most so many at once: half as many after a "slow down", one more after each round that went well."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = most
        self._under_way = 0
        self._went_well = 0
        self._settled_at = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Wait until one more may be under way."""
        with self._changed:
            while self._under_way >= self.limit:
                self._changed.wait()
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def slow_down(self) -> None:
        """Halve what may be under way."""
        with self._changed:
            if monotonic() >= self._settled_at:
                self.limit = max(1, self.limit // 2)
                self._settled_at = monotonic() + SETTLING_SECONDS
            self._went_well = 0

    def go_on(self) -> None:
        """Count one that went well."""
        if self.limit >= self.most:
            return
        with self._changed:
            self._went_well += 1
            if self._went_well >= self.limit:
                self._went_well = 0
                self.limit += 1
                self._changed.notify()
