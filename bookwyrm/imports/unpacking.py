"""Read a ``tar.gz`` that a stranger made: file after file, in one pass, and not a byte of it onto a disk.

Python's own reader keeps a list of all members, believes what a header says of the length of a name, and knows links
and devices. This one knows plain files and folders, which is all that an archive of a person holds; everything else
is refused for what it is, and so is whatever would take more than its share of memory or time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from external_storage.errors import KeyRefused
from external_storage.objects import check_key

from .refusals import ArchiveRefused, Why

BLOCK = 512
CHUNK = 64 * 1024

MOST_BYTES = 2**30
"""How much an archive may hold, unpacked."""

MOST_MEMBERS = 20_000
LONGEST_NAME = 1024
LONGEST_EXTENSION = 64 * 1024
"""Bytes of the headers that POSIX puts before a member, for long names and the like."""

_GZIP = zlib.MAX_WBITS | 16

# https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
_FILES, _FOLDER = (b"0", b"\0"), b"5"
_EXTENSION, _EXTENSION_FOR_ALL, _LONG_NAME = b"x", b"g", b"L"


class Unpacked:
    """The bytes inside a gzip file, in order. Raise `ArchiveRefused` where they end early or are too many."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._gzip = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._ahead = b""
        self._given = 0

    def read(self, size: int) -> bytes:
        """Return exactly *size* bytes."""
        pieces, left = [], size
        while left:
            piece = self._some(left)
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        while size:
            size -= len(self._some(min(size, CHUNK)))

    def _some(self, most: int) -> bytes:
        while not self._ahead:
            self._ahead = self._more()
            self._given += len(self._ahead)
            if self._given > MOST_BYTES:
                raise ArchiveRefused(Why.TOO_LARGE)
        some, self._ahead = self._ahead[:most], self._ahead[most:]
        return some

    def _more(self) -> bytes:
        if self._gzip.eof:
            # Several gzip files behind each other are one: some programs pack in pieces.
            self._packed, self._gzip = self._gzip.unused_data, zlib.decompressobj(_GZIP)
        packed = self._packed or self._file.read(CHUNK)
        if not packed:
            raise ArchiveRefused(Why.DAMAGED)
        try:
            plain = self._gzip.decompress(packed, CHUNK)
        except zlib.error as problem:
            raise ArchiveRefused(Why.DAMAGED) from problem
        self._packed = self._gzip.unconsumed_tail
        return plain


@dataclass(slots=True)
class PackedFile:
    """One file of the archive, to be read before the next one is asked for."""

    name: str
    size: int
    _unpacked: Unpacked

    def read(self, most: int) -> bytes:
        """Return all of it. Raise `ArchiveRefused` if that is more than *most* bytes."""
        if self.size > most:
            raise ArchiveRefused(Why.TOO_LARGE)
        data, self._left = self._unpacked.read(self.size), 0
        return data

    _left: int = 0

    def __post_init__(self) -> None:
        self._left = self.size

    def skip_the_rest(self) -> None:
        self._unpacked.skip(self._left + -self.size % BLOCK)


def files_in(file: IO[bytes]) -> Iterator[PackedFile]:
    """Yield every file in the archive. Raise `ArchiveRefused` for the first thing that has no place in one."""
    unpacked = Unpacked(file)
    count, told = 0, dict[str, str]()
    while (header := unpacked.read(BLOCK)) != bytes(BLOCK):
        count += 1
        if count > MOST_MEMBERS:
            raise ArchiveRefused(Why.TOO_MANY)
        kind, size = header[156:157], _size(header)
        _check_sum(header)
        if kind in (_EXTENSION, _EXTENSION_FOR_ALL, _LONG_NAME):
            told |= _told_beforehand(kind, _padded(unpacked, size, LONGEST_EXTENSION))
            continue
        if kind not in _FILES and kind != _FOLDER:
            raise ArchiveRefused(Why.NOT_A_FILE)
        name = _checked(told.get("path") or _name(header))
        size = _number(told["size"]) if "size" in told else size
        told = {}
        if kind == _FOLDER or name == ".":
            unpacked.skip(size + -size % BLOCK)
            continue
        packed = PackedFile(name, size, unpacked)
        yield packed
        packed.skip_the_rest()


def _padded(unpacked: Unpacked, size: int, most: int) -> bytes:
    if size > most:
        raise ArchiveRefused(Why.DAMAGED)
    data = unpacked.read(size)
    unpacked.skip(-size % BLOCK)
    return data


def _told_beforehand(kind: bytes, data: bytes) -> dict[str, str]:
    """Return what is said of the next member: its name, its size. Of all members nothing is believed at once."""
    if kind == _EXTENSION_FOR_ALL:
        return {}
    if kind == _LONG_NAME:
        return {"path": _decoded(data.rstrip(b"\0"))}
    told = {}
    while data:
        length, space, _ = data.partition(b" ")
        number = _number(_decoded(length)) if space else 0
        record = data[len(length) + 1 : number]
        if number <= len(length) + 1 or number > len(data) or not record.endswith(b"\n"):
            raise ArchiveRefused(Why.DAMAGED)
        key, _, value = record[:-1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise ArchiveRefused(Why.NOT_A_FILE)
        if key in (b"path", b"size"):
            told[key.decode()] = _decoded(value)
        data = data[number:]
    return told


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    # Only POSIX's own format has a prefix there; GNU's has times in its place.
    return _decoded(prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name)


def _checked(name: str) -> str:
    """Return the name as a key, which leads nowhere else. Raise `ArchiveRefused` if it means to."""
    plain = name.removeprefix("./").rstrip("/") or "."
    if name.startswith("/"):
        raise ArchiveRefused(Why.LEADS_OUT)
    try:
        return plain if plain == "." else check_key(plain)
    except KeyRefused as refused:
        raise ArchiveRefused(Why.LEADS_OUT) from refused


def _size(header: bytes) -> int:
    if header[124] & 0x80:
        raise ArchiveRefused(Why.TOO_LARGE)  # in base 256: only for more than eight gigabytes
    return _octal(header[124:136])


def _check_sum(header: bytes) -> None:
    plain = header[:148] + b" " * 8 + header[156:]
    if _octal(header[148:156]) != sum(plain):
        raise ArchiveRefused(Why.DAMAGED)


def _octal(field: bytes) -> int:
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as problem:
        raise ArchiveRefused(Why.DAMAGED) from problem


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ArchiveRefused(Why.DAMAGED)
    return int(text)


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as problem:
        raise ArchiveRefused(Why.LEADS_OUT) from problem
