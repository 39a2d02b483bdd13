"""A store for the copier, in which what it writes cannot overtake what the site did meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from ...errors import StorageError
from ...objects import Headers, ObjectInfo
from ...stores.base import Sending, SendsAhead, Source, Store
from ...stores.passing_on import PassesUploadsOn
from ...transfer import Rules
from .. import conf
from . import marks


@dataclass(frozen=True)
class SparingRules(Rules):
    """The rules of a copy, which leave the keys in *spared* alone."""

    spared: frozenset[str] = frozenset()

    def cover(self, key: str) -> bool:
        return key not in self.spared and super().cover(key)


def sparing(rules: Rules, keys: Iterable[str]) -> Rules:
    """Return *rules* for a copy that leaves *keys* alone: what the target has there is the true version."""
    known = {each.name: getattr(rules, each.name) for each in fields(rules)}
    return SparingRules(**known, spared=frozenset(keys))


def watched(alias: str, name: str, *, wrote: Callable[[str], object] = lambda key: None) -> WatchedStore:
    """Return the store *name*, for `external_storage.transfer` to copy the files of *alias* to.

    *wrote* hears of each key that was written.
    """
    store = conf.store_named(name)
    kind = WatchedSender if isinstance(store, SendsAhead) else WatchedStore
    return kind(alias, store, wrote)


class WatchedStore(PassesUploadsOn):
    """A store that looks at the key's mark again after each write.

    A copier reads an object, the site replaces or deletes it, the drainer carries that over, and only then the copier's
    PUT arrives: the target would keep the old bytes, or a deleted file would come back. So a key that the site touched
    is delivered once more after the copier was at it.
    """

    def __init__(self, alias: str, store: Store, wrote: Callable[[str], object] = lambda key: None) -> None:
        super().__init__(store)
        self._alias = alias
        self._wrote = wrote

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        return self._written(key, lambda: self._store.put(key, source, headers, replace=replace))

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        try:
            return self._store.delete(keys)
        finally:
            for key in keys:
                self._look_at_the_mark(key)

    def _written(self, key: str, write: Callable[[], ObjectInfo]) -> ObjectInfo:
        try:
            info = write()
        finally:
            # After an error too: the request may have been carried out, and only its answer got lost.
            self._look_at_the_mark(key)
        self._wrote(key)
        return info

    def _look_at_the_mark(self, key: str) -> None:
        # Hardly any key has one, and to look is much cheaper than to write.
        if marks.of_key(self._alias, key):
            marks.open_again(self._alias, key, self.name)


class WatchedSender(WatchedStore):
    """The same for a store that `SendsAhead`."""

    @property
    def is_ready(self) -> bool:
        return self._store.is_ready

    def begin_put(self, key: str, *content: Any) -> Sending:
        sending = self._store.begin_put(key, *content)
        return _WatchedSending(sending, lambda: self._written(key, sending.finish))


class _WatchedSending:
    """An object on its way, whose key's mark is looked at when it has arrived: *finish* does so."""

    def __init__(self, sending: Sending, finish: Callable[[], ObjectInfo]) -> None:
        self._sending = sending
        self.finish = finish
        self.fileno = sending.fileno
        self.advance = sending.advance

    @property
    def waits_to_send(self) -> bool:
        return self._sending.waits_to_send
