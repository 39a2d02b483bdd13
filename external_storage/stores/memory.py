"""Keep objects in memory: for tests, and as the plainest example of a store."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from time import time

from ..errors import AlreadyExists, KeyRefused, ObjectMissing, SourceChanged, StorageError
from ..objects import Headers, ObjectInfo, check_key, in_key_order
from ..sentences import say
from .base import Source
from .sources import BytesSource, check_digest, md5_of_bytes


@dataclass(frozen=True, slots=True)
class _Held:
    data: bytes
    headers: Headers
    md5: str
    modified: float

    def info(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, len(self.data), self.md5, self.modified, self.md5, self.headers)


class MemoryStore:
    """A dictionary of objects."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.place = f"memory://{name}"
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        with self._lock:
            keys = sorted(self._held, key=in_key_order)
        for key in keys[bisect_right(keys, in_key_order(after), key=in_key_order) :]:
            if until is not None and in_key_order(key) > in_key_order(until):
                return
            held = self._held.get(key)
            if held is not None and key.startswith(prefix):
                yield held.info(key)

    def describe(self, key: str) -> ObjectInfo:
        return self._get(key).info(key)

    def open(self, key: str) -> BytesSource:
        held = self._get(key)
        return BytesSource(key, held.data, modified=held.modified)

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        check_key(key)
        data = b"".join(iter(lambda: source.read(1 << 20), b""))
        source.check_unchanged()
        held = _Held(data, headers, md5_of_bytes(data), time())
        check_digest(source.info, held.md5)
        with self._lock:
            if not replace and key in self._held:
                raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=self.place), key=key)
            self._held[key] = held
        return held.info(key)

    def republish(self, info: ObjectInfo, headers: Headers) -> None:
        with self._lock:
            held = self._get(info.key)
            if held.md5 != info.md5:
                raise SourceChanged(say("{key!r} was replaced meanwhile.", key=info.key), key=info.key)
            self._held[info.key] = _Held(held.data, headers, held.md5, time())

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return {key: self._delete_one(key) for key in keys}

    def _delete_one(self, key: str) -> StorageError | None:
        try:
            with self._lock:
                self._held.pop(check_key(key), None)
        except KeyRefused as error:
            return error
        return None

    def _get(self, key: str) -> _Held:
        try:
            return self._held[check_key(key)]
        except KeyError:
            raise ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=self.place), key=key) from None
