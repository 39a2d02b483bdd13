"""Hold the bytes of one upload until all of them are there: measured, hashed, and readable again for a second try."""

from __future__ import annotations

import hashlib
import tempfile
from typing import IO, Any, Self

from django.core.files.base import File

from ..objects import ObjectInfo

IN_MEMORY = 4 * 2**20
"""Bytes kept in memory before a temporary file is used; covers and avatars fit."""

FIRST_BYTES = 512
"""How much of an object a publishing rule is shown."""


class Upload:
    """The whole content of one file, as a `Source` for a store and with what a publishing rule asks for."""

    def __init__(self, key: str, spooled: IO[bytes]) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        spooled.seek(0)
        while chunk := spooled.read(64 * 1024):
            digest.update(chunk)
            size += len(chunk)
        self.file = spooled
        self.digest = digest.digest()
        self.info = ObjectInfo(key, size, md5=digest.hexdigest())
        self.restart()

    @classmethod
    def of(cls, key: str, content: File) -> Self:
        """Take in all of *content*, wherever its position is and in whatever pieces it comes."""
        spooled = spool()
        for chunk in content.chunks():
            spooled.write(chunk if isinstance(chunk, bytes) else chunk.encode("utf-8"))
        return cls(key, spooled)

    @property
    def first_bytes(self) -> bytes:
        self.restart()
        try:
            return self.file.read(FIRST_BYTES)
        finally:
            self.restart()

    def read(self, size: int = -1, /) -> bytes:
        return self.file.read(size)

    def restart(self) -> None:
        self.file.seek(0)

    def check_unchanged(self) -> None:
        """Nothing but us can change what was taken in."""

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def spool() -> IO[bytes]:
    """Return an empty temporary file that stays in memory while it is small."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


class WrittenOnClose(File):
    """A file opened for writing, whose content reaches the store as one whole object when it is closed.

    So ``storage.open(name, "wb")`` may be fed in as many small writes as the caller likes, no reader ever sees half of
    them, and an exception inside ``with`` leaves the store as it was.
    """

    def __init__(self, name: str, mode: str, content: bytes, deliver: Any) -> None:
        self._binary = spool()
        self._binary.write(content)
        if "a" not in mode:
            self._binary.seek(0)
        self._deliver = deliver
        self.mode = mode
        super().__init__(self._binary, name)

    def write(self, data: bytes | str) -> int:
        return self._binary.write(data.encode("utf-8") if isinstance(data, str) else data)

    def read(self, size: int = -1) -> bytes | str:
        data = self._binary.read(size)
        return data if "b" in self.mode else data.decode("utf-8")

    @property
    def size(self) -> int:
        position = self._binary.tell()
        try:
            return self._binary.seek(0, 2)
        finally:
            self._binary.seek(position)

    def close(self) -> None:
        if not self._binary.closed:
            with Upload(self.name, self._binary) as upload:
                self._deliver(upload)

    def __exit__(self, exception: type[BaseException] | None, *rest: object) -> None:
        if exception is None:
            self.close()
        else:
            self._binary.close()

    def __del__(self) -> None:
        # A file that was never closed was never finished: what was written of it is dropped, not published.
        self._binary.close()
