"""Keep what all threads of a run move together below so many bytes a second."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ..errors import SettingsError, StorageError
from ..objects import Headers, ObjectInfo
from ..sentences import say
from ..stores.base import Source, Store
from ..stores.passing_on import PassesUploadsOn

# After a pause nobody may catch up on more than this: a limit is there for the others on the same line.
BURST_SECONDS = 0.25

# Reads are cut so that no single wait is long; a connection on which nothing moves is given up by somebody.
READ_SECONDS = 0.25
SMALLEST_READ = 4096

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?(?:/s)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def read_rate(text: str) -> float:
    """Return bytes a second for ``500k``, ``2M``, ``1.5G`` (decimal, as a line's speed is told)."""
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
    if rate < 1:
        raise SettingsError(
            say("{text!r} is no bandwidth.", text=text), remedy=say("Give bytes a second, such as 500k, 2M or 1G.")
        )
    return rate


class Bandwidth:
    """A bucket of tokens, one a byte, that all threads of a run take from."""

    def __init__(
        self,
        bytes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    @property
    def good_read(self) -> int:
        """How much to read at once, so that no wait for it is long."""
        return max(SMALLEST_READ, int(self.bytes_per_second * READ_SECONDS))

    def take(self, count: int) -> None:
        """Return when *count* more bytes may have been moved."""
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - BURST_SECONDS) + count / self.bytes_per_second
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)


class ThrottledStore(PassesUploadsOn):
    """A store to and from which bytes move no faster than *bandwidth* allows, both directions taken together."""

    def __init__(self, store: Store, bandwidth: Bandwidth) -> None:
        super().__init__(store)
        self._bandwidth = bandwidth

    def open(self, key: str) -> AbstractContextManager[Source]:
        return _ThrottledOpening(self._store.open(key), self._bandwidth)

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        return self._store.put(key, ThrottledSource(source, self._bandwidth), headers, replace=replace)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return self._store.delete(keys)


class ThrottledSource:
    """A source that hands out its bytes no faster than allowed."""

    def __init__(self, source: Source, bandwidth: Bandwidth) -> None:
        self.info = source.info
        self._source = source
        self._bandwidth = bandwidth

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(self._bandwidth.good_read), b""))
        data = self._source.read(min(size, self._bandwidth.good_read))
        self._bandwidth.take(len(data))
        return data

    def restart(self) -> None:
        self._source.restart()

    def check_unchanged(self) -> None:
        self._source.check_unchanged()


class _ThrottledOpening:
    """What `ThrottledStore.open` gives: the throttled source while the real one is open."""

    def __init__(self, opening: AbstractContextManager[Source], bandwidth: Bandwidth) -> None:
        self._opening = opening
        self._bandwidth = bandwidth

    def __enter__(self) -> ThrottledSource:
        return ThrottledSource(self._opening.__enter__(), self._bandwidth)

    def __exit__(self, *exception: Any) -> bool | None:
        return self._opening.__exit__(*exception)
