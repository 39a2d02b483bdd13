"""Write a ``tar.gz`` as a stream: no more of it is in memory than a piece, and none on a disk before it is stored.

An archive is a recipe that can be followed again. The first time tells how large it is and its digest; the second time
brings it into the store, which wants to know both beforehand; a store in trouble may ask for a third. All of them give
the same bytes, or the archive is refused.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

from external_storage.errors import SourceChanged
from external_storage.objects import ObjectInfo

CHUNK = 256 * 1024
BLOCK = 512

# zlib: the largest window, and 16 for a gzip header. That one holds no time, so equal content makes equal bytes.
_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its *name* there, its *size* in bytes, and how it is opened."""

    name: str
    size: int
    opened: Callable[[], AbstractContextManager[IO[bytes]]]


class Archive:
    """The members, one after the other, as a `Source` named *key* for a store.

    *made_at* is the time that each member bears. *begun* is called with each member's name before it is read, each
    time anew.
    """

    info: ObjectInfo

    def __init__(
        self, key: str, members: Sequence[Member], *, made_at: int, begun: Callable[[str], None] = lambda name: None
    ) -> None:
        self._members = members
        self._made_at = made_at
        self._begun = begun
        self.info = self._measured(key)
        self.restart()

    def read(self, size: int = -1, /) -> bytes:
        while size < 0 or len(self._ahead) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._ahead += piece
        end = len(self._ahead) if size < 0 else size
        data = bytes(self._ahead[:end])
        del self._ahead[:end]
        self._md5.update(data)
        return data

    def restart(self) -> None:
        self._pieces = self._compressed()
        self._ahead = bytearray()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def check_unchanged(self) -> None:
        if self._md5.hexdigest() != self.info.md5:
            raise SourceChanged("What goes into the archive was changed while it was made.", key=self.info.key)

    def _measured(self, key: str) -> ObjectInfo:
        md5, size = hashlib.md5(usedforsecurity=False), 0
        for piece in self._compressed():
            md5.update(piece)
            size += len(piece)
        return ObjectInfo(key, size, md5=md5.hexdigest())

    def _compressed(self) -> Iterator[bytes]:
        compressor = zlib.compressobj(wbits=_GZIP)
        for piece in self._plain():
            if compressed := compressor.compress(piece):
                yield compressed
        yield compressor.flush()

    def _plain(self) -> Iterator[bytes]:
        for member in self._members:
            self._begun(member.name)
            yield self._header(member)
            yield from _content(member)
            yield bytes(-member.size % BLOCK)
        yield bytes(2 * BLOCK)

    def _header(self, member: Member) -> bytes:
        header = tarfile.TarInfo(member.name)
        header.size, header.mtime, header.mode = member.size, self._made_at, 0o600
        return header.tobuf(tarfile.PAX_FORMAT)


def _content(member: Member) -> Iterator[bytes]:
    left = member.size
    with member.opened() as file:
        while left:
            piece = file.read(min(CHUNK, left))
            if not piece:
                break
            left -= len(piece)
            yield piece
        if left or file.read(1):
            raise SourceChanged(f"{member.name!r} has another size than was said.", key=member.name)
