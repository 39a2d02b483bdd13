"""Read from a store, and be sure that nothing in it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from ..errors import SettingsError, StorageError
from ..objects import Headers, ObjectInfo, PassedOver
from .base import Source, Store, walk_of


class DryRunStore:
    """A store that reads as the other one does and refuses every write."""

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self.place = store.place
        self._store = store

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return self._store.list(prefix, after=after, until=until)

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        return walk_of(self._store)(prefix, after=after, until=until)

    def describe(self, key: str) -> ObjectInfo:
        return self._store.describe(key)

    def open(self, key: str) -> AbstractContextManager[Source]:
        return self._store.open(key)

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        raise SettingsError(f"This is a dry run; {key!r} was not written to {self.place}.")

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        raise SettingsError(f"This is a dry run; nothing was deleted from {self.place}.")
