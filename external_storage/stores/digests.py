"""Remember the MD5 of files that did not change, so that the next run need not read them.

A cache and no record: it may be thrown away at any time, and a file of it that is damaged, or no cache of ours, is made
anew. Nothing that proves or switches uses it.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ..errors import StorageError
from ..objects import Headers, ObjectInfo, PassedOver
from .base import ReadsWhole, Sending, Source, TellsVersions
from .retrying import RetryingStore

Entry = TypeVar("Entry", ObjectInfo, ObjectInfo | PassedOver)

# Changes with the table and with what is written in it.
LAYOUT = 0x45530002

# So many are looked up, or written down, at a time.
BATCH = 500

# One row a file: what replaces its content takes the row of the old, so the table grows no larger than the disk's own.
_TABLE = "CREATE TABLE IF NOT EXISTS digests (file TEXT PRIMARY KEY, version TEXT, digest TEXT) WITHOUT ROWID"

# An MD5, or the ETag that parts make.
_DIGEST = re.compile(r"[0-9a-f]{32}(-\d+)?\Z")


class DigestCache:
    """Digests by file and version, in an SQLite file. Trouble with it ends the remembering, never the run."""

    def __init__(self, path: Path) -> None:
        self.notes: tuple[str, ...] = ()
        self._path = path
        self._lock = threading.Lock()
        self._new: dict[str, tuple[str, str]] = {}
        self._database: sqlite3.Connection | None = None
        try:
            self._database = self._opened()
        except (sqlite3.Error, OSError) as error:
            self._make_anew(error)

    def look_up(self, files: dict[str, str]) -> dict[str, str]:
        """Return the digest of each of *files* (versions by file) that is known in this version."""
        marks = ",".join("?" * len(files))
        query = f"SELECT file, version, digest FROM digests WHERE file IN ({marks})"  # noqa: S608 — only question marks
        with self._lock:
            try:
                found = self._database.execute(query, list(files)).fetchall() if self._database else []
            except sqlite3.Error as error:
                self._make_anew(error)
                return {}
        return {file: digest for file, version, digest in found if files[file] == version and _DIGEST.match(digest)}

    def remember(self, file: str, version: str, digest: str) -> None:
        with self._lock:
            self._new[file] = (version, digest)
            if len(self._new) >= BATCH:
                self._write()

    def close(self) -> None:
        with self._lock:
            self._write()
            if self._database is not None:
                self._database.close()
                self._database = None

    def _write(self) -> None:
        rows = [(file, version, digest) for file, (version, digest) in self._new.items()]
        self._new.clear()
        if self._database is None:
            return
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            self._make_anew(error)

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=5.0, check_same_thread=False)
        try:
            [layout] = database.execute("PRAGMA user_version").fetchone()
            [tables] = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and layout != LAYOUT:
                raise sqlite3.DatabaseError("it is of another program or version")
            # Another run may write at the same time, and a kill leaves nothing half.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version = {LAYOUT}")
            # A damaged page shows here, not in the middle of a run.
            for (verdict,) in database.execute("PRAGMA quick_check(1)"):
                if verdict != "ok":
                    raise sqlite3.DatabaseError("it is damaged")
        except BaseException:
            database.close()
            raise
        return database

    def _make_anew(self, error: Exception) -> None:
        """Begin with an empty cache, or with none where even that cannot be."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if isinstance(error, sqlite3.OperationalError | OSError):
            self.notes = (f"No digests are remembered in {self._path}: {error}.",)
            return
        self.notes = (f"The remembered digests in {self._path} could not be used ({error}); they were made anew.",)
        for leftover in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
        with suppress(sqlite3.Error, OSError):
            self._database = self._opened()


class DigestsKnown:
    """A store whose listings carry the MD5s that the cache knows; what is read meanwhile is remembered there."""

    def __init__(self, store: RetryingStore, versions: TellsVersions, cache: DigestCache) -> None:
        self.name = store.name
        self.place = store.place
        self._store = store
        self._versions = versions
        self._cache = cache
        if isinstance(store, ReadsWhole):
            self.read_whole = store.read_whole

    @property
    def notes(self) -> tuple[str, ...]:
        return self._store.notes + self._cache.notes

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return self._with_digests(self._store.list(prefix, after=after, until=until))

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        return self._with_digests(self._store.survey(prefix, after=after, until=until))

    def _with_digests(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        while batch := list(islice(entries, BATCH)):
            versions = {each.key: self._versions.version_of(each) for each in batch if isinstance(each, ObjectInfo)}
            known = self._cache.look_up(dict(filter(None, versions.values())))
            for entry in batch:
                version = versions.get(entry.key)
                md5 = known.get(version[0]) if version is not None else None
                # Written out, because dataclasses.replace takes five times as long for each of a million.
                yield entry if md5 is None else ObjectInfo(entry.key, entry.size, md5, entry.modified, entry.etag)

    def remember(self, info: ObjectInfo, digest: str, part_size: int | None = None) -> None:
        version = self._versions.version_of(info)
        if version is not None:
            self._cache.remember(_in_parts(version[0], part_size), version[1], digest)

    def recall(self, info: ObjectInfo, part_size: int | None = None) -> str | None:
        version = self._versions.version_of(info)
        if version is None:
            return None
        file = _in_parts(version[0], part_size)
        return self._cache.look_up({file: version[1]}).get(file)

    def describe(self, key: str) -> ObjectInfo:
        return self._store.describe(key)

    def open(self, key: str) -> AbstractContextManager[Source]:
        return self._store.open(key)

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        return self._store.put(key, source, headers, replace=replace)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        return self._store.delete(keys)


def _in_parts(file: str, part_size: int | None) -> str:
    return file if part_size is None else f"{file} in parts of {part_size}"


class TargetDigestsKnown(DigestsKnown):
    """The same for the store that a run writes to, as the run asks it."""

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> Sending:
        return self._store.begin_put(key, data, md5, headers)

    def after_one_try(self, error: StorageError) -> RetryingStore:
        return self._store.after_one_try(error)
