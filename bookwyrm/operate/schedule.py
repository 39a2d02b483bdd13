"""Queue what is to be done from time to time, beside a worker. Both queues take it from there like any other task.

Each worker has a thread that looks, so nothing more has to run; the shared cache says whose turn it is. A turn taken
twice, or a cache that was emptied, costs a task more: what is scheduled may run as often as it likes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.core.cache import cache
from django.db import DatabaseError, close_old_connections, connections
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

HOUR = 3600

SCHEDULE: Mapping[str, int] = {"bookwyrm.exports.tasks.remove_outdated_exports": HOUR}
"""Tasks that take no arguments, and the seconds between two times."""

LOOK_EVERY = 60.0


def queue_what_is_due(schedule: Mapping[str, int] = SCHEDULE) -> list[str]:
    """Queue each task whose time has come, and return their names."""
    due = [name for name, seconds in schedule.items() if cache.add(f"scheduled:{name}", value=True, timeout=seconds)]
    for name in due:
        import_string(name).enqueue()
    return due


@contextmanager
def keeping_to_schedule(*, look_every: float = LOOK_EVERY) -> Iterator[None]:
    """Queue what is due, for the length of the block."""
    over = threading.Event()
    thread = threading.Thread(target=_look_until, args=(over, look_every), name="schedule", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _look_until(over: threading.Event, look_every: float) -> None:
    # Not at once: a worker that is about to fork its children should have no second thread at work meanwhile.
    while not over.wait(look_every):
        close_old_connections()
        try:
            queue_what_is_due()
        except (OSError, DatabaseError, KombuError, RedisError) as problem:
            logger.warning("what is scheduled could not be queued: %s", problem)
        finally:
            connections.close_all()
