"""Keep objects in any Django storage, whatever is behind it.

Nothing of Django is imported: the storage is only asked for the methods that every Django storage has.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from ..errors import (
    AlreadyExists,
    ContainerMissing,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    SettingsError,
    SourceChanged,
    SourceUnreadable,
    StorageError,
    TransientStoreError,
)
from ..objects import Headers, ObjectInfo, check_key, in_key_order
from .base import Source
from .sources import check_digest

CHUNK = 1 << 20

# Up to this size a file waits in memory, above it on the disk, until all of it has arrived.
IN_MEMORY = 8 << 20


class DjangoStorageStore:
    """The files of a Django storage.

    It promises less than the others, because Django's storages do: an object that replaces another is missing for a
    moment, no digest is known of what is stored, and headers are the storage's own business.
    """

    def __init__(self, name: str, storage: Any, *, place: str | None = None) -> None:
        self.name = name
        self.place = place or f"{type(storage).__name__}:{name}"
        self._storage = storage

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        first, last = in_key_order(after), None if until is None else in_key_order(until)
        for key in self._walk(prefix):
            order = in_key_order(key)
            if last is not None and order > last:
                return
            if order > first and key.startswith(prefix):
                try:
                    yield self.describe(key)
                except ObjectMissing:  # deleted since its folder was read
                    continue

    def describe(self, key: str) -> ObjectInfo:
        with self.open(key) as source:
            return source.info

    def open(self, key: str) -> _StorageSource:
        check_key(key)
        with self._translated(key):
            file = self._storage.open(key, "rb")
            try:
                return _StorageSource(self, key, file)
            except BaseException:
                file.close()
                raise

    def info(self, key: str, file: Any) -> ObjectInfo:
        """Return what the storage says of an open file."""
        with self._translated(key):
            return ObjectInfo(key, file.size, modified=self._modified(key))

    def _modified(self, key: str) -> float | None:
        try:
            return self._storage.get_modified_time(key).timestamp()
        except NotImplementedError:
            return None

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
            raise ContainerMissing(f"There is nothing at {self.place}.", remedy="Check its location.") from error
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
            with self._translated(key):
                self._make_room(key, replace)
                self._save(key, _Content(key, arrived, size))
        return ObjectInfo(key, size, md5, headers=headers)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return {key: self._delete_one(key) for key in keys}

    def _make_room(self, key: str, replace: bool) -> None:
        try:
            self.describe(key)
        except ObjectMissing:
            return
        if not replace:
            raise AlreadyExists(f"{key!r} is already in {self.place}.", key=key)
        self._storage.delete(key)

    def _save(self, key: str, content: _Content) -> None:
        saved = self._storage.save(key, content).replace("\\", "/")
        if saved != key:
            self._storage.delete(saved)
            raise KeyRefused(f"{self.place} would store {key!r} under another name, {saved!r}.", key=key)

    def _delete_one(self, key: str) -> StorageError | None:
        try:
            self.describe(key)
            with self._translated(key):
                self._storage.delete(key)
        except ObjectMissing:
            return None
        except StorageError as error:
            return error
        return None

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Turn what a storage raises into our errors. Which library is behind it is not known here."""
        try:
            yield
        except StorageError:
            raise
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectMissing(f"There is no {key!r} in {self.place}.", key=key) from error
        except FileExistsError as error:
            raise KeyRefused(f"A part of {key!r} is a file in {self.place}.", key=key) from error
        except PermissionError as error:
            raise PermissionRefused(f"{key!r} in {self.place} may not be used: {error.strerror}.", key=key) from error
        except NotImplementedError as error:
            raise SettingsError(f"{self.place} cannot do what is needed here (such as listing).") from error
        except OSError as error:
            raise TransientStoreError(f"{self.place} failed on {key!r}: {error.strerror}.", key=key) from error
        except Exception as error:
            if type(error).__name__ == "SuspiciousFileOperation":
                raise KeyRefused(f"{self.place} refuses the name {key!r}.", key=key) from error
            raise StorageError(f"{self.place} failed on {key!r} ({type(error).__name__}).", key=key) from error


class _StorageSource:
    """A file that a storage has opened."""

    def __init__(self, store: DjangoStorageStore, key: str, file: Any) -> None:
        self.info = store.info(key, file)
        self._store = store
        self._file = file
        self._read = 0

    def __enter__(self) -> _StorageSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read() if size < 0 else self._file.read(size)
        except OSError as error:
            raise SourceUnreadable(f"{self.info.key!r} could not be read: {error}.", key=self.info.key) from error
        self._read += len(data)
        return data

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self._read = position

    def check_unchanged(self) -> None:
        now = self._store.describe(self.info.key)
        if self._read != self.info.size or (now.size, now.modified) != (self.info.size, self.info.modified):
            raise SourceChanged(f"{self.info.key!r} changed while it was read.", key=self.info.key)


class _Content:
    """What Django's storages expect of a file that is to be saved."""

    def __init__(self, name: str, file: IO[bytes], size: int) -> None:
        self.name = name
        self.size = size
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
