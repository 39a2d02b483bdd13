"""Try again what may succeed the next time, a bounded number of times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..errors import AlreadyExists, DigestMismatch, SlowDown, StorageError, TransientStoreError
from ..objects import Headers, ObjectInfo, PassedOver
from ..sentences import say
from .base import Noted, ReadsWhole, Seekable, Sending, Source, Store, walk_of
from .contents import CHUNK, md5_of, md5_of_source

T = TypeVar("T")

# A store that says when to come again is believed, but not for the whole night.
LONGEST_WAIT_ASKED_FOR = 120.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try, and how long to wait in between: doubling from *first_wait*, never above *longest_wait*."""

    tries: int = 4
    first_wait: float = 0.2
    longest_wait: float = 20.0

    def wait_before(self, attempt: int, error: StorageError) -> float:
        """Return the seconds to wait before the *attempt*-th try (the second is 1), with half of it left to chance."""
        if isinstance(error, SlowDown) and error.retry_after is not None:
            return min(error.retry_after, LONGEST_WAIT_ASKED_FOR)
        wait = min(self.first_wait * 2 ** (attempt - 1), self.longest_wait)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 — spreads load, guards nothing


class RetryingStore:
    """A store whose passing trouble is met with patience. *on_retry* hears of each error that is tried again."""

    def __init__(
        self,
        store: Store,
        patience: Patience | None = None,
        *,
        on_retry: Callable[[StorageError], None] = lambda error: None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = store.name
        self.place = store.place
        self._store = store
        self._patience = patience or Patience()
        self._on_retry = on_retry
        self._sleep = sleep
        if isinstance(store, ReadsWhole):
            self.read_whole = self._read_whole

    @property
    def notes(self) -> tuple[str, ...]:
        return self._store.notes if isinstance(self._store, Noted) else ()

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return self._walk(self._store.list, prefix, after, until)

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        return self._walk(walk_of(self._store), prefix, after, until)

    def _walk(self, walk: Callable, prefix: str, after: str, until: str | None) -> Iterator:
        """Go on after the last key that came, so that no key comes twice."""
        attempt = 1
        while True:
            try:
                for entry in walk(prefix, after=after, until=until):
                    yield entry
                    after, attempt = entry.key, 1
                return
            except TransientStoreError as error:
                self._wait(attempt, error)
                attempt += 1

    def describe(self, key: str) -> ObjectInfo:
        return self._try(lambda: self._store.describe(key))

    def open(self, key: str) -> AbstractContextManager[Source]:
        return _PatientSource(self._try(lambda: self._store.open(key)), self._wait)

    def _read_whole(self, key: str, most: int) -> tuple[ObjectInfo, bytes] | None:
        return self._try(lambda: self._store.read_whole(key, most))

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> Sending:
        """As in `SendsAhead`, for a store that is one. It is tried once; `after_one_try` has the patience for more."""
        return self._store.begin_put(key, data, md5, headers)

    def after_one_try(self, error: StorageError) -> RetryingStore:
        """Wait as after a first try that ended with *error*, and return a store for those that are left."""
        self._wait(1, error)
        less = replace(self._patience, tries=self._patience.tries - 1, first_wait=2 * self._patience.first_wait)
        return RetryingStore(self._store, less, on_retry=self._on_retry, sleep=self._sleep)

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        attempt = 1
        while True:
            try:
                return self._store.put(key, source, headers, replace=replace)
            except AlreadyExists:
                if attempt == 1:
                    raise
                return self._own_earlier_try(key, source)
            except (TransientStoreError, DigestMismatch) as error:
                self._wait(attempt, error)
                attempt += 1
                source.restart()

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return self._try(lambda: self._store.delete(keys))

    def _own_earlier_try(self, key: str, source: Source) -> ObjectInfo:
        """Return the object if an earlier try of ours stored it and only its answer got lost, else raise."""
        source.restart()
        md5, found = md5_of_source(source), self.describe(key)
        if md5 not in (found.md5, found.recorded_md5) and md5_of(self._store, key) != md5:
            raise AlreadyExists(
                say("{key!r} is already in {place}, with other content.", key=key, place=self.place), key=key
            )
        return found

    def _try(self, request: Callable[[], T]) -> T:
        attempt = 1
        while True:
            try:
                return request()
            except TransientStoreError as error:
                self._wait(attempt, error)
                attempt += 1

    def _wait(self, attempt: int, error: StorageError) -> None:
        if attempt >= self._patience.tries:
            raise error
        self._on_retry(error)
        self._sleep(self._patience.wait_before(attempt, error))


class _PatientSource:
    """A source whose reading goes on where it broke off."""

    def __init__(self, opened: AbstractContextManager[Source], wait: Callable[[int, StorageError], None]) -> None:
        self._opened = opened
        self._source = opened.__enter__()
        self._wait = wait
        self._position = 0
        self.info = self._source.info

    def __enter__(self) -> _PatientSource:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._opened.__exit__(*exception)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        attempt, broken = 1, False
        while True:
            try:
                if broken:
                    self._go_back_to(self._position)
                    broken = False
                data = self._source.read(size)
                self._position += len(data)
                return data
            except TransientStoreError as error:
                self._wait(attempt, error)
                attempt, broken = attempt + 1, True

    def _go_back_to(self, position: int) -> None:
        if isinstance(self._source, Seekable) and position < self.info.size:
            self._source.seek(position)
            return
        self._source.restart()
        while position and (passed := self._source.read(min(CHUNK, position))):
            position -= len(passed)

    def restart(self) -> None:
        self._source.restart()
        self._position = 0

    def check_unchanged(self) -> None:
        self._source.check_unchanged()
