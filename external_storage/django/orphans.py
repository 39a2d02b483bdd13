"""Find the files that no row of the database refers to, and remove them once they were seen twice."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from typing import Any

from ..errors import SettingsError, StorageError
from ..health.preflight import PROBES
from ..objects import HoldBack, ObjectInfo, in_key_order
from ..stores.retrying import RetryingStore
from . import conf, places
from .backends import SiteStorage
from .moving import marks, requests
from .moving.journey import alone_on_folders
from .moving.ladder import StepRefused
from .moving.locks import only_one
from .moving.state import State, fresh_state_of
from .references import are_referred_to, file_fields, references_in_order
from .staticfiles import storage_of

AT_ONCE = 200
"""How many are deleted together, right after the database was asked about them once more."""

USUAL_MOST = 1000
USUAL_DAYS = 1.0
USUAL_PAUSE = 60.0


class TooMany(SettingsError):
    """More files are without a reference than may go; none went."""


class Search:
    """One look through the store that *alias* uses. What it counted is complete once `orphans` has come to its end.

    Raise `SettingsError` or `StepRefused` where nothing tells which files are in use, or the alias is being moved.
    """

    def __init__(self, alias: str, *, older_than: float) -> None:
        """*older_than* is in seconds: a younger file may be of an upload whose row is not in the database yet."""
        self.state = _state_for(alias)
        self.store = conf.store_named(self.state.active)
        self.in_use = self.young = self.known = 0
        self._before = time.time() - older_than
        self._rule = conf.configured_alias(alias).publishing_rule
        self._beside, sharing = _neighbours(alias, self.state.active)
        self._references = _keys_in_order(sharing)

    def orphans(self) -> Iterator[ObjectInfo]:
        """Yield each file that no row refers to, directly or through what is made from its own, in key order.

        =======================================  ===========
        a file                                   counts as
        =======================================  ===========
        a row refers to, or that may be made
        from one a row refers to                 *in_use*
        of another store in the same place, a
        probe, or one the publishing rule names  *known*
        with a change on its way                 *young*
        that is young, or whose age is unknown   *young*
        any other                                an orphan
        =======================================  ===========
        """
        wanted = next(self._references, None)
        if wanted is None:
            raise SettingsError(
                "The database refers to no file at all, so nothing tells which of them are in use.",
                remedy="Check that this is the right database.",
            )
        for info in RetryingStore(self.store).list():
            while wanted is not None and in_key_order(wanted) < in_key_order(info.key):
                wanted = next(self._references, None)
            if info.key == wanted:
                self.in_use += 1
            elif self._is_known(info.key):
                self.known += 1
            elif info.modified is None or info.modified > self._before or self._is_on_its_way(info.key):
                self.young += 1
            else:
                yield info

    def _is_known(self, key: str) -> bool:
        if key.startswith((PROBES, *self._beside)):
            return True
        return self._rule is not None and isinstance(self._rule(key, None), HoldBack)

    def _is_on_its_way(self, key: str) -> bool:
        return not self.state.is_alone and any(mark.is_open for mark in marks.of_key(self.state.alias, key))


@dataclass(slots=True)
class Removal:
    """What became of the files that were found: how many went, and why each of the others stayed."""

    removed: int = 0
    bytes: int = 0
    changed: int = 0
    """How many were referred to, replaced or gone when they were looked at again."""
    failed: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in ("removed", "bytes", "changed", "failed")}


def remove(alias: str, found: Mapping[str, ObjectInfo], *, older_than: float) -> Removal:
    """Look a second time, and remove those of *found* that still nobody refers to and that are what they were.

    Right before they go the database is asked about them once more. Raise `StepRefused` or `LockHeld` as soon as
    somebody moves the alias. It may be stopped at any moment: what is left is found again.
    """
    done = Removal()
    with only_one(alias) as lock, alone_on_folders(alias):
        search = Search(alias, older_than=older_than)
        still = (info for info in search.orphans() if _is_the_same(info, found.get(info.key)))
        while batch := list(islice(still, AT_ONCE)):
            lock.check()
            _check_it_stays(search.state)
            _remove(alias, search, batch, done)
    done.changed = len(found) - done.removed - len(done.failed)
    return done


def _remove(alias: str, search: Search, batch: Iterable[ObjectInfo], done: Removal) -> None:
    sizes = {info.key: info.size for info in batch}
    for other in _neighbours(alias, search.state.active)[1]:
        for key in are_referred_to(other, list(sizes)):
            sizes.pop(key, None)
    for key, error in _deleted(search, list(sizes)).items():
        if error is None:
            done.removed += 1
            done.bytes += sizes[key]
        else:
            done.failed[key] = error.what


def _deleted(search: Search, keys: list[str]) -> Mapping[str, StorageError | None]:
    if search.state.is_alone:
        return RetryingStore(search.store).delete(keys) if keys else {}
    # Stores that were left behind hear of it, or the file would come back with the way back.
    storage = SiteStorage(search.state.alias)
    return {key: _delete_everywhere(storage, key) for key in keys}


def _delete_everywhere(storage: SiteStorage, key: str) -> StorageError | None:
    try:
        storage.delete(key)
    except StorageError as error:
        return error
    return None


def _is_the_same(info: ObjectInfo, before: ObjectInfo | None) -> bool:
    return before is not None and _version(info) == _version(before)


def _version(info: ObjectInfo) -> tuple[object, ...]:
    return info.size, info.modified, info.etag


# Whether it may be done at all


def _state_for(alias: str) -> State:
    state = fresh_state_of(alias)
    if storage_of(alias) is not None:
        raise SettingsError(
            f"{alias!r} is of static files, which no row refers to.",
            remedy="storage_prune_static removes those that no page names.",
        )
    if next(file_fields(alias), None) is None:
        raise SettingsError(f"No model keeps its files in {alias!r}, so nothing tells which of them are in use.")
    asked = requests.request_for(alias)
    if state.is_moving or (asked is not None and asked.is_open):
        raise StepRefused(f"The files of {alias!r} are being moved.", remedy="Finish that first.")
    return state


def _check_it_stays(state: State) -> None:
    if fresh_state_of(state.alias).epoch != state.epoch:
        raise StepRefused(
            f"Somebody began to move the files of {state.alias!r}.", remedy="What was left is found again afterwards."
        )


def _neighbours(alias: str, store: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the prefixes of *store* below which other stores keep theirs, and the aliases with files in *store*."""
    here = conf.store_settings(store)
    ways = {name: places.way_into(here, conf.store_settings(name)) for name in conf.configuration().stores}
    beside = tuple(prefix for prefix in ways.values() if prefix)
    sharing = [other for other in conf.configuration().aliases if any(ways[each] == "" for each in _stores_of(other))]
    for other in sharing:
        if next(file_fields(other), None) is None:
            raise SettingsError(
                f"The store {store!r} also has files of the alias {other!r}, of which no row tells.",
                remedy=f"Give {other!r} a place of its own.",
            )
    return beside, sharing


def _stores_of(alias: str) -> set[str]:
    return {*conf.configured_alias(alias).stores, *fresh_state_of(alias).stores}


def _keys_in_order(aliases: Iterable[str]) -> Iterator[str]:
    """Yield the key of every reference of *aliases*, in key order."""
    ways = [(reference.key for reference in references_in_order(alias)) for alias in aliases]
    return merge(*ways, key=in_key_order)
