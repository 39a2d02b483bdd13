"""The background worker for a site without Redis: tasks wait in the database.

Each worker holds a lock on a file of its own, which the kernel lets go when the worker dies, however it dies. A task
that is "running" under a worker whose lock is free was torn out, and is queued again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

from django.core.management import call_command
from django.db import OperationalError, close_old_connections
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction, is_locked_database_exception

from . import retries

logger = logging.getLogger(__name__)

LOOK_FOR_ORPHANS_EVERY = 15.0
CLEAN_UP_EVERY = 86_400.0


class DatabaseWorker(db_worker.Worker):
    """Take one task after the other until asked to stop; *locks* is where workers of this host keep their locks.

    *before_it_ends* is called as soon as it is asked to; the task it is at may then still take a while.
    """

    def __init__(
        self, locks: Path, *, interval: float = 0.5, before_it_ends: Callable[[], object] = lambda: None
    ) -> None:
        self.locks = locks
        self._before_it_ends = before_it_ends
        self._next_look, self._next_clean_up = 0.0, 0.0
        super().__init__(
            queue_names=["*"],
            excluded_queue_names=[],
            interval=interval,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"{_host()}-{secrets.token_hex(8)}",
        )

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        self._before_it_ends()
        super().shutdown(signum, frame)

    def run(self) -> None:
        with hold_lock(self.locks, self.worker_id):
            logger.info("waiting for tasks")
            while self.running:
                close_old_connections()
                self.do_housekeeping()
                task_result = self.claim_next()
                if task_result is not None:
                    self.run_task(task_result)
                elif self.running:
                    time.sleep(self.interval)

    def run_everything_ready(self) -> int:
        """Run tasks until none is ready, and return how many there were."""
        count = 0
        with hold_lock(self.locks, self.worker_id):
            self.do_housekeeping()
            while (task_result := self.claim_next()) is not None:
                self.run_task(task_result)
                count += 1
        return count

    def claim_next(self) -> DBTaskResult | None:
        ready = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        try:
            with exclusive_transaction(ready.db):
                task_result = ready.get_locked()
                if task_result is not None:
                    task_result.claim(self.worker_id)
                return task_result
        except OperationalError as error:
            if is_locked_database_exception(error):
                return None  # somebody writes; the task is still there on the next round
            raise

    def run_task(self, db_task_result: DBTaskResult) -> None:
        super().run_task(db_task_result)
        if db_task_result.status == TaskResultStatus.FAILED:
            attempts = len(db_task_result.worker_ids)
            pause = retries.pause_before_retry(attempts)
            if pause is None:
                logger.error("task %s gave up after %d attempts", db_task_result.task_path, attempts)
                return
            logger.warning("task %s failed and is tried again in %.0f s", db_task_result.task_path, pause)
            queue_again(db_task_result, pause)

    def do_housekeeping(self) -> None:
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_FOR_ORPHANS_EVERY
            queue_orphans_again(self.locks)
        if now >= self._next_clean_up:
            self._next_clean_up = now + CLEAN_UP_EVERY
            call_command("prune_db_task_results", verbosity=0)


def queue_again(task_result: DBTaskResult, pause: float) -> None:
    """Make a task ready once more; what it has been through stays written in its worker ids."""
    task_result.status = TaskResultStatus.READY
    task_result.run_after = timezone.now() + timedelta(seconds=pause)
    task_result.finished_at = None
    task_result.save(update_fields=["status", "run_after", "finished_at"])


class WorkerKilled(Exception):
    """The worker died under the task, as often as a task may be tried."""


def queue_orphans_again(locks: Path) -> None:
    """Queue every task again that a dead worker of this host has left half done."""
    for task_result in DBTaskResult.objects.running():
        worker = task_result.worker_ids[-1] if task_result.worker_ids else ""
        if not is_dead(locks, worker):
            continue
        if len(task_result.worker_ids) >= retries.most_attempts():
            logger.error("task %s ended its worker each time and is given up", task_result.task_path)
            task_result.set_failed(WorkerKilled("the worker was killed on every attempt"))
            continue
        logger.warning("task %s was torn out of a worker and is queued again", task_result.task_path)
        queue_again(task_result, 0)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "-", socket.gethostname())[:40]


@contextmanager
def hold_lock(locks: Path, worker: str) -> Iterator[None]:
    """Hold the lock that says *worker* is alive."""
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = locks / f"{worker}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def is_dead(locks: Path, worker: str) -> bool:
    """Return whether *worker* ran on this host and runs no more. Of other hosts' workers nothing is known: False."""
    if not worker.startswith(f"{_host()}-"):
        return False
    path = locks / f"{worker}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)
