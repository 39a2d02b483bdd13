"""Remember what the last ``collectstatic`` saw and made, so that the next one need not make it all again.

A memory and no record: it may be thrown away at any time. A file counts as unchanged while its inode, size, and the
times of its last change, the one that nobody can set included, are what they were when its content was known.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..stores.local import UNSEEN_CHANGE_SECONDS

NANOSECONDS = 1_000_000_000

# Where a time has a fraction, the file system keeps the kernel's own, which ticks a hundred times a second at least.
FINE_GRAIN_SECONDS = 0.1


class LastCollection:
    """What is remembered of one folder of collected files, in *file*; nothing is where *file* is None.

    *recipe* names all that decides, beside the sources, what is made of them: with another one nothing is remembered.
    """

    def __init__(self, file: Path | None, folder: Path, recipe: str) -> None:
        self._file = file
        self._folder = str(folder)
        self._recipe = recipe
        self._known = _read(file, recipe) if file else {}
        self._seen: dict[str, str] = {}
        self._vouched_for: dict[str, str] = {}

    def has(self, name: str, source: str) -> bool:
        """Return whether *name* was collected from the file *source*, and both are as they were then."""
        self._seen[name] = f"{source} {_old_stamp(source)}"
        known = self._known.get(name)
        return known is not None and known[:2] == [self._seen[name], self._stamp(name)]

    def hashed_names(self, names: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the hashed name of each of *names*; None unless they are all there were and `has` was true for each.

        What a style sheet is to hold depends on other files, so one that changed may change any other.
        """
        if self._known.keys() != names.keys():
            return None
        for name, (source, collected, hashed_name, hashed) in self._known.items():
            if (source, collected, hashed) != (self._seen.get(name), self._stamp(name), self._stamp(hashed_name)):
                return None
        return {name: known[2] for name, known in self._known.items()}

    def vouch_for(self, name: str) -> None:
        """Note that the collected file *name* holds what it should at this moment; another run may replace it later."""
        self._vouched_for[name] = self._stamp(name)

    def begin_anew(self) -> None:
        """Forget it all: from here on files are replaced, and a run that is killed must not leave a memory behind."""
        self._known = {}
        if self._file:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def keep(self, hashed_names: Mapping[str, str]) -> None:
        """Remember that the sources that were asked after are collected, whole, under these names."""
        if self._file is None or self._seen.keys() != hashed_names.keys():
            return
        files = {
            name: [self._seen[name], self._known_stamp(name), hashed_name, self._known_stamp(hashed_name)]
            for name, hashed_name in hashed_names.items()
        }
        self._known, self._seen, self._vouched_for = files, {}, {}
        # A site that cannot keep it collects all the same.
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            draft.write_text(json.dumps({"recipe": self._recipe, "files": files}), encoding="utf-8")
            draft.replace(self._file)

    def _known_stamp(self, name: str) -> str:
        return self._vouched_for.get(name) or self._stamp(name)

    def _stamp(self, name: str) -> str:
        return _stamp(f"{self._folder}/{name}")


def _read(file: Path, recipe: str) -> dict[str, list[str]]:
    try:
        told = json.loads(file.read_text("utf-8"))
        return told["files"] if told["recipe"] == recipe else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _old_stamp(path: str) -> str:
    """Return the stamp of a file that has been left alone for a moment, else one that no file has.

    A change within the grain of the file system's clock leaves no trace.
    """
    stamp = _stamp(path)
    changed = int(stamp.rpartition("-")[2] or 0)
    is_fine = changed % NANOSECONDS
    grain = FINE_GRAIN_SECONDS if is_fine else UNSEEN_CHANGE_SECONDS
    return stamp if time.time_ns() - changed >= grain * NANOSECONDS else f"young {time.time_ns()}"


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 — for each file, and a Path takes ten times as long
    except OSError:
        return ""
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
