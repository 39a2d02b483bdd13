"""The marks as they are in the database."""

from __future__ import annotations

from dataclasses import dataclass

from .. import database


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


def open_marks(alias: str, *, older_than_epoch: int | None = None) -> list[Mark]:
    """Return every mark of *alias* that is not delivered, the oldest first."""
    if older_than_epoch is None:
        return found("WHERE alias = %s AND delivered_at IS NULL ORDER BY made_at", alias)
    return found("WHERE alias = %s AND delivered_at IS NULL AND epoch < %s ORDER BY made_at", alias, older_than_epoch)


def keys_held_by(alias: str, store: str, *, also_delivered: bool) -> list[str]:
    """Return the keys that were deleted in *store*, or are newer there than where they have to be carried.

    With *also_delivered*, those too that have been carried.
    """
    rows = database.rows(
        "SELECT DISTINCT key FROM external_storage_mark WHERE alias = %s AND holder = %s"
        " AND (deleted OR delivered_at IS NULL OR %s)",
        *(alias, store, also_delivered),
    )
    return [key for (key,) in rows]


def delivered_keys(alias: str, target: str) -> list[str]:
    """Return the keys that *target* has caught up with, as far as that is remembered."""
    rows = database.rows(
        "SELECT key FROM external_storage_mark WHERE alias = %s AND target = %s AND delivered_at IS NOT NULL",
        *(alias, target),
    )
    return [key for (key,) in rows]


def found(which: str, *values: object) -> list[Mark]:
    """Return the marks that the end of a SELECT names."""
    rows = database.rows(f"{_SELECT} {which}", *values)
    return [Mark(*row[:6], bool(row[6]), *row[7:]) for row in rows]


_SELECT = (
    "SELECT alias, key, target, holder, sequence, epoch, deleted, made_at, attempts, last_error, delivered_at"
    " FROM external_storage_mark"
)
