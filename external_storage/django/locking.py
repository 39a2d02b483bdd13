"""Let one run at a time work on a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LockHeld
from ..sentences import say


@contextmanager
def only_run_on(folder: Path, *, standing_for: str | None = None) -> Iterator[None]:
    """Hold the folder's lock for the length of the block. Raise `LockHeld`, naming the other run, if there is one.

    The kernel keeps the lock and lets go of it when the process ends, however it ends: none is left behind. Nothing
    is written into the folder. It may be *standing_for* a place elsewhere, which is then the one that is named.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, standing_for or str(folder))
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, place: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        remedy = say("Wait until it has finished, then run this again if anything is left to do.")
        raise LockHeld(
            say("Another run works on {folder}{holder}.", folder=place, holder=_holder(descriptor)), remedy=remedy
        ) from busy
    except OSError as problem:
        # Some network file systems have no locks. Two runs at once then cost work, and lose nothing.
        if problem.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _holder(descriptor: int) -> str:
    """Return which process holds the lock and since when it runs, as far as this machine tells."""
    inode = str(os.fstat(descriptor).st_ino)
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        process = next(fields[4] for fields in locks if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode)
        began = time.localtime(Path("/proc", process).stat().st_mtime)
    except (OSError, StopIteration, IndexError):
        return ""
    return say(": process {process}, since {began}", process=process, began=time.strftime("%Y-%m-%d %H:%M:%S", began))
