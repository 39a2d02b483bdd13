"""Sources that are no file: bytes in memory, and a source of which the beginning was already read."""

from __future__ import annotations

import hashlib

from ..errors import DigestMismatch, SourceChanged
from ..objects import ObjectInfo
from ..sentences import say
from .base import Source


class BytesSource:
    """An object whose bytes are all in memory."""

    def __init__(self, key: str, data: bytes, *, modified: float | None = None) -> None:
        self.info = ObjectInfo(key, len(data), md5=md5_of_bytes(data), modified=modified)
        self._data = data
        self._position = 0

    def __enter__(self) -> BytesSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def read(self, size: int = -1, /) -> bytes:
        start = self._position
        self._position = len(self._data) if size < 0 else min(start + size, len(self._data))
        return self._data[start : self._position]

    def restart(self) -> None:
        self._position = 0

    def seek(self, position: int) -> None:
        self._position = min(position, len(self._data))

    def check_unchanged(self) -> None:
        if self._position != len(self._data):
            raise SourceChanged(say("{key!r} was not read to its end.", key=self.info.key), key=self.info.key)


class PeekedSource:
    """A source whose first bytes were read to look at them; it hands them out again."""

    def __init__(self, source: Source, first_bytes: bytes) -> None:
        self.info = source.info
        self._source = source
        self._first_bytes = first_bytes

    def read(self, size: int = -1, /) -> bytes:
        first, self._first_bytes = self._first_bytes, b""
        if 0 <= size < len(first):
            first, self._first_bytes = first[:size], first[size:]
            return first
        if size < 0:
            return first + self._source.read()
        return first or self._source.read(size)

    def restart(self) -> None:
        self._first_bytes = b""
        self._source.restart()

    def check_unchanged(self) -> None:
        self._source.check_unchanged()


def md5_of_bytes(data: bytes) -> str:
    """Return the MD5 of *data* as 32 hex digits."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def check_digest(info: ObjectInfo, md5: str) -> None:
    """Raise `DigestMismatch` if the source was said to have another MD5 than the bytes that came out of it."""
    if info.md5 and md5 not in (info.md5, info.recorded_md5):
        raise DigestMismatch(
            say(
                "{key!r} arrived with other bytes than its store announced (MD5 {md5}, expected {expected}).",
                key=info.key,
                md5=md5,
                expected=info.md5,
            ),
            key=info.key,
            remedy=say("Run the same command again; if it persists, the stored object is damaged."),
        )
