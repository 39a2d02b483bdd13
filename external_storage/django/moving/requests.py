"""Remember that somebody asked for a move, until it is done: whoever was moving may be killed, and another goes on."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from ...errors import SettingsError
from ...sentences import as_line, from_line, packed, say, unpacked
from .. import conf
from . import database, locks
from .locks import Lock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a move is: what is done now, and what was said on the way.

    *share* is how much of what is done now is behind, from 0 to 1; None where nobody knows how much there is.
    """

    chapter: str = ""
    text: str = ""
    share: float | None = None
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A move of *alias* to the store *target*. *settles* says whether the old store is left behind at the end.

    *problem* is what stopped it the last time, "" if nothing did.
    """

    alias: str
    target: str
    settles: bool = False
    asked_by: str = ""
    asked_at: float = 0.0
    progress: Progress = field(default_factory=Progress)
    problem: str = ""
    finished_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the move is still to be made, or to be gone on with."""
        return self.finished_at is None


def ask(alias: str, target: str, *, asked_by: str = "", settles: bool = False, lock: Lock | None = None) -> Request:
    """Ask for a move, in place of what was asked before. Raise `SettingsError` if *alias* has no such store.

    Raise `LockHeld` if another process is moving the alias to another store at this moment; *lock* proves that it is
    ours to say.
    """
    known = conf.configured_alias(alias).stores
    if target not in known:
        raise SettingsError(
            say("The store {target!r} is none of the stores of {alias!r}.", target=target, alias=alias),
            remedy=say("Its stores: {known}.", known=", ".join(known)),
        )
    before = request_for(alias)
    if lock is None and before is not None and before.is_open and before.target != target:
        locks.refuse_if_held(alias)
    with locks.row_of(alias):
        database.run(
            "UPDATE external_storage_move SET target = %s, options = %s, asked_by = %s, asked_at = %s, progress = '{}',"
            " problem = '', finished_at = NULL WHERE alias = %s",
            *(target, json.dumps({"settles": settles}), asked_by[:200], time.time(), alias),
        )
    return request_for(alias)


def request_for(alias: str) -> Request | None:
    """Return what was asked last for *alias*, done or not."""
    found = database.rows(f"{_SELECT} WHERE alias = %s AND target <> ''", alias)
    return _read(found[0]) if found else None


def open_requests() -> list[Request]:
    """Return every move that somebody asked for and that is not done, the oldest first."""
    found = database.rows(f"{_SELECT} WHERE target <> '' AND finished_at IS NULL ORDER BY asked_at")
    return [_read(row) for row in found]


def withdraw(alias: str) -> None:
    """Ask for nothing any more. The alias stays where it is on its way."""
    database.run("UPDATE external_storage_move SET finished_at = %s WHERE alias = %s", time.time(), alias)


# For whoever carries it out


def note_progress(alias: str, progress: Progress) -> None:
    """Say how far the move is. Who reads it does so in a language of his own."""
    told = {
        "chapter": progress.chapter,
        "text": packed(progress.text),
        "share": progress.share,
        "said": [packed(each) for each in progress.said],
    }
    database.run("UPDATE external_storage_move SET progress = %s WHERE alias = %s", json.dumps(told), alias)


def note_problem(alias: str, problem: str) -> None:
    """Say what stopped the move; it stays to be gone on with."""
    database.run("UPDATE external_storage_move SET problem = %s WHERE alias = %s", as_line(problem), alias)


def note_finished(alias: str) -> None:
    """Say that the move is done."""
    database.run("UPDATE external_storage_move SET finished_at = %s, problem = '' WHERE alias = %s", time.time(), alias)


_SELECT = "SELECT alias, target, options, asked_by, asked_at, progress, problem, finished_at FROM external_storage_move"


def _read(row: tuple) -> Request:
    alias, target, options, asked_by, asked_at, progress, problem, finished_at = row
    settles = bool(json.loads(options).get("settles", False))
    return Request(
        alias, target, settles, asked_by, asked_at, _read_progress(progress), from_line(problem), finished_at
    )


def _read_progress(line: str) -> Progress:
    told = json.loads(line)
    said = tuple(unpacked(each) for each in told.get("said", ()))
    return Progress(told.get("chapter", ""), unpacked(told.get("text", "")), told.get("share"), said)
