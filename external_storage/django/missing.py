"""Find the rows whose file is not where it should be, and where a copy of it may be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ..errors import ObjectMissing, SettingsError, StorageError
from ..objects import in_key_order
from ..stores import Store
from ..stores.retrying import RetryingStore
from ..transfer.side_by_side import side_by_side
from . import conf, live
from .moving import marks
from .moving.state import State, fresh_state_of
from .references import Reference, file_fields, references_in_order

THREADS = 8

MOST_ROWS_NAMED = 5


@dataclass(slots=True)
class Missing:
    """A file that is not in the store, which rows have to do with it, and where it may come from.

    *copies* names the stores that have it; *unasked* those that could not be asked, with the reason. *made_from* is the
    file that a smaller version is made from anew, "" if *key* is no such version; *can_be_made* says whether that file
    is there.
    """

    key: str
    rows: list[Reference]
    row_count: int
    made_from: str = ""
    copies: list[str] = field(default_factory=list)
    unasked: dict[str, str] = field(default_factory=dict)
    can_be_made: bool = False

    @property
    def is_lost(self) -> bool:
        """Whether every store was asked and none has it, and it is made from nothing else."""
        return not (self.copies or self.unasked or self.made_from)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        rows = [{"model": row.model, "row": row.row, "field": row.field} for row in self.rows]
        told = {name: getattr(self, name) for name in ("key", "row_count", "made_from", "copies", "unasked")}
        return told | {"rows": rows, "can_be_made": self.can_be_made, "lost": self.is_lost}


class Search:
    """One look at what the rows of *alias* refer to, and at what *store* has of it ("": the one in use).

    *references* is how many files were asked after; it is complete once `missing` has come to its end.
    """

    def __init__(self, alias: str, store: str = "") -> None:
        self.state = _state_for(alias, store)
        self.name = store or self.state.active
        live.check_presence(self.name)
        self.store = RetryingStore(conf.store_named(self.name))
        self.references = 0

    def missing(self) -> Iterator[Missing]:
        """Yield each file that is missing, in key order. Memory stays flat; only what is missing costs requests."""
        found = (each for each in self._absent() if not self._is_on_its_way(each.key))
        yield from side_by_side(self._with_copies, found, threads=THREADS)

    def _absent(self) -> Iterator[Missing]:
        """Walk through references and listing side by side."""
        listed = (info.key for info in self.store.list())
        held = next(listed, None)
        for key, rows in groupby(references_in_order(self.state.alias), key=lambda reference: reference.key):
            wanted = _wanted(key, rows)
            if wanted is None:
                continue
            self.references += 1
            while held is not None and in_key_order(held) < in_key_order(key):
                held = next(listed, None)
            if held != key:
                yield wanted

    def _is_on_its_way(self, key: str) -> bool:
        """Return whether the store still has to be told of the key, or somebody is at it just now."""
        return any(mark.is_open for mark in marks.of_key(self.state.alias, key))

    def _with_copies(self, missing: Missing) -> Missing:
        for name in _other_stores(self.state, self.name):
            try:
                if _holds(conf.store_named(name), missing.key):
                    missing.copies.append(name)
            except StorageError as problem:
                missing.unasked[name] = problem.what
        if missing.made_from:
            missing.can_be_made = _holds(self.store, missing.made_from)
        return missing


def _wanted(key: str, rows: Iterator[Reference]) -> Missing | None:
    """Return what to look for under *key*, None if no row expects anything there. Rows of one file may be many."""
    named: list[Reference] = []
    count = 0
    for row in rows:
        if not row.is_expected:
            continue
        count += 1
        if len(named) < MOST_ROWS_NAMED:
            named.append(row)
    return Missing(key, named, count, made_from=named[0].made_from) if named else None


def _holds(store: Store, key: str) -> bool:
    live.check_presence(store.name)
    try:
        RetryingStore(store).describe(key)
    except ObjectMissing:
        return False
    return True


def _other_stores(state: State, name: str) -> list[str]:
    """Return the stores that may have a copy: the other one in use, those left behind, those that are only set up."""
    known = (*state.stores, *conf.configured_alias(state.alias).stores)
    return [each for each in dict.fromkeys(known) if each != name]


def _state_for(alias: str, store: str) -> State:
    known = conf.configured_alias(alias).stores
    if store and store not in known:
        raise SettingsError(f"{store!r} is no store of the alias {alias!r}.", remedy=f"Its stores: {', '.join(known)}.")
    if next(file_fields(alias), None) is None:
        raise SettingsError(f"No model keeps its files in {alias!r}, so no row can lack one.")
    return fresh_state_of(alias)
