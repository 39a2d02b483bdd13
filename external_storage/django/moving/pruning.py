"""Take away what only the store has that files are moved to, and the site knows nothing of.

Such files are in the way of a move: they may have been copied, and deleted at the source before changes were carried
over. They may also be somebody's last copy. So nothing goes that a row refers to or the site has touched, and the owner
is shown each file before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...errors import StorageError
from ...sentences import say
from . import comparing
from .journey import Stage, alone_on_folders, stage_of
from .ladder import StepRefused
from .locks import only_one
from .purging import AT_ONCE, MOST_NAMED, TooMany
from .state import State, fresh_state_of
from .telling import Counting, Unseen, View
from .watching import watched


@dataclass(slots=True)
class Pruned:
    """How many files only *store* has, the first of them, and what became of them."""

    alias: str
    store: str
    found: int = 0
    named: list[str] = field(default_factory=list)
    deleted: int = 0
    failed: dict[str, StorageError] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        failed = {key: error.what for key, error in self.failed.items()}
        counts = {"found": self.found, "deleted": self.deleted, "named": self.named, "failed": failed}
        return {"alias": self.alias, "store": self.store} | counts


def look(
    alias: str, store: str, *, view: View | None = None, each: Callable[[str], object] = lambda key: None
) -> Pruned:
    """Return what `prune` would delete from *store*; *each* hears of every key. Nothing is deleted.

    Raise `StepRefused` if *store* is not one that the alias is being moved to.
    """
    found = Pruned(alias, store)
    for key in _strays(_state_for(alias, store), store, view or Unseen()):
        found.found += 1
        if len(found.named) < MOST_NAMED:
            found.named.append(key)
        each(key)
    return found


def prune(alias: str, store: str, *, view: View | None = None, max_delete: int | None = None) -> Pruned:
    """Delete what only *store* has, each file looked at once more a moment before.

    Raise `TooMany` once *max_delete* files were deleted and there are more.
    """
    with only_one(alias) as lock, alone_on_folders(alias):
        strays = _strays(_state_for(alias, store), store, view or Unseen())
        done = Pruned(alias, store)
        while keys := list(islice(strays, AT_ONCE)):
            lock.check()
            _delete(keys, done, max_delete)
    return done


def _delete(keys: list[str], done: Pruned, max_delete: int | None) -> None:
    allowed = len(keys) if max_delete is None else max(0, max_delete - done.deleted)
    # Watched: if somebody uploads a file under one of the names just now, it is carried over once more.
    for key, error in watched(done.alias, done.store).delete(keys[:allowed]).items():
        done.found += 1
        if error is None:
            done.deleted += 1
        else:
            done.failed[key] = error
    if len(keys) > allowed:
        raise TooMany(
            f"Files deleted from {done.store!r}: {done.deleted:,}; more than that was not allowed.",
            remedy="Raise --max-delete if the others may go too.",
        )


def _strays(state: State, store: str, view: View) -> Iterator[str]:
    other = next(name for name in state.in_use if name != store)
    return comparing.strays(state.alias, other, store, counting=Counting(view, "prune", "compared").over)


def _state_for(alias: str, store: str) -> State:
    state = fresh_state_of(alias)
    stage = stage_of(state, store)
    if stage is Stage.TAKEN:
        raise StepRefused(
            say("New files of {alias!r} go to {store!r} already.", alias=alias, store=store),
            remedy=say(
                "Go back first, with storage_move {alias} {standby}; then this; then move there again.",
                alias=alias,
                standby=state.standby,
            ),
        )
    if stage not in (Stage.BEHIND, Stage.HANDED):
        raise StepRefused(
            say(
                "The files of {alias!r} are not on their way to {store!r}, or they are there already.",
                alias=alias,
                store=store,
            ),
            remedy=say(
                "Begin with storage_mirror {alias} {store}: files that are deleted later are deleted there too.",
                alias=alias,
                store=store,
            ),
        )
    return state
