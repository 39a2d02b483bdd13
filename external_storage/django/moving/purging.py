"""Empty a store that was left behind, of what was just seen to be in the store in use, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from ... import transfer
from ...errors import SettingsError
from ...sentences import say
from ...stores.retrying import RetryingStore
from ...transfer import Line
from .. import conf
from . import comparing, ladder, marks
from .journey import alone_on_folders
from .ladder import StepRefused
from .locks import only_one
from .state import State, fresh_state_of
from .telling import Counting, Unseen, View

AT_ONCE = 200
"""How many are deleted in one request, right after they were compared."""

MOST_NAMED = 20


class TooMany(SettingsError):
    """More would be deleted than was allowed; nothing was."""


@dataclass(slots=True)
class Purge:
    """What lies in a store that was left behind: how many files may go, and how many stay and why."""

    alias: str
    store: str
    kept_in: str
    """The store in use, which has each of those that may go."""
    may_go: int = 0
    stay: int = 0
    named: list[str] = field(default_factory=list)
    deleted: int = 0
    is_empty: bool = False
    is_forgotten: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def keep(self, key: str, reason: str) -> None:
        self.stay += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(f"{key!r}: {reason}")


def look(alias: str, store: str, *, view: View | None = None) -> Purge:
    """Return what `purge` would delete from *store* and what it would leave there. Nothing is deleted.

    Raise `StepRefused` if *store* is not one that the alias has left behind.
    """
    state = _state_for(alias, store)
    found = Purge(alias, store, state.active)
    for line in _lines(state, store, view or Unseen()):
        if line.symbol == "=":
            found.may_go += 1
        else:
            found.keep(line.key, line.reason)
    return found


def left_behind(alias: str, store: str) -> Purge:
    """Return nothing of what lies in *store*. Raise `StepRefused` if it is not one that the alias has left behind."""
    return Purge(alias, store, _state_for(alias, store).active)


def purge(alias: str, store: str, *, view: View | None = None, max_delete: int | None = None) -> Purge:
    """Delete from *store* each object that is the same in the store in use, compared a moment before.

    Raise `TooMany` once *max_delete* objects were deleted and more would be. When nothing is left, the store is
    forgotten: it needs to hear of no deletion any more.
    """
    with only_one(alias) as lock, alone_on_folders(alias):
        state = _state_for(alias, store)
        left = RetryingStore(conf.store_named(store))
        found = Purge(alias, store, state.active)
        lines = _lines(state, store, view or Unseen())
        while batch := list(islice(lines, AT_ONCE)):
            lock.check()
            _delete(left, batch, found, max_delete)
        found.is_empty = next(iter(left.list()), None) is None
        if found.is_empty:
            ladder.wait_until_complete(alias)
            ladder.purged(alias, store)
            found.is_forgotten = True
    return found


def forget(alias: str, store: str) -> Purge:
    """Let *store* hear of nothing any more, and delete nothing there: for one that is dead, or whose files are kept.

    What people delete from now on stays in it.
    """
    with only_one(alias):
        found = left_behind(alias, store)
        ladder.wait_until_complete(alias)
        ladder.purged(alias, store)
    found.is_forgotten = True
    return found


def _delete(left: RetryingStore, batch: Iterable[Line], found: Purge, max_delete: int | None) -> None:
    for line in batch:
        if line.symbol != "=":
            found.keep(line.key, line.reason)
    keys = [line.key for line in batch if line.symbol == "="]
    allowed = len(keys) if max_delete is None else max(0, max_delete - found.deleted)
    for key, error in left.delete(keys[:allowed]).items():
        found.may_go += 1
        if error is None:
            found.deleted += 1
        else:
            found.keep(key, error.what)
    if len(keys) > allowed:
        raise TooMany(
            f"Files deleted from {found.store!r}: {found.deleted:,}; more than that was not allowed.",
            remedy="Raise --max-delete if the others may go too.",
        )


def _lines(state: State, store: str, view: View) -> Iterator[Line]:
    """Compare what was left behind with the store in use; what the publishing rule holds back is not among it."""
    left, in_use = conf.store_named(store), conf.store_named(state.active)
    lines = transfer.verify(left, in_use, comparing.rules_for(state.alias))
    return (line for line in Counting(view, "purge", "compared").over(lines) if line.symbol != "-")


def _state_for(alias: str, store: str) -> State:
    """Return where the alias is, with nothing on its way to *store* any more."""
    state = fresh_state_of(alias)
    if store not in state.retired:
        retired = ", ".join(state.retired) or "none"
        raise StepRefused(
            say("The store {store!r} is not one that {alias!r} has left behind.", store=store, alias=alias),
            remedy=say("It has left: {retired}.", retired=retired),
        )
    if state.is_moving:
        raise StepRefused(say("The files of {alias!r} are being moved.", alias=alias), remedy=say("Finish that first."))
    for other in conf.configuration().aliases:
        if other != alias and store in fresh_state_of(other).stores:
            raise SettingsError(
                say(
                    "The store {store!r} also has files of the alias {other!r}; nothing was deleted.",
                    store=store,
                    other=other,
                )
            )
    marks.drain(alias)
    return state
