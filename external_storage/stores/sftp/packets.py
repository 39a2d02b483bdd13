"""Write and read the packets of SFTP version 3, and of the extensions that OpenSSH adds to it.

Only bytes in and bytes out: https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import wraps
from typing import TypeVar

from ...errors import TransientStoreError

T = TypeVar("T")


class Kind(IntEnum):
    """What a packet is."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Status(IntEnum):
    """What a server says of a request that returns nothing else."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


VERSION = 3

TO_READ = 0x01
TO_CREATE_ANEW = 0x02 | 0x08 | 0x20  # write, create, and fail if the name is taken

POSIX_RENAME = b"posix-rename@openssh.com"
HARDLINK = b"hardlink@openssh.com"
FSYNC = b"fsync@openssh.com"
STATVFS = b"statvfs@openssh.com"
LIMITS = b"limits@openssh.com"

_SIZE, _OWNER, _PERMISSIONS, _TIMES, _EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000

_NUMBER = struct.Struct(">I")
_LONG = struct.Struct(">Q")
_HEAD = struct.Struct(">IBI")


class Malformed(TransientStoreError):
    """What came is no packet of this protocol, or not the one that belongs here."""

    def __init__(self, what: str = "The server answered with something that SFTP does not know.") -> None:
        super().__init__(what)


def _reading(read: Callable[[Answer], T]) -> Callable[[Answer], T]:
    """Let what reads a part of an answer raise `Malformed` if that is not there."""

    @wraps(read)
    def reading(answer: Answer) -> T:
        try:
            return read(answer)
        except (struct.error, IndexError) as error:
            raise Malformed from error

    return reading


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server says of a file: None where it says nothing."""

    size: int | None = None
    permissions: int | None = None
    """The type and the permissions, as in ``st_mode``."""
    modified: int | None = None

    @property
    def is_folder(self) -> bool:
        return self.permissions is not None and stat.S_ISDIR(self.permissions)

    @property
    def is_link(self) -> bool:
        return self.permissions is not None and stat.S_ISLNK(self.permissions)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, as far as the server says what it is."""
        return self.permissions is None or stat.S_ISREG(self.permissions)


@dataclass(frozen=True, slots=True)
class Answer:
    """A packet from the server, without its id."""

    kind: int
    body: memoryview

    @property
    @_reading
    def status(self) -> int:
        """The status, or OK for an answer that carries what was asked for."""
        return _NUMBER.unpack_from(self.body)[0] if self.kind == Kind.STATUS else Status.OK

    @_reading
    def text(self) -> bytes:
        """The handle or the data."""
        return _text_at(self.body, 0)[0]

    @_reading
    def attributes(self) -> Attributes:
        return _attributes_at(self.body, 0)[0]

    @_reading
    def names(self) -> list[tuple[bytes, Attributes]]:
        """The names of a folder."""
        (count,), position, found = _NUMBER.unpack_from(self.body), 4, []
        for _ in range(count):
            name, position = _text_at(self.body, position)
            _, position = _text_at(self.body, position)  # the line that `ls -l` would print
            attributes, position = _attributes_at(self.body, position)
            found.append((name, attributes))
        return found

    @_reading
    def path(self) -> bytes:
        """The one path that REALPATH gives."""
        return self.names()[0][0]

    def longs(self, count: int) -> list[int]:
        """The first *count* 64-bit numbers of an extension's reply."""
        if len(self.body) < 8 * count:
            raise Malformed
        return [number for (number,) in _LONG.iter_unpack(self.body[: 8 * count])]


def request(kind: Kind, number: int, body: bytes) -> bytes:
    """Return a request; *number* is given back with its answer."""
    return _HEAD.pack(5 + len(body), kind, number) + body


def write_request(number: int, handle: bytes, offset: int, length: int) -> bytes:
    """Return the beginning of a WRITE; the *length* bytes themselves follow it, and are not copied for that."""
    body = text(handle) + _LONG.pack(offset) + _NUMBER.pack(length)
    return _HEAD.pack(5 + len(body) + length, Kind.WRITE, number) + body


def greeting() -> bytes:
    """Return the first packet of a connection, which has no number."""
    return _NUMBER.pack(5) + bytes([Kind.INIT]) + _NUMBER.pack(VERSION)


def text(value: bytes) -> bytes:
    return _NUMBER.pack(len(value)) + value


def number(value: int) -> bytes:
    return _NUMBER.pack(value)


def long(value: int) -> bytes:
    return _LONG.pack(value)


def permissions(mode: int | None) -> bytes:
    """Return attributes that set the permissions, or none."""
    return _NUMBER.pack(0) if mode is None else _NUMBER.pack(_PERMISSIONS) + _NUMBER.pack(mode)


def extensions(body: memoryview) -> dict[bytes, bytes]:
    """Return what the server's greeting says it can do beside the protocol."""
    position, found = 4, {}
    while position < len(body):
        name, position = _text_at(body, position)
        found[name], position = _text_at(body, position)
    return found


def _text_at(body: memoryview, position: int) -> tuple[bytes, int]:
    (length,) = _NUMBER.unpack_from(body, position)
    position += 4
    if position + length > len(body):
        raise Malformed
    return bytes(body[position : position + length]), position + length


def _attributes_at(body: memoryview, position: int) -> tuple[Attributes, int]:
    (flags,) = _NUMBER.unpack_from(body, position)
    position += 4
    size = mode = modified = None
    if flags & _SIZE:
        (size,), position = _LONG.unpack_from(body, position), position + 8
    if flags & _OWNER:
        position += 8
    if flags & _PERMISSIONS:
        (mode,), position = _NUMBER.unpack_from(body, position), position + 4
    if flags & _TIMES:
        (modified,), position = _NUMBER.unpack_from(body, position + 4), position + 8
    if flags & _EXTENDED:
        (count,), position = _NUMBER.unpack_from(body, position), position + 4
        for _ in range(2 * count):
            _, position = _text_at(body, position)
    return Attributes(size, mode, modified), position
