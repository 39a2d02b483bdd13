"""Let one process at a time move an alias, on whichever host it runs; the lock is a row in the database.

A lock whose owner was killed is taken over: at once on the host it ran on, since there it can be seen that the process
is gone, and elsewhere when it has given no sign of life for a while.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.db import DatabaseError, IntegrityError

from ...errors import LockHeld
from ...sentences import say
from . import database

SIGN_OF_LIFE_SECONDS = 5.0

PRESUMED_DEAD_SECONDS = 60.0
"""A process of another host that has given no sign of life for so long is taken to be gone."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that moves an alias, and since when (seconds since 1970)."""

    host: str
    process: int
    since: float

    def __str__(self) -> str:
        return _told(self)


class Lock:
    """What `only_one` hands out while it holds the lock."""

    def __init__(self, alias: str, owner: str) -> None:
        self._alias = alias
        self._owner = owner
        self._over = threading.Event()
        self._alive = threading.Thread(target=self._give_signs_of_life, name=f"lock-{alias}", daemon=True)
        self._alive.start()

    def check(self) -> None:
        """Raise `LockHeld` if another process took the lock over, because it could not see that we are alive."""
        found = database.rows("SELECT worker FROM external_storage_move WHERE alias = %s", self._alias)
        if not found or found[0][0] != self._owner:
            raise _held(self._alias, holder_of(self._alias))

    def release(self) -> None:
        self._over.set()
        self._alive.join()
        database.run(
            "UPDATE external_storage_move SET worker = '' WHERE alias = %s AND worker = %s", self._alias, self._owner
        )

    def _give_signs_of_life(self) -> None:
        while not self._over.wait(SIGN_OF_LIFE_SECONDS):
            # A database that is away for a moment is no reason to give up; whoever moves finds out if it stays so.
            with suppress(DatabaseError):
                database.run(
                    "UPDATE external_storage_move SET worker_seen = %s WHERE alias = %s AND worker = %s",
                    *(time.time(), self._alias, self._owner),
                )


@contextmanager
def only_one(alias: str) -> Iterator[Lock]:
    """Hold the alias's lock for the length of the block. Raise `LockHeld`, naming who has it, if somebody does."""
    lock = Lock(alias, _take(alias))
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def row_of(alias: str) -> Iterator[None]:
    """Keep others from changing the alias's row of the table of moves during the block; make one if there is none."""
    with suppress(IntegrityError):  # there is one already
        database.run(
            "INSERT INTO external_storage_move (alias, target, options, asked_by, asked_at, worker, worker_since,"
            " worker_seen, progress, problem, finished_at) VALUES (%s, '', '{}', '', %s, '', 0, 0, '{}', '', %s)",
            *(alias, time.time(), time.time()),
        )
    with database.transaction():
        database.rows(_SELECT + database.for_update(), alias)
        yield


def refuse_if_held(alias: str) -> None:
    """Raise `LockHeld` if a process moves *alias* now."""
    if holder := holder_of(alias):
        raise _held(alias, holder)


def holder_of(alias: str) -> Holder | None:
    """Return which process moves *alias* now; None if there is none, or it is gone."""
    found = database.rows(_SELECT, alias)
    return _Row(*found[0]).holder if found else None


# The row


@dataclass(frozen=True, slots=True)
class _Row:
    worker: str
    since: float
    seen: float

    @property
    def holder(self) -> Holder | None:
        if not self.worker:
            return None
        host, process, began, machine, _ = self.worker.split()
        if machine == _machine():
            is_alive = _began(int(process)) == began
        else:
            is_alive = time.time() - self.seen < PRESUMED_DEAD_SECONDS
        return Holder(host, int(process), self.since) if is_alive else None


_SELECT = "SELECT worker, worker_since, worker_seen FROM external_storage_move WHERE alias = %s"


def _take(alias: str) -> str:
    """Write our name into the row, and return it."""
    owner = _our_name()
    with row_of(alias):
        row = _Row(*database.rows(_SELECT, alias)[0])
        if row.holder is not None:
            raise _held(alias, row.holder)
        now = time.time()
        database.run(
            "UPDATE external_storage_move SET worker = %s, worker_since = %s, worker_seen = %s WHERE alias = %s",
            *(owner, now, now, alias),
        )
    return owner


def _told(holder: Holder | None) -> str:
    if holder is None:
        return say("another process")
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since))
    return say("process {process} on {host}, since {began}", process=holder.process, host=holder.host, began=began)


def _held(alias: str, holder: Holder | None) -> LockHeld:
    return LockHeld(
        say("The files of {alias!r} are being moved by {holder}.", alias=alias, holder=_told(holder)),
        remedy=say("Wait until it has finished; storage_status shows how far it is."),
    )


# Who is who


def _our_name() -> str:
    host = "".join(socket.gethostname().split())[:80] or "localhost"
    return f"{host} {os.getpid()} {_began(os.getpid())} {_machine()} {secrets.token_hex(4)}"


@cache
def _machine() -> str:
    """Return what names the processes among which ours can be told from its number alone: a container has its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        told = f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        told = socket.gethostname()
    return sha256(told.encode()).hexdigest()[:16]


def _began(process: int) -> str:
    """Return when a process of this machine began, as the kernel counts; "gone" if there is none with that number."""
    try:
        # The name in parentheses may hold spaces; the start is the 20th field after it.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _is_there(process)
    return "gone" if fields[0] in ("Z", "X") else fields[19]


def _is_there(process: int) -> str:
    """Ask where there is no ``/proc``."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "there"
    return "there"
