"""The marks as they are in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....sentences import from_line
from .. import database
from ..state import State

AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """One key that *target* has not caught up with, and why not yet. *holder* has its true version.

    A delivered one is kept where it says that the key was deleted (*deleted*), and while a copier may still be at work.
    """

    alias: str
    key: str
    target: str
    holder: str
    sequence: int
    epoch: int
    deleted: bool
    made_at: float
    attempts: int
    last_error: str
    delivered_at: float | None

    @property
    def is_open(self) -> bool:
        """Whether the target has not caught up yet."""
        return self.delivered_at is None


def of_key(alias: str, key: str) -> list[Mark]:
    """Return the marks of one key, delivered ones among them; at most one for each store."""
    return found("WHERE alias = %s AND key = %s", alias, key)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many changes have not reached their store, and one of them: one that was tried in vain, if there is any.

    Behind a store that is dead for a day there may be a million.
    """

    count: int = 0
    example: Mark | None = None

    def __bool__(self) -> bool:
        return self.count > 0

    def __add__(self, other: Waiting) -> Waiting:
        return Waiting(self.count + other.count, self.example or other.example)


def waiting_for(alias: str, target: str, *, before_epoch: int | None = None) -> Waiting:
    """Return what *target* has not caught up with, or what of it was marked before an epoch."""
    which = "WHERE alias = %s AND target = %s AND delivered_at IS NULL"
    values: tuple[object, ...] = (alias, target)
    if before_epoch is not None:
        which, values = f"{which} AND epoch < %s", (*values, before_epoch)
    if not (count := _count(which, *values)):
        return Waiting()
    return Waiting(count, next(iter(found(f"{which} ORDER BY last_error = '', made_at LIMIT 1", *values)), None))


def count_open(alias: str) -> int:
    """Return how many marks of *alias* are not delivered."""
    return _count("WHERE alias = %s AND delivered_at IS NULL", alias)


def open_marks(alias: str, *, at_most: int = AT_A_TIME) -> list[Mark]:
    """Return the marks of *alias* that are not delivered, the oldest first, and no more than *at_most*."""
    return found("WHERE alias = %s AND delivered_at IS NULL ORDER BY made_at LIMIT %s", alias, at_most)


def keys_held_by(state: State, store: str, *, also_delivered: bool) -> list[str]:
    """Return the keys that were deleted in *store*, or are newer there, than the active store knows.

    For the active store itself: than any other knows. With *also_delivered*, those too that have been carried.
    """
    # What only a store that was left behind was told says nothing of the two others: the name may be in use again.
    rows = database.rows(
        "SELECT DISTINCT key FROM external_storage_mark WHERE alias = %s AND holder = %s AND %s IN (holder, target)"
        " AND (deleted OR delivered_at IS NULL OR %s)",
        *(state.alias, store, state.active, also_delivered),
    )
    return [key for (key,) in rows]


def delivered_keys(alias: str, target: str) -> Iterator[str]:
    """Yield the keys that *target* has caught up with, as far as that is remembered, in their order."""
    last = ""
    while keys := _delivered_after(last, alias, target):
        yield from keys
        last = keys[-1]


def _delivered_after(key: str, alias: str, target: str) -> list[str]:
    rows = database.rows(
        "SELECT key FROM external_storage_mark WHERE alias = %s AND target = %s AND delivered_at IS NOT NULL"
        " AND key > %s ORDER BY key LIMIT %s",
        *(alias, target, key, AT_A_TIME),
    )
    return [key for (key,) in rows]


_COUNT = "SELECT COUNT(*) FROM external_storage_mark"


def _count(which: str, *values: object) -> int:
    rows = database.rows(f"{_COUNT} {which}", *values)
    return int(rows[0][0]) if rows else 0


def found(which: str, *values: object) -> list[Mark]:
    """Return the marks that the end of a SELECT names."""
    rows = database.rows(f"{_SELECT} {which}", *values)
    return [Mark(*row[:6], bool(row[6]), *row[7:9], from_line(row[9]), row[10]) for row in rows]


_SELECT = (
    "SELECT alias, key, target, holder, sequence, epoch, deleted, made_at, attempts, last_error, delivered_at"
    " FROM external_storage_mark"
)
