"""Let nobody wait for a store longer than the site allows, whatever the store does."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from functools import cache
from typing import ParamSpec, TypeVar

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
    future: Future[R] = _threads(os.getpid(), what).submit(work, *args, **kwargs)
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


@cache
def _threads(process: int, what: str) -> ThreadPoolExecutor:
    """Return the threads that wait for *what*: a store that hangs must not keep others from being asked.

    They are of this process: those of the one it was forked from do not run here.
    """
    return ThreadPoolExecutor(THREADS, thread_name_prefix="store")
