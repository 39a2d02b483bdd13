"""What stores have in common that keep objects in a container of a service, through that service's own library.

Each such store says how its library lists, finds, reads, sends and removes one object; here is what makes the contract
of it: an object that is to be stored waits on this machine until all of it has arrived, one that is read can be read
from any byte on, and one that changes meanwhile is noticed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import IO

from ..errors import AlreadyExists, ObjectMissing, SourceChanged, StorageError
from ..objects import Headers, ObjectInfo, check_key, in_key_order
from ..sentences import say
from .base import Source
from .sorting import sorted_by_key
from .sources import check_digest

CHUNK = 1 << 20

TIMEOUT_SECONDS = 30
"""How long one request waits for its next bytes."""

# Up to this size an object waits in memory, above it on the disk, until all of it has arrived.
IN_MEMORY = 8 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """One version of an object, as the service began to send it."""

    info: ObjectInfo
    pieces: Iterator[bytes]
    close: Callable[[], object]
    """Gives up what is still to come."""


class ContainerStore(ABC):
    """A container, or the part of one under *prefix* ("" or with a final slash)."""

    lists_in_order = True
    """Whether the service lists in key order; a listing that does not come so is sorted here."""

    def __init__(self, name: str, place: str, prefix: str) -> None:
        self.name = name
        self.place = place
        self._prefix = prefix

    # How the library does it; each key is one of the container's own, with the prefix before it

    @abstractmethod
    def _found_below(self, start: str) -> Iterator[ObjectInfo]:
        """Yield what lies under each key of the container that begins with *start*."""

    @abstractmethod
    def _found(self, full_key: str) -> ObjectInfo:
        """Return what the service says of one object, or raise what the library raises."""

    @abstractmethod
    def _opened(self, full_key: str, position: int, known: ObjectInfo | None) -> Opened:
        """Begin to read an object at byte *position*; of the version *known*, or raise `SourceChanged`, if it is given.

        Position 0 is always there, any other is less than the known size.
        """

    @abstractmethod
    def _send(self, full_key: str, file: IO[bytes], sent: ObjectInfo, headers: Headers, *, replace: bool) -> None:
        """Store all of *file*, whose size and MD5 *sent* has, in one step; with ``replace=False`` not over another."""

    @abstractmethod
    def _remove(self, found: ObjectInfo) -> None:
        """Delete an object."""

    @abstractmethod
    def _translated(self, key: str | None) -> AbstractContextManager[None]:
        """Turn what the library raises into our errors."""

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        first, last = in_key_order(after), None if until is None else in_key_order(until)
        listing = self._listed(prefix)
        for info in listing if self.lists_in_order else sorted_by_key(listing):
            order = in_key_order(info.key)
            if last is not None and order > last:
                return
            if order > first:
                yield info

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        start = self._prefix + prefix
        with self._translated(None):
            for found in self._found_below(start):
                if found.key.startswith(start) and not found.key.endswith("/"):
                    yield self._ours(found)

    def describe(self, key: str) -> ObjectInfo:
        return self._ours(self._looked_up(key))

    def open(self, key: str) -> _ObjectSource:
        check_key(key)
        return _ObjectSource(self, key)

    def begin_to_read(self, key: str, position: int = 0, known: ObjectInfo | None = None) -> Opened:
        """Open an object for its bytes from *position* on; of the version *known*, or raise `SourceChanged`."""
        with self._translated(key):
            opened = self._opened(self._prefix + key, position, known and self._theirs(known))
            return Opened(self._ours(opened.info), self._passed_on(key, opened.pieces), opened.close)

    def _passed_on(self, key: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with self._translated(key):
            yield from pieces

    # Writing

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        check_key(key)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as arrived:
            size, md5 = 0, hashlib.md5(usedforsecurity=False)
            while chunk := source.read(CHUNK):
                md5.update(chunk)
                size += arrived.write(chunk)
            source.check_unchanged()
            check_digest(source.info, md5.hexdigest())
            arrived.seek(0)
            sent = ObjectInfo(key, size, md5.hexdigest())
            if not replace:
                self._refuse_to_replace(key)
            try:
                with self._translated(key):
                    self._send(self._prefix + key, arrived, sent, headers, replace=replace)
            except StorageError:
                if not replace:
                    self._refuse_to_replace(key)
                raise
        return sent

    def _refuse_to_replace(self, key: str) -> None:
        with suppress(ObjectMissing):
            self.describe(key)
            raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=self.place), key=key)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return {key: self._delete_one(key) for key in keys}

    def _delete_one(self, key: str) -> StorageError | None:
        try:
            found = self._looked_up(key)
            with self._translated(key):
                self._remove(found)
        except ObjectMissing:
            return None
        except StorageError as error:
            return error
        return None

    # Keys here and there

    def _looked_up(self, key: str) -> ObjectInfo:
        check_key(key)
        with self._translated(key):
            return self._found(self._prefix + key)

    def _ours(self, found: ObjectInfo) -> ObjectInfo:
        return dataclasses.replace(found, key=found.key.removeprefix(self._prefix))

    def _theirs(self, info: ObjectInfo) -> ObjectInfo:
        return dataclasses.replace(info, key=self._prefix + info.key)


class _ObjectSource:
    """An object that is read from any byte on, each time by a request of its own for the same version."""

    def __init__(self, store: ContainerStore, key: str) -> None:
        self._store = store
        self._opened: Opened | None = store.begin_to_read(key)
        self.info = self._opened.info
        self._position, self._left_over = 0, b""

    def __enter__(self) -> _ObjectSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def seek(self, position: int) -> None:
        self._close()
        self._position, self._left_over = position, b""
        if position < self.info.size:
            self._opened = self._store.begin_to_read(self.info.key, position, self.info)

    def restart(self) -> None:
        self.seek(0)

    def read(self, size: int = -1, /) -> bytes:
        pieces = self._opened.pieces if self._opened else iter(())
        if size < 0:
            data, self._left_over = self._left_over + b"".join(pieces), b""
        else:
            piece = self._left_over or next(pieces, b"")
            data, self._left_over = piece[:size], piece[size:]
        self._position += len(data)
        return data

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` unless the one version that the service began to send came to its end."""
        if self._position != self.info.size:
            raise SourceChanged(say("{key!r} was not read to its end.", key=self.info.key), key=self.info.key)
