"""Decide how many objects are in flight at once, from how the store answers."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic

# After "slow down", further such answers are about requests sent before it: one halving for all of them.
SETTLING_SECONDS = 1.0

# Enough to keep a near store busy; more only helps where answers are long on the way.
FIRST_GOAL = 16

# A rate is taken over at least so long, and over so many rounds of what is in flight.
LOOKING_SECONDS = 0.3
LOOKING_ROUNDS = 2

# More in flight is worth it if it brings this much more objects a second; less than that is chance.
WORTH_IT = 1.1

# The store or the network may have changed; what did not help is tried again.
TRY_AGAIN_SECONDS = 20.0

# Whoever waits looks up this often whether the time that the store asked for is over.
WAKING_SECONDS = 0.5


class Pace:
    """How many may be at work: half as many after a "slow down", then one more after each round that went well.

    Nobody begins before the time at which the store, if it named one, wants to be asked again.
    Beyond that, the goal itself rises while this brings more objects a second, unless it is *fixed* at *most*.
    """

    def __init__(self, most: int, *, fixed: bool = True) -> None:
        self.most = most
        self.limit = most if fixed else min(most, FIRST_GOAL)
        self._goal = self.limit
        self._at_work = 0
        self._went_well = 0
        self._settled_at = 0.0
        self._looking_since = monotonic()
        self._before_rise: tuple[int, float] | None = None
        self._rise_after = 0.0
        self._begins_again_at = 0.0
        self._is_over = False
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Wait until one more may be at work; whoever waits longest goes first."""
        if self.may_begin():
            return
        with self._lock:
            gate = threading.Event()
            self._waiting.append(gate)
            self._let_in()
        while not gate.wait(WAKING_SECONDS):
            with self._lock:
                self._let_in()

    def may_begin(self) -> bool:
        """Begin if that is possible without waiting; return whether it was."""
        with self._lock:
            if not self._has_room() or self._waiting:
                return False
            self._at_work += 1
            return True

    def end(self) -> None:
        """Leave work, so that somebody else may begin."""
        with self._lock:
            self._at_work -= 1
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._has_room():
            self._at_work += 1
            self._waiting.popleft().set()

    def _has_room(self) -> bool:
        return self._is_over or (self._at_work < self.limit and monotonic() >= self._begins_again_at)

    def pause(self) -> None:
        """Between two objects: wait if fewer may be at work than are, or nobody for now."""
        if self._at_work > self.limit or monotonic() < self._begins_again_at:
            self.end()
            self.begin()

    def stop(self) -> None:
        """Let nobody wait any longer: the run is over, and who comes in finds that out."""
        with self._lock:
            self._is_over = True
            self._let_in()

    def slow_down(self, seconds: float = 0.0) -> None:
        """Halve what may be under way, and let nobody begin for so many *seconds*."""
        with self._lock:
            now = monotonic()
            self._begins_again_at = max(self._begins_again_at, now + seconds)
            if now >= self._settled_at:
                self.limit = max(1, self.limit // 2)
                self._settled_at = now + SETTLING_SECONDS
            self._went_well = 0
            self._before_rise = None

    def go_on(self) -> None:
        """Count one that went well."""
        if self.limit >= self.most:
            return
        with self._lock:
            self._went_well += 1
            if self.limit < self._goal:
                if self._went_well >= self.limit:
                    self._set_limit(self.limit + 1)
            elif self._went_well >= LOOKING_ROUNDS * self.limit:
                self._look_at_rate(monotonic())

    def rise_no_further(self, most: int) -> None:
        """Keep to *most*: this machine allows no more."""
        with self._lock:
            self.most = self._goal = self.limit = most

    def _look_at_rate(self, now: float) -> None:
        """Keep the last rise if it was worth it and try another; else take it back, and leave it at that for long."""
        seconds = now - self._looking_since
        if seconds < LOOKING_SECONDS:
            return
        rate = self._went_well / seconds
        if self._before_rise is not None and rate < self._before_rise[1] * WORTH_IT:
            self._goal = self._before_rise[0]
            self._before_rise, self._rise_after = None, now + TRY_AGAIN_SECONDS
        elif now >= self._rise_after:
            self._before_rise = (self._goal, rate)
            self._goal = min(self.most, self._goal + max(1, self._goal // 2))
        self._set_limit(self._goal)

    def _set_limit(self, limit: int) -> None:
        self.limit = limit
        self._went_well, self._looking_since = 0, monotonic()
        self._let_in()
