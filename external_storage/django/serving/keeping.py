"""Keep copies of files that live elsewhere on this machine's disk, up to a limit, for all processes of the site.

Nothing is held in memory and no process is in charge: a copy is one file, and what processes have to agree on the file
system decides. Anything here may be deleted at any time, with the site running. Why it is made so, and not with a
library, is told in docs/decisions/serving-files.md.

    ab/abcd…            a copy: a page that describes it, then its bytes; last used at its atime, checked at its mtime
    filling/abcd…       locked by whoever fetches the file just now
    filling/abcd….1f    what has arrived of it
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import IO, Self

from django.core.signals import setting_changed

from ...errors import SourceChanged
from ...objects import ObjectInfo
from ...stores.sources import check_digest
from .. import conf
from .opened import CHUNK, OpenedFile

LARGEST = 16 * 2**20
"""Larger files are passed on as they come: nobody waits until all of one has arrived."""

PAGE = 4096
"""What describes a copy; a key alone may have 1,024 bytes."""

USED_AGAIN_SECONDS = 60.0
"""How exactly it is known when a copy was used last."""

ABANDONED_SECONDS = 3600.0

logger = logging.getLogger(__name__)


class KeptCopy:
    """A copy opened for reading, as a `Source`. It can be read to its end even when it is given up meanwhile."""

    def __init__(self, file: IO[bytes], info: ObjectInfo) -> None:
        self.info = info
        self._file = file
        self.seek(0)

    @classmethod
    def read_from(cls, file: IO[bytes], key: str) -> Self | None:
        """Return the copy in *file*, None if it is not whole or another file's."""
        try:
            info = ObjectInfo(**json.loads(os.pread(file.fileno(), PAGE, 0)))
        except (ValueError, TypeError):  # unfinished, or of another release
            return None
        return cls(file, info) if info.key == key and _size(file) == PAGE + info.size else None

    @property
    def checked_at(self) -> float:
        """When it was last certain that the store holds the same."""
        return os.fstat(self._file.fileno()).st_mtime

    def confirm(self) -> None:
        """Note that the store holds the same now."""
        os.utime(self._file.fileno())

    def note_use(self) -> None:
        status = os.fstat(self._file.fileno())
        if abs(time.time() - status.st_atime) > USED_AGAIN_SECONDS:
            os.utime(self._file.fileno(), ns=(time.time_ns(), status.st_mtime_ns))

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        self._file.seek(PAGE + position)

    def check_unchanged(self) -> None:
        """A copy is never written to again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()


class KeptFiles:
    """The copies below *folder*, of at most *most_bytes* in all; the one unused for the longest gives way first."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.largest = min(LARGEST, most_bytes // 16)
        self._folder = folder
        self._most_bytes = most_bytes
        self._unswept = most_bytes  # nobody knows what is there when a process begins
        self._counting = threading.Lock()

    def find(self, store: str, key: str) -> KeptCopy | None:
        """Return the copy of *key* in *store*, opened, if there is one."""
        try:
            file = self._place_of(_name(store, key)).open("rb", buffering=0)
        except OSError:
            return None
        if (copy := KeptCopy.read_from(file, key)) is None:
            file.close()
            return None
        with suppress(OSError):
            copy.note_use()
        return copy

    def forget(self, store: str, key: str) -> None:
        """Give up the copy of *key* in *store*, and what has been fetched of it so far, because it is another now."""
        name = _name(store, key)
        try:
            # In this order: what is not yet a copy cannot become one once it is gone.
            for path in (*self._arriving(name), self._place_of(name)):
                path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The copy of %r could not be removed: %s.", key, error.strerror)

    @contextmanager
    def turn(self, store: str, key: str, patience: float) -> Iterator[bool]:
        """Yield whether it is the caller's turn to fetch *key*: it is one caller's at a time, of all processes.

        Others are waited for *patience* seconds. A process that is killed gives up its turn.
        """
        lock = self._folder / "filling" / _name(store, key)
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # somebody may have emptied the folder
        descriptor = _locked(lock, time.monotonic() + patience)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                lock.unlink(missing_ok=True)
                os.close(descriptor)

    @contextmanager
    def room(self, store: str, key: str) -> Iterator[Room]:
        """Make room for a copy; to be entered in one's turn, and before the store is asked for the file.

        So nothing is kept that was fetched before a `forget`.
        """
        name = _name(store, key)
        for left_by_killed in self._arriving(name):
            left_by_killed.unlink(missing_ok=True)
        room = Room(self._folder / "filling" / f"{name}.{secrets.token_hex(8)}", self._place_of(name))
        try:
            yield room
        finally:
            room.clear_away()
            self._make_room(room.taken)

    def _arriving(self, name: str) -> list[Path]:
        return list((self._folder / "filling").glob(f"{name}.*"))

    def _place_of(self, name: str) -> Path:
        return self._folder / name[:2] / name

    # The limit

    def _make_room(self, added: int) -> None:
        """Look at everything once in a while, so that the limit holds, within a few hundredths, for all processes."""
        with self._counting:
            self._unswept += added
            if self._unswept < self._most_bytes // 64:
                return
            self._unswept = 0
        descriptor = _locked(self._folder / "filling" / "sweeping", 0)
        if descriptor is not None:
            try:
                self._sweep()
            finally:
                os.close(descriptor)

    def _sweep(self) -> None:
        copies = sorted(_copies(self._folder))
        too_much = sum(size for _, size, _ in copies) - self._most_bytes * 15 // 16
        for _, size, path in copies:
            if too_much <= 0:
                break
            path.unlink(missing_ok=True)
            too_much -= size
        for each in (self._folder / "filling").iterdir():
            with suppress(FileNotFoundError):
                if "." in each.name and time.time() - each.stat().st_mtime > ABANDONED_SECONDS:
                    each.unlink()


class Room:
    """Where one file arrives, and the place that its copy has afterwards."""

    def __init__(self, arriving: Path, place: Path) -> None:
        self.taken = 0
        self._arriving = arriving
        self._place = place
        self._file = arriving.open("xb+", buffering=0)
        self._copy: KeptCopy | None = None

    def take(self, opened: OpenedFile) -> KeptCopy:
        """Take in all of *opened* and return the copy, which is kept unless it was to be forgotten meanwhile.

        Raise `SourceChanged` or `DigestMismatch` if that is not one whole version, and `OSError` if there is no room.
        """
        _pour(opened, self._file)
        self._place.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            self._arriving.rename(self._place)
            self.taken = PAGE + opened.info.size
        self._copy = KeptCopy(self._file, opened.info)
        return self._copy

    def clear_away(self) -> None:
        self._arriving.unlink(missing_ok=True)
        if self._copy is None:
            self._file.close()


@cache
def kept_files() -> KeptFiles | None:
    """Return where this site keeps copies, None if it does not."""
    settings = conf.configuration().cache
    if settings is None:
        return None
    try:
        (settings.folder / "filling").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("No copies of files are kept in %s: %s.", settings.folder, error.strerror)
        return None
    return KeptFiles(settings.folder, settings.most_bytes)


def forget(stores: tuple[str, ...], key: str) -> None:
    """Give up every copy of *key*, which was changed or deleted through the site."""
    elsewhere = [store for store in stores if not conf.store_settings(store).is_on_this_machine]
    if elsewhere and (kept := kept_files()):
        for store in elsewhere:
            kept.forget(store, key)


def _name(store: str, key: str) -> str:
    place = conf.store_settings(store).place
    return hashlib.sha256("\0".join((store, place, key)).encode()).hexdigest()


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _copies(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield of each copy when it was used last, how much room it takes, and where it is."""
    for shelf in folder.glob("[0-9a-f][0-9a-f]"):
        with suppress(FileNotFoundError):
            for entry in os.scandir(shelf):
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    yield status.st_atime, status.st_size, Path(entry.path)


def _pour(opened: OpenedFile, file: IO[bytes]) -> None:
    """Write all of *opened*, and then the page before it that makes it a copy."""
    md5, left = hashlib.md5(usedforsecurity=False), opened.info.size
    file.seek(PAGE)
    while chunk := opened.read(CHUNK):
        md5.update(chunk)
        left -= len(chunk)
        _write(file, chunk)
    opened.check_unchanged()
    if left:
        raise SourceChanged(f"{opened.info.key!r} has another size than was said.", key=opened.info.key)
    check_digest(opened.info, md5.hexdigest())
    # What a power cut leaves must not look like a copy with other bytes.
    os.fsync(file.fileno())
    described = asdict(opened.info) | {"headers": None}
    os.pwrite(file.fileno(), json.dumps(described).encode().ljust(PAGE), 0)


def _write(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _locked(path: Path, until: float) -> int | None:
    """Return a descriptor of *path*, locked; None if others hold it *until* then."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever is done removes the file: what was waited for may have no name any more.
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() >= until:
                return None
            time.sleep(0.02)
        except OSError:
            os.close(descriptor)
            raise


def _forget_when_changed(*, setting: str, **_: object) -> None:
    if setting == conf.SETTING:
        kept_files.cache_clear()


setting_changed.connect(_forget_when_changed)
