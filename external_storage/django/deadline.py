"""Let nobody wait for a store longer than the site allows, whatever the store does."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar

from ..errors import TransientStoreError
from ..sentences import say

P = ParamSpec("P")
R = TypeVar("R")

# Requests to a store that hangs pile up here, each until its socket gives up, and not among the site's own workers.
THREADS = 32


def within(seconds: float, what: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what *work* returns. Raise `TransientStoreError` once *seconds* have passed without a result.

    Socket time-outs alone do not bound a request: a server that sends a byte now and then resets them for ever.
    """
    future: Future[R] = _threads(os.getpid(), what).submit(partial(work, *args, **kwargs))
    try:
        return future.result(timeout=seconds)
    except NotInTime:
        if future.done():
            raise  # the work itself timed out
        future.cancel()
        raise TransientStoreError(
            say("{what} did not answer within {seconds:g} seconds.", what=what, seconds=seconds),
            remedy=say("Please try again later."),
        ) from None


class _Threads:
    """Threads that are started as they are needed, and are daemons.

    Those of a `ThreadPoolExecutor` are waited for when the process ends: a worker that is asked to end would not, for
    as long as a store hangs that nobody waits for any more.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._may_start = threading.Semaphore(THREADS)

    def submit(self, work: Callable[[], R]) -> Future[R]:
        future: Future[R] = Future()
        self._jobs.put((future, work))
        if not self._idle.acquire(blocking=False) and self._may_start.acquire(blocking=False):
            threading.Thread(target=self._work, name="store", daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            future, work = self._jobs.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
                    future.set_exception(error)
            del future, work  # they would be kept until the next one comes
            self._idle.release()


@cache
def _threads(process: int, what: str) -> _Threads:
    """Return the threads that wait for *what*: a store that hangs must not keep others from being asked.

    They are of this process: those of the one it was forked from do not run here.
    """
    return _Threads()
