"""Work in the background: carry changes to the stores that lack them, and make the moves that somebody asked for.

This belongs into one process of every host that serves the site, for as long as it runs. Any number of them may work at
once, and each may be killed at any moment: what one has begun another goes on with.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from ...errors import Interrupted, LockHeld, StorageError
from .. import conf
from ..staticfiles import storage_of
from . import database, journey, marks, requests, static_files
from .requests import Request
from .state import fresh_state_of
from .telling import Unseen, View

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for something to do. In peace each costs a query or two."""

TRY_AGAIN_AFTER = 30.0
"""Seconds until a move that something was in the way of is tried again."""

Stop = Callable[[], bool]


def carry(should_stop: Stop, *, look_every: float = LOOK_EVERY) -> None:
    """Carry changes and make moves until *should_stop*; changes also while a move is being made."""
    draining = threading.Thread(target=_again_and_again, args=(drain_all, should_stop, look_every), daemon=True)
    draining.start()
    moves = Moves()
    _again_and_again(moves.make_what_is_asked, should_stop, look_every)
    draining.join()


def drain_all(should_stop: Stop) -> None:
    """Deliver every mark that is due, of every alias that has more than one store to keep right."""
    for alias in conf.configuration().aliases:
        if fresh_state_of(alias).is_alone:
            continue
        drained = marks.drain(alias, should_stop=should_stop)
        for store, reason in drained.reasons.items():
            logger.warning("changes of %r wait for the store %r: %s", alias, store, reason)


class Moves:
    """Make moves, one after the other, and try again those that failed."""

    def __init__(
        self, *, try_again_after: float = TRY_AGAIN_AFTER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause = try_again_after
        self._clock = clock
        self._not_before: dict[str, float] = {}

    def make_what_is_asked(self, should_stop: Stop) -> None:
        """Make the open moves that are due, those of static files first; while one is in trouble the others wait."""
        for request in sorted(requests.open_requests(), key=lambda each: storage_of(each.alias) is None):
            if should_stop() or not self._is_due(request):
                return
            if not self._make(request):
                return

    def _is_due(self, request: Request) -> bool:
        return self._clock() >= self._not_before.get(_which(request), 0.0)

    def _make(self, request: Request) -> bool:
        """Return whether the move is done."""
        logger.info("the files of %r go to %r", request.alias, request.target)
        try:
            _make(request, Logged(request.alias))
        except Interrupted:
            raise
        except LockHeld:
            return False  # another process, or another host, is at it
        except StorageError as problem:
            logger.warning("the move of %r to %r stopped: %s", request.alias, request.target, problem)
            self._not_before = {_which(request): self._clock() + self._pause}
            return False
        logger.info("the files of %r are in %r", request.alias, request.target)
        return True


def _make(request: Request, view: View) -> None:
    how = {"view": view, "settles": request.settles, "asked_by": request.asked_by}
    if storage := storage_of(request.alias):
        static_files.move(storage, request.target, **how)
    else:
        journey.move(request.alias, request.target, **how)


class Logged(Unseen):
    """Write the chapters of a journey into the log."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def begins(self, chapter: str, text: str) -> None:
        logger.info("%s, %s: %s", self._alias, chapter, text)

    def says(self, chapter: str, text: str) -> None:
        logger.info("%s, %s: %s", self._alias, chapter, text)


def _which(request: Request) -> str:
    return f"{request.alias} {request.target}"


def _again_and_again(work: Callable[[Stop], None], should_stop: Stop, pause: float) -> None:
    while not should_stop():
        try:
            work(should_stop)
        except Interrupted:
            raise
        except (DatabaseError, StorageError) as problem:
            logger.warning("carrying files stopped for a moment: %s", problem)
            database.close()
        close_old_connections()
        _wait(pause, should_stop)


def _wait(seconds: float, should_stop: Stop) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not should_stop():
        time.sleep(min(0.2, seconds))
