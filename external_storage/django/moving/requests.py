"""Remember that somebody asked for a move, until it is done: whoever was moving may be killed, and another goes on."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from ...errors import SettingsError
from ...sentences import as_line, from_line, packed, say, unpacked
from .. import conf
from . import database, locks
from .locks import Lock


@dataclass(frozen=True, slots=True)
class Request:
    """A move of *alias* to the store *target*. *settles* says whether the old store is left behind at the end.

    *progress* is how far it is, for people to read; *problem* is what stopped it the last time, "" if nothing did.
    """

    alias: str
    target: str
    settles: bool = False
    asked_by: str = ""
    asked_at: float = 0.0
    progress: dict[str, Any] = field(default_factory=dict)
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


def note_progress(alias: str, progress: dict[str, Any]) -> None:
    """Say how far the move is."""
    told = json.dumps({name: _packed(value) for name, value in progress.items()})
    database.run("UPDATE external_storage_move SET progress = %s WHERE alias = %s", told, alias)


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
    told = {name: _unpacked(value) for name, value in json.loads(progress).items()}
    return Request(alias, target, settles, asked_by, asked_at, told, from_line(problem), finished_at)


def _packed(told: Any) -> Any:
    """Return a text, or a list of them, so that whoever reads it can say it in his language."""
    return [packed(each) for each in told] if isinstance(told, list) else packed(told)


def _unpacked(told: Any) -> Any:
    return [unpacked(each) for each in told] if isinstance(told, list) else unpacked(told)
