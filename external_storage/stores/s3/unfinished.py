"""Remember which uploads in parts are ours, so that a killed run's are gone on with or cleared away.

A store tells the key and the id of an unfinished upload, and not who began it. So what we began is written down on
this machine, in one small file for each upload: a first line before the store is asked to begin, a second with the id
that it gave. The file is locked while its upload goes on, so that two runs never take up the same one, and is removed
when the upload is completed or aborted.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

SUFFIX = ".upload"

# A store that was asked to begin an upload has done so within this time or never will: its answer is not waited for
# longer, and clocks of one store's machines differ by less.
BEGUN_WITHIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An unfinished upload as the store lists it; *begun* is in seconds since the epoch by the store's clock."""

    key: str
    upload_id: str
    begun: float


class Record:
    """What is known of one upload of ours: *wanted* is how its object is to be stored."""

    def __init__(self, path: Path, file: TextIO, lines: list[dict[str, Any]]) -> None:
        self._path = path
        self._file = file
        first = lines[0]
        self.place: str = first["place"]
        self.key: str = first["key"]
        self.wanted: dict[str, str] = first["wanted"]
        self._before: list[str] = first["before"]
        self._asked_at: float = first["asked_at"]
        self.upload_id: str | None = lines[1]["upload_id"] if len(lines) > 1 else None

    def name(self, upload_id: str) -> None:
        """Write down the id that the store gave. Where there is no room for it, it can still be found out."""
        self.upload_id = upload_id
        with suppress(OSError):
            _append(self._file, {"upload_id": upload_id})

    def may_be(self, seen: Seen) -> bool:
        """Return whether *seen* is this upload.

        Where we were killed before the store's answer came, it is the one with our key that was not there when we
        looked last, and began just then.
        """
        if self.upload_id is not None:
            return seen.upload_id == self.upload_id
        since = seen.begun - self._asked_at
        return seen.key == self.key and seen.upload_id not in self._before and -1.0 <= since <= BEGUN_WITHIN_SECONDS

    def let_go(self) -> None:
        """Leave the upload for whoever wants to go on with it."""
        self._file.close()

    def remove(self) -> None:
        """Forget the upload: it is completed, or it is no more."""
        with suppress(OSError):
            self._path.unlink()
        self._file.close()


class Records:
    """The records in one folder, of uploads to any place. A folder that cannot be written to keeps no upload back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, place: str, key: str, wanted: dict[str, str], before: list[str], asked_at: float) -> Record | None:
        """Write down that an upload is about to begin; *before* are the ids of those that the key had already.

        Return None where this disk is full or read-only: then a kill leaves an upload that is named as nobody's.
        """
        path = self._folder / (secrets.token_hex(8) + SUFFIX)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("x+", encoding="utf-8")
        except OSError:
            return None
        first = {"place": place, "key": key, "wanted": wanted, "before": before, "asked_at": asked_at}
        record = Record(path, file, [first])
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, first)
        except OSError:
            record.remove()
            return None
        return record

    def left(self, place: str, key: str | None = None) -> Iterator[Record]:
        """Yield the records that earlier runs left of uploads to *place*, each locked by us from now on."""
        for path in sorted(self._folder.glob("*" + SUFFIX)):
            record = _take(path, lambda first: first["place"] == place and key in (None, first["key"]))
            if record is not None:
                yield record


def _append(file: TextIO, line: dict[str, Any]) -> None:
    # Past the file's buffer, which would try once more when the file is closed.
    os.write(file.fileno(), f"{json.dumps(line)}\n".encode())
    os.fsync(file.fileno())


def _take(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> Record | None:
    """Return the record in the file, or None if it is another's, is none that can be read, or is not *wanted*."""
    try:
        file = path.open("r+", encoding="utf-8", errors="replace")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        record = _read(path, file)
        if record is not None and path.exists() and wanted({"place": record.place, "key": record.key}):
            return record
    except OSError:
        pass
    file.close()
    return None


def _read(path: Path, file: TextIO) -> Record | None:
    """A kill may have cut the last line short, and nothing may be thought of what others put into the folder."""
    lines = []
    for line in file:
        with suppress(ValueError):
            lines.append(json.loads(line))
    try:
        return Record(path, file, lines)
    except (KeyError, IndexError, TypeError):
        return None
