"""Hold one file open for an answer: no visitor waits longer than the web deadline for its next bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Self, TypeVar

from ...errors import TransientStoreError
from ...stores import Source
from ..deadline import within
from ..uploads import FIRST_BYTES

T = TypeVar("T")

CHUNK = 256 * 1024
"""How much of a file an answer holds in memory, however large the file is."""


class OpenedFile:
    """One object, opened by *opening* for reading from any byte on; *what* it is opened in is said where that fails.

    Opening it and each reading raise `TransientStoreError` after *deadline* seconds without a result (None for a
    folder, which answers at once or not at all). What was given up goes on in its thread until the store's own
    time-outs, and is closed there.
    """

    def __init__(
        self, what: str, opening: Callable[[], AbstractContextManager[Source]], deadline: float | None = None
    ) -> None:
        self._what = what
        self._deadline = deadline
        self._closing = ExitStack()
        self._at_work = threading.Lock()
        self._is_given_up = False
        self._position = 0
        self._ahead = b""
        try:
            self._source: Source = self._bounded(lambda: self._closing.enter_context(opening()))
        except BaseException:
            self.close()
            raise
        self.info = self._source.info

    @property
    def first_bytes(self) -> bytes:
        """What a publishing rule is shown; to be asked for before anything else is read."""
        if not self._position and not self._ahead:
            while len(self._ahead) < FIRST_BYTES and (more := self._read(FIRST_BYTES - len(self._ahead))):
                self._ahead += more
        return self._ahead

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes, b"" at the end."""
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        data = data or self._read(size)
        self._position += len(data)
        return data

    def seek(self, position: int) -> None:
        """Read on from byte *position*; where the store cannot begin there, what lies before is read and dropped."""
        if self._position < position < self._position + len(self._ahead):
            self.read(position - self._position)
        if position == self._position:
            return
        self._ahead, self._position = b"", position
        if seek := getattr(self._source, "seek", None):
            self._bounded(lambda: seek(position))
            return
        self._bounded(self._source.restart)
        while position and (passed := self._read(min(CHUNK, position))):
            position -= len(passed)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` unless what was read, from the last `seek` to the end, is of one version."""
        self._bounded(self._source.check_unchanged)

    def close(self) -> None:
        """Close the object: now or, where a thread still waits for the store, when that comes back."""
        self._is_given_up = True
        with suppress(TransientStoreError):
            self._in_time(self._close_unless_at_work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read(self, size: int) -> bytes:
        return self._bounded(lambda: self._source.read(size))

    def _bounded(self, work: Callable[[], T]) -> T:
        def alone() -> T:
            try:
                with self._at_work:
                    return work()
            finally:
                if self._is_given_up:
                    self._close_unless_at_work()

        return self._in_time(alone)

    def _close_unless_at_work(self) -> None:
        if self._at_work.acquire(blocking=False):
            with self._closing:
                self._at_work.release()

    def _in_time(self, work: Callable[[], T]) -> T:
        return work() if self._deadline is None else within(self._deadline, self._what, work)
