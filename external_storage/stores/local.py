"""Keep objects as files below one folder.

What lies in the folder is not trusted: a link is never followed out of it, only regular files are opened, and a name
that could not be an object elsewhere is passed over and named. A file appears under its name complete or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import (
    AlreadyExists,
    ContainerMissing,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    SourceChanged,
    SourceUnreadable,
    StorageError,
    StoreFull,
    TransientStoreError,
)
from ..objects import Headers, ObjectInfo, PassedOver, check_key
from ..sentences import say
from .base import Source, objects_among
from .folders import walk_folders
from .sources import check_digest

# What a file is called until it is complete. It lies beside its final name, so that the rename stays on one device.
UNFINISHED = ".incoming-"

# An unfinished file that nobody has written to for so long belongs to a process that was killed.
ABANDONED_SECONDS = 3600.0

# Some file systems keep times in steps of two seconds.
UNSEEN_CHANGE_SECONDS = 2.0

CHUNK = 1 << 20

# A link in the last place is refused, to be looked at first; a FIFO put there meanwhile cannot hold us up.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalStore:
    """The files below *root*, which must exist unless *create* is set.

    A *durable* one counts a file as stored when a power cut cannot take it away any more.
    """

    def __init__(self, name: str, root: str | os.PathLike[str], *, create: bool = False, durable: bool = True) -> None:
        self.name = name
        # The real path, once: every later check compares with it.
        self.root = os.path.realpath(root)
        self.place = f"file://{self.root}"
        self._durable = durable
        self._named_on_disk: dict[str, None] = {}
        self._abandoned: dict[str, None] = {}
        if create:
            Path(self.root).mkdir(parents=True, exist_ok=True)

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return objects_among(self.survey(prefix, after=after, until=until))

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        """Walk the folder in key order; a directory that cannot be read is passed over under its name and a slash."""
        if not Path(self.root).is_dir():
            raise ContainerMissing(
                say("The folder {root} does not exist.", root=self.root),
                remedy=say("Check the path, and that its disk is mounted."),
            )
        yield from walk_folders(lambda folder: iter(self._entries(folder)), self._look_at, prefix, after, until)

    def version_of(self, info: ObjectInfo) -> tuple[str, str] | None:
        """A change within the clock's grain leaves no trace, so a file must have been left alone for a moment."""
        device, inode, size, modified, changed = (info.etag or "").split("-")
        if time.time_ns() - max(int(modified, 16), int(changed, 16)) < UNSEEN_CHANGE_SECONDS * 1e9:
            return None
        return f"{device}-{inode}", f"{size}-{modified}-{changed}"

    def describe(self, key: str) -> ObjectInfo:
        with self.open(key) as source:
            return source.info

    def read_whole(self, key: str, most: int) -> tuple[ObjectInfo, bytes] | None:
        descriptor, status = self._opened(key)
        try:
            if status.st_size > most:
                return None
            # One byte more than there should be: a file that has grown shows.
            data = os.read(descriptor, status.st_size + 1)
            if len(data) != status.st_size or not _is_same_version(os.fstat(descriptor), status):
                return None
        except OSError as error:
            raise self._reading_failed(key, error) from error
        finally:
            os.close(descriptor)
        return _info(key, status), data

    def open(self, key: str) -> _FileSource:
        return _FileSource(key, *self._opened(key))

    def _opened(self, key: str) -> tuple[int, os.stat_result]:
        """Open a regular file inside the root; return its descriptor and what it is like."""
        path = self._inside(key)
        try:
            descriptor = os.open(path, _READING)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise self._reading_failed(key, error) from error
            descriptor = self._open_link(key)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise ObjectMissing(say("{key!r} is a folder in {place}.", key=key, place=self.place), key=key)
            raise SourceUnreadable(say("{key!r} is no regular file.", key=key), key=key)
        return descriptor, status

    def _open_link(self, key: str) -> int:
        try:
            return os.open(self._resolved(f"{self.root}/{key}", key), _READING)
        except OSError as error:
            raise self._reading_failed(key, error) from error

    # Writing

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        # Files carry no headers; the web server that serves the folder decides them.
        path = self._place_for(key)
        unfinished = path.with_name(UNFINISHED + secrets.token_hex(16))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("xb", buffering=0) as file:
                md5 = _pour(source, file.fileno())
                source.check_unchanged()
                check_digest(source.info, md5)
                status = os.fstat(file.fileno())
                if self._durable:
                    os.fsync(file.fileno())
            if replace:
                unfinished.replace(path)
            else:
                os.link(unfinished, path)
            if self._durable:
                self._write_names_to_disk(path.parent)
        except OSError as error:
            raise self._writing_failed(key, error) from error
        finally:
            with suppress(OSError):
                unfinished.unlink()
        return _info(key, status, md5=md5)

    def _write_names_to_disk(self, folder: Path) -> None:
        """Let a power cut leave the new name behind, and those of the folders made for it."""
        new: list[str] = []
        while True:
            _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
            if str(folder) == self.root or str(folder) in self._named_on_disk:
                break
            # A folder is new once; from then on only what is in it is.
            new.append(str(folder))
            folder = folder.parent
        self._named_on_disk.update(dict.fromkeys(new))

    def write_to_disk(self, keys: Iterable[str]) -> None:
        """Make up for what a store that is not durable left undone: no power cut takes these files away any more."""
        folders: dict[Path, None] = {}
        for key in keys:
            path = self._place_for(key)
            try:
                _sync(path, os.O_RDONLY)
            except OSError as error:
                raise self._writing_failed(key, error) from error
            folders[path.parent] = None
        for folder in folders:
            self._write_names_to_disk(folder)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return {key: self._delete_one(key) for key in keys}

    def clear_unfinished(self) -> int:
        removed = 0
        while self._abandoned:
            path, _ = self._abandoned.popitem()
            with suppress(OSError):
                Path(path).unlink()
                removed += 1
        return removed

    def _delete_one(self, key: str) -> StorageError | None:
        try:
            self._place_for(key).unlink(missing_ok=True)
        except StorageError as error:
            return error
        except (NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            return self._writing_failed(key, error)
        return None

    # The folder

    def _entries(self, folder: str) -> Iterator[_Entry | PassedOver]:
        """Return what lies in *folder* ("" or with a final slash) in key order: a folder sorts as its name and "/"."""
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                found = [_Entry(self.root, folder, entry) for entry in entries if not self._is_unfinished(entry)]
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            problem = SourceUnreadable(
                say("The folder {value!r} cannot be read: {why}.", value=folder or ".", why=error.strerror),
                key=folder,
                remedy=say("Give this user the right to read and enter it."),
            )
            return iter((PassedOver(folder, problem),))
        found.sort(key=lambda entry: os.fsencode(entry.key))
        return iter(found)

    def _is_unfinished(self, entry: os.DirEntry[str]) -> bool:
        """Return whether this is no object yet; remember it if it will never be one."""
        if not entry.name.startswith(UNFINISHED):
            return False
        with suppress(FileNotFoundError):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED_SECONDS:
                self._abandoned[entry.path] = None
        return True

    def _look_at(self, entry: _Entry) -> ObjectInfo | PassedOver | None:
        """Return the file as an object, what keeps it from being one, or None if it is gone by now."""
        key = entry.key
        try:
            check_key(key)
            if entry.is_link:
                with self.open(key) as source:
                    return source.info
            status = entry.status()
        except ObjectMissing:
            return PassedOver(
                key, SourceUnreadable(say("{key!r} is a link to a folder or to nothing.", key=key), key=key)
            )
        except StorageError as error:
            return PassedOver(key, error)
        except FileNotFoundError:
            return None
        except OSError as error:
            return PassedOver(key, self._reading_failed(key, error))
        if not stat.S_ISREG(status.st_mode):
            return PassedOver(
                key, SourceUnreadable(say("{key!r} is no regular file (a FIFO, a socket, …).", key=key), key=key)
            )
        return _info(key, status)

    def _inside(self, key: str) -> str:
        """Return where *key* is, links on the way resolved; raise `KeyRefused` if that is outside the root."""
        path = self.root
        *folders, last = check_key(key).split("/")
        for name in folders:
            path = f"{path}/{name}"
            if os.path.islink(path):  # noqa: PTH114 — for each object, and a Path takes ten times as long
                return self._resolved(f"{self.root}/{key}", key)
        return f"{path}/{last}"

    def _place_for(self, key: str) -> Path:
        """Return where *key* is written. A link in the last place is not resolved: it is replaced by the file."""
        folder, _, name = f"{self.root}/{check_key(key)}".rpartition("/")
        return Path(self._resolved(folder, key), name)

    def _resolved(self, path: str, key: str) -> str:
        real = os.path.realpath(path)
        if not f"{real}/".startswith(self.root.rstrip("/") + "/"):
            raise KeyRefused(
                say("{key!r} is, or lies behind, a link that leads out of {root}.", key=key, root=self.root), key=key
            )
        return real

    def _reading_failed(self, key: str, error: OSError) -> StorageError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=self.place), key=key)
        if error.errno == errno.ENAMETOOLONG:
            return ObjectMissing(
                say("There is no {key!r} in {place}; the name is too long for a file.", key=key, place=self.place),
                key=key,
            )
        if error.errno in (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE):
            return TransientStoreError(say("{key!r} could not be read: {why}.", key=key, why=error.strerror), key=key)
        return SourceUnreadable(
            say("{key!r} cannot be read: {why}.", key=key, why=error.strerror),
            key=key,
            remedy=say("Give this user the right to read it."),
        )

    def _writing_failed(self, key: str, error: OSError) -> StorageError:
        if error.errno == errno.ENAMETOOLONG:
            return KeyRefused(
                say("The name {key!r}… is too long for a file in {place}.", key=key[:60], place=self.place), key=key
            )
        if isinstance(error, FileExistsError) and not os.path.lexists(f"{self.root}/{key}"):
            return KeyRefused(
                say("A part of {key!r} is a file in {place}, and cannot be a folder too.", key=key, place=self.place),
                key=key,
            )
        if isinstance(error, FileExistsError):
            return AlreadyExists(say("{key!r} is already in {place}.", key=key, place=self.place), key=key)
        if isinstance(error, NotADirectoryError | IsADirectoryError):
            return KeyRefused(
                say("{key!r} cannot be both a file and a folder in {place}.", key=key, place=self.place), key=key
            )
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFull(
                say("No room left in {place}.", place=self.place), key=key, remedy=say("Free space, then run it again.")
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return PermissionRefused(
                say(
                    "{key!r} may not be written in {place}: {why}.",
                    key=key,
                    place=self.place,
                    why=error.strerror,
                ),
                key=key,
                remedy=say("Give this user the right to write there."),
            )
        return TransientStoreError(
            say(
                "{key!r} could not be written in {place}: {why}.",
                key=key,
                place=self.place,
                why=error.strerror,
            ),
            key=key,
        )


class _Entry:
    """One name in a folder, as `os.scandir` tells it without a further question to the disk.

    What it came from is not kept: that holds the whole path, of each of a folder's many files.
    """

    __slots__ = ("_root", "is_folder", "is_link", "key")

    def __init__(self, root: str, folder: str, entry: os.DirEntry[str]) -> None:
        self._root = root
        self.is_link = entry.is_symlink()
        self.is_folder = entry.is_dir(follow_symlinks=False)
        self.key = f"{folder}{entry.name}/" if self.is_folder else f"{folder}{entry.name}"

    def status(self) -> os.stat_result:
        return os.lstat(f"{self._root}/{self.key}")


class _FileSource:
    """An open file, and what it was like when it was opened."""

    def __init__(self, key: str, descriptor: int, status: os.stat_result) -> None:
        self.info = _info(key, status)
        self._descriptor = descriptor
        self._status = status
        self._read = 0

    def __enter__(self) -> _FileSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        try:
            data = os.read(self._descriptor, size)
        except OSError as error:
            raise TransientStoreError(
                say("{key!r} could not be read: {why}.", key=self.info.key, why=error.strerror),
                key=self.info.key,
            ) from error
        self._read += len(data)
        return data

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        os.lseek(self._descriptor, position, os.SEEK_SET)
        self._read = position

    def check_unchanged(self) -> None:
        if self._read != self._status.st_size or not _is_same_version(os.fstat(self._descriptor), self._status):
            raise SourceChanged(say("{key!r} changed while it was read.", key=self.info.key), key=self.info.key)


def _is_same_version(now: os.stat_result, then: os.stat_result) -> bool:
    """Return whether an open file still holds what it held *then*."""
    if (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns):
        return False
    # The time of change shows what sets mtime back, but moves too when another file takes this one's name: then the
    # link count goes down, and what we read is still one whole version.
    return now.st_ctime_ns == then.st_ctime_ns or now.st_nlink != then.st_nlink


def _pour(source: Source, descriptor: int) -> str:
    """Write all of *source* to the file and return its MD5."""
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := source.read(CHUNK):
        md5.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]
    return md5.hexdigest()


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Network file systems that know no such thing keep names by themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _info(key: str, status: os.stat_result, *, md5: str | None = None) -> ObjectInfo:
    # A file's "version" for whoever compares two listings: it changes whenever the content may have changed.
    etag = f"{status.st_dev:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}"
    return ObjectInfo(key, status.st_size, md5, status.st_mtime, etag)
