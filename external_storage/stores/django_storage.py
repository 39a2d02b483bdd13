"""Keep objects in any Django storage, whatever is behind it.

Nothing of Django is imported: the storage is only asked for the methods that every Django storage has.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import AlreadyExists, ContainerMissing, KeyRefused, ObjectMissing, SourceChanged, StorageError
from ..objects import Headers, ObjectInfo, check_key, in_key_order
from ..sentences import say
from .base import Source
from .foreign import translated
from .sources import check_digest

CHUNK = 1 << 20

# Up to this size a file waits in memory, above it on the disk, until all of it has arrived.
IN_MEMORY = 8 << 20


class DjangoStorageStore:
    """The files of a Django storage.

    It promises less than the others, because Django's storages do: unless the storage replaces files itself, an object
    that replaces another is missing for a moment; no digest is known of what is stored; and headers are the storage's
    own business, which is told the type.
    """

    def __init__(self, name: str, storage: Any, *, place: str | None = None) -> None:
        self.name = name
        self.place = place or f"{type(storage).__name__}:{name}"
        self._storage = storage

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        """Yield what the folders hold. No file is opened; the storage is asked for the size and the time of each."""
        first, last = in_key_order(after), None if until is None else in_key_order(until)
        for key in self._walk(prefix):
            order = in_key_order(key)
            if last is not None and order > last:
                return
            if order > first and key.startswith(prefix):
                try:
                    yield self._told(key)
                except ObjectMissing:  # deleted since its folder was read
                    continue

    def describe(self, key: str) -> ObjectInfo:
        check_key(key)
        with self._translated(key):
            if not self._is_a_file(key):
                raise ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=self.place), key=key)
        return self._told(key)

    def open(self, key: str) -> _StorageSource:
        info = self.describe(key)
        with self._translated(key):
            return _StorageSource(self, info, self._storage.open(key, "rb"))

    def _told(self, key: str) -> ObjectInfo:
        with self._translated(key):
            return ObjectInfo(key, self._storage.size(key), modified=self._modified(key))

    def _modified(self, key: str) -> float | None:
        try:
            return self._storage.get_modified_time(key).timestamp()
        except NotImplementedError:
            return None

    def _is_a_file(self, key: str) -> bool:
        """Return whether there is one. On a disk a folder exists as well, and Django does not tell it from a file."""
        try:
            path = self._storage.path(key)
        except NotImplementedError:
            return self._storage.exists(key)
        return Path(path).is_file()

    def _walk(self, prefix: str) -> Iterator[str]:
        """Yield every key in key order: a folder stands where its name and a slash would."""
        walk = [iter(self._names(""))]
        while walk:
            key = next(walk[-1], None)
            if key is None:
                walk.pop()
            elif not key.endswith("/"):
                yield key
            elif key.startswith(prefix) or prefix.startswith(key):
                walk.append(iter(self._names(key)))

    def _names(self, folder: str) -> list[str]:
        try:
            with self._translated(folder):
                folders, files = self._storage.listdir(folder)
        except ObjectMissing as error:
            if folder:
                return []
            raise ContainerMissing(
                say("There is nothing at {place}.", place=self.place), remedy=say("Check its location.")
            ) from error
        names = [f"{folder}{name.rstrip('/')}/" for name in folders if name] + [
            f"{folder}{name}" for name in files if name
        ]
        return sorted(names, key=in_key_order)

    # Writing

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        check_key(key)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as arrived:
            md5 = _pour(source, arrived)
            source.check_unchanged()
            check_digest(source.info, md5)
            size = arrived.tell()
            arrived.seek(0)
            self._make_room(key, replace)
            self._save(key, _Content(key, arrived, size, headers.content_type))
        return ObjectInfo(key, size, md5)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return {key: self._delete_one(key) for key in keys}

    def _make_room(self, key: str, replace: bool) -> None:
        """Remove what is there, unless the storage replaces it by itself."""
        with suppress(ObjectMissing):
            self.describe(key)
            if not replace:
                raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=self.place), key=key)
            with self._translated(key):
                if self._storage.get_available_name(key) != key:
                    self._storage.delete(key)

    def _save(self, key: str, content: _Content) -> None:
        with self._translated(key):
            saved = self._storage.save(key, content).replace("\\", "/")
            if saved != key:
                self._storage.delete(saved)
                raise KeyRefused(
                    say(
                        "{place} would store {key!r} under another name, {saved!r}.",
                        place=self.place,
                        key=key,
                        saved=saved,
                    ),
                    key=key,
                )

    def _delete_one(self, key: str) -> StorageError | None:
        """Delete the file and look whether it is gone: not every storage says that it could not."""
        try:
            self.describe(key)
            with self._translated(key):
                self._storage.delete(key)
            self.describe(key)
        except ObjectMissing:
            return None
        except StorageError as error:
            return error
        return StorageError(
            say("{place} did not delete {key!r}, and did not say why.", place=self.place, key=key), key=key
        )

    def _translated(self, key: str) -> AbstractContextManager[None]:
        return translated(self.place, key)


class _StorageSource:
    """A file that a storage has opened."""

    def __init__(self, store: DjangoStorageStore, info: ObjectInfo, file: Any) -> None:
        self.info = info
        self._store = store
        self._file = file
        self._read = 0

    def __enter__(self) -> _StorageSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def read(self, size: int = -1, /) -> bytes:
        with translated(self._store.place, self.info.key):
            data = self._file.read() if size < 0 else self._file.read(size)
        self._read += len(data)
        return data

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        with translated(self._store.place, self.info.key):
            self._file.seek(position)
        self._read = position

    def check_unchanged(self) -> None:
        now = self._store.describe(self.info.key)
        if self._read != self.info.size or (now.size, now.modified) != (self.info.size, self.info.modified):
            raise SourceChanged(say("{key!r} changed while it was read.", key=self.info.key), key=self.info.key)


class _Content:
    """What Django's storages expect of a file that is to be saved."""

    def __init__(self, name: str, file: IO[bytes], size: int, content_type: str) -> None:
        self.name = name
        self.size = size
        self.content_type = content_type
        self.file = file
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell

    def chunks(self, chunk_size: int = CHUNK) -> Iterator[bytes]:
        self.file.seek(0)
        return iter(lambda: self.file.read(chunk_size), b"")

    @property
    def closed(self) -> bool:
        return self.file.closed

    def close(self) -> None:
        """Leave the file open: whoever made it closes it."""


def _pour(source: Source, file: IO[bytes]) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := source.read(CHUNK):
        md5.update(chunk)
        file.write(chunk)
    return md5.hexdigest()
