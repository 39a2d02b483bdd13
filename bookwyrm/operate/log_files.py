"""Keep what the site's processes print: one file, cut before it grows without end, and a way to follow it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_FILE = 10 * 2**20
OLD_FILES = 4


def log_file(state: Path) -> Path:
    return state / "logs" / "site.log"


class LogWriter:
    """Write lines of all processes to one file, each with the name of the process it comes from."""

    def __init__(self, path: Path, *, echo: bool = False) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers: list[logging.Handler] = [RotatingFileHandler(path, maxBytes=LARGEST_FILE, backupCount=OLD_FILES)]
        path.chmod(0o600)
        if echo:
            handlers.append(logging.StreamHandler())
        self._handlers = handlers

    def write(self, name: str, line: str) -> None:
        record = logging.LogRecord("site", logging.INFO, "", 0, f"{name:<10} | {line}", (), None)
        for handler in self._handlers:
            handler.handle(record)


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last *count* lines; a log that does not exist yet has none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            # 400 bytes a line is generous; a longer tail is not worth reading the whole file for.
            file.seek(max(0, file.tell() - count * 400))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def follow(path: Path, pause: float = 0.3) -> Iterator[str]:
    """Yield lines as they are written, for ever; go on with the new file when the log is rotated."""
    while not path.exists():
        time.sleep(pause)
    file = path.open("r", encoding="utf-8", errors="replace")
    file.seek(0, 2)
    part = ""
    while True:
        part += file.readline()
        if part.endswith("\n"):
            yield part.rstrip("\n")
            part = ""
        elif path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino:
            file.close()
            file = path.open("r", encoding="utf-8", errors="replace")
        else:
            time.sleep(pause)
