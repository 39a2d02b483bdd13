"""Stand before another store and pass on to it what one does not do otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ..errors import StorageError
from ..objects import ObjectInfo, PassedOver
from .base import LeavesUnfinished, Noted, RemembersUploads, RetriesItself, Source, Store, TellsVersions, walk_of


class PassesReadingOn:
    """What reads is passed on; what writes is for the class that inherits to say."""

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


class PassesUploadsOn(PassesReadingOn):
    """What a store has to say, keeps of its uploads, tries again, and tells of versions, is passed on too."""

    @property
    def notes(self) -> tuple[str, ...]:
        return self._store.notes if isinstance(self._store, Noted) else ()

    def remember_uploads_in(self, folder: Path) -> None:
        if isinstance(self._store, RemembersUploads):
            self._store.remember_uploads_in(folder)

    def clear_unfinished(self) -> int:
        return self._store.clear_unfinished() if isinstance(self._store, LeavesUnfinished) else 0

    def tell_of_retries(self, on_retry: Callable[[StorageError], None]) -> None:
        if isinstance(self._store, RetriesItself):
            self._store.tell_of_retries(on_retry)

    def version_of(self, info: ObjectInfo) -> tuple[str, str] | None:
        return self._store.version_of(info) if isinstance(self._store, TellsVersions) else None
