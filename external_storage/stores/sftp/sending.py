"""Store one object: under a name that no reader takes for an object, and then at once under its own."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Protocol

from ...errors import AlreadyExists, KeyRefused, StorageError, TransientStoreError
from ...objects import ObjectInfo
from ...sentences import say
from ..base import Source
from ..sources import check_digest
from . import packets, refusals
from .channel import Channel, Reply, Steps
from .packets import Answer, Attributes, Kind, Status
from .tree import UNFINISHED, Tree, mode_refused, previous

# So much of one object is under way before an answer is waited for.
MOST_BYTES_UNANSWERED = 4 << 20

CHUNK = 1 << 20

# How often the same replacing is tried where others replace the same object meanwhile and the server cannot do it at
# once.
TRIES_TO_REPLACE = 20


class Content(Protocol):
    """What is to be stored, from its beginning."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""
        ...

    def digest(self) -> str:
        """Return the MD5 of what was yielded. Raise what keeps it from being stored."""
        ...


class Held:
    """Bytes in memory whose MD5 is known."""

    def __init__(self, data: bytes, md5: bytes) -> None:
        self._data, self._md5 = data, md5

    def chunks(self) -> Iterator[bytes]:
        yield self._data

    def digest(self) -> str:
        return self._md5.hex()


class Streamed:
    """A source that is read while it is sent."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._md5 = hashlib.md5(usedforsecurity=False)

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._source.read(CHUNK):
            self._md5.update(chunk)
            yield chunk

    def digest(self) -> str:
        self._source.check_unchanged()
        md5 = self._md5.hexdigest()
        check_digest(self._source.info, md5)
        return md5


@dataclass(frozen=True, slots=True)
class Manner:
    """How a file is stored: with which permissions (None for those that the server's umask leaves), and how surely.

    One that is *durable* is on the server's disk when it is stored, if the server can say so.
    """

    file_mode: int | None
    durable: bool


def storing(
    channel: Channel, tree: Tree, key: str, content: Content, manner: Manner, *, replace: bool
) -> Steps[ObjectInfo]:
    """Store *content* under *key*, and return what is there now."""
    path = yield from tree.place_for(channel, key, make=True)
    unfinished = path.rpartition(b"/")[0] + b"/" + UNFINISHED + secrets.token_hex(16).encode()
    try:
        attributes, md5 = yield from _write_whole(channel, tree, key, unfinished, content, manner)
        if replace:
            yield from _replace(channel, tree, key, unfinished, path)
        else:
            yield from _place_anew(channel, tree, key, unfinished, path)
    except refusals.ConnectionLost:
        tree.left_unfinished[unfinished] = None
        raise
    except BaseException as error:
        removed = channel.ask(Kind.REMOVE, packets.text(unfinished))
        channel.flush()
        if isinstance(error, StorageError):
            yield [removed]
        raise
    return replaced(info(key, attributes), md5=md5, etag_proves=attributes.modified is not None)


def _write_whole(
    channel: Channel, tree: Tree, key: str, unfinished: bytes, content: Content, manner: Manner
) -> Steps[tuple[Attributes, str]]:
    """Write all of *content* to a file; return what the server says of it, and the MD5 of what was sent."""
    handle = (yield from _create(channel, tree, key, unfinished, manner)).text()
    try:
        size = yield from _write(channel, tree, key, handle, content)
        md5 = content.digest()
        attributes = yield from _complete(channel, tree, key, handle, manner)
    except BaseException:
        channel.ask(Kind.CLOSE, packets.text(handle))
        raise
    if attributes.size != size:
        raise TransientStoreError(
            say("Of {key!r} only {size} of {expected} bytes arrived.", key=key, size=attributes.size, expected=size),
            key=key,
        )
    return attributes, md5


def info(key: str, attributes: Attributes) -> ObjectInfo:
    """Return what *attributes* say of an object."""
    size, modified = attributes.size or 0, attributes.modified
    etag = None if modified is None else f"{size:x}-{modified:x}"
    return ObjectInfo(key, size, None, None if modified is None else float(modified), etag)


def _create(channel: Channel, tree: Tree, key: str, unfinished: bytes, manner: Manner) -> Steps[Answer]:
    """Open a file that is not there yet; once more, if its folder was removed since it was looked at."""
    for again in (False, True):
        mode = packets.permissions(manner.file_mode)
        opened = channel.ask(Kind.OPEN, packets.text(unfinished), packets.number(packets.TO_CREATE_ANEW), mode)
        yield [opened]
        if opened.answer.kind == Kind.HANDLE:
            return opened.answer
        tree.forget(unfinished)
        if again or opened.answer.status != Status.NO_SUCH_FILE:
            break
        yield from tree.place_for(channel, key, make=True)
    yield from tree.raise_if_full(channel, 1, key)
    raise refusals.refused(say("written"), opened.answer.status, key, tree.place)


def _write(channel: Channel, tree: Tree, key: str, handle: bytes, content: Content) -> Steps[int]:
    """Send the bytes, and return how many there were. The last answers may still be to come."""
    unanswered: deque[tuple[Reply, int]] = deque()
    offset = on_the_way = 0
    for chunk in content.chunks():
        whole = memoryview(chunk)
        while whole:
            piece, whole = whole[: channel.largest_write], whole[channel.largest_write :]
            unanswered.append((channel.write(handle, offset, piece), len(piece)))
            offset += len(piece)
            on_the_way += len(piece)
        while on_the_way > MOST_BYTES_UNANSWERED:
            reply, length = unanswered.popleft()
            on_the_way -= length
            yield [reply]
            yield from _check_written(channel, tree, key, reply, length)
    if unanswered:
        yield [reply for reply, _ in unanswered]
    for reply, length in unanswered:
        yield from _check_written(channel, tree, key, reply, length)
    return offset


def _check_written(channel: Channel, tree: Tree, key: str, reply: Reply, length: int) -> Steps[None]:
    if reply.answer.status == Status.OK:
        return
    if reply.answer.status == Status.FAILURE:
        yield from tree.raise_if_full(channel, length, key)
    raise refusals.refused(say("written"), reply.answer.status, key, tree.place)


def _complete(channel: Channel, tree: Tree, key: str, handle: bytes, manner: Manner) -> Steps[Attributes]:
    """Set the mode, close the file, and return what it is like now."""
    due: list[Reply] = []
    if manner.file_mode is not None:
        due.append(channel.ask(Kind.FSETSTAT, packets.text(handle), packets.permissions(manner.file_mode)))
    if manner.durable and packets.FSYNC in channel.extensions:
        due.append(channel.ask_extended(packets.FSYNC, packets.text(handle)))
    seen = channel.ask(Kind.FSTAT, packets.text(handle))
    closed = channel.ask(Kind.CLOSE, packets.text(handle))
    yield [*due, seen, closed]
    for reply in (seen, closed):  # some servers write only now, and have no room
        yield from _check_written(channel, tree, key, reply, 1)
    attributes = seen.answer.attributes()
    _check_mode(attributes, manner.file_mode, key, tree.place)
    for reply in due[1:] if manner.file_mode is not None else due:
        yield from _check_written(channel, tree, key, reply, 1)
    return attributes


def _check_mode(attributes: Attributes, wanted: int | None, key: str, place: str) -> None:
    """Raise unless those may read the file who should; what the server answered to the request does not matter."""
    if wanted is not None and attributes.permissions is not None and wanted & ~attributes.permissions:
        raise mode_refused(key, place)


def _replace(channel: Channel, tree: Tree, key: str, unfinished: bytes, path: bytes) -> Steps[None]:
    if packets.POSIX_RENAME not in channel.extensions:
        yield from _replace_in_two_steps(channel, tree, key, unfinished, path)
        return
    moved = channel.ask_extended(packets.POSIX_RENAME, packets.text(unfinished), packets.text(path))
    yield [moved]
    if moved.answer.status != Status.OK:
        raise (yield from _why_not_moved(channel, tree, key, path, moved.answer))


def _replace_in_two_steps(channel: Channel, tree: Tree, key: str, unfinished: bytes, path: bytes) -> Steps[None]:
    """Take the place of a file where the server moves none onto another.

    The old file is moved aside and the new one into its place by requests that travel together. Whoever reads through
    us in that moment finds the old one where it was put; see docs/decisions/sftp-client.md.
    """
    aside = previous(path)
    for _ in range(TRIES_TO_REPLACE):
        moved = _ask_to_move(channel, unfinished, path)
        yield [moved]
        if moved.answer.status == Status.OK:
            return
        seen = channel.ask(Kind.LSTAT, packets.text(path))
        yield [seen]
        if seen.answer.kind != Kind.ATTRS:
            continue
        _refuse_folder(seen.answer, key, tree.place)
        tree.moved_aside = True
        channel.ask(Kind.REMOVE, packets.text(aside))  # left by somebody who was killed, if it is there
        channel.ask(*moving(path, aside))
        moved = _ask_to_move(channel, unfinished, path)
        yield [moved]
        if moved.answer.status == Status.OK:
            yield [channel.ask(Kind.REMOVE, packets.text(aside))]
            return
        yield [_ask_to_move(channel, aside, path)]
    raise refusals.refused(say("written"), moved.answer.status, key, tree.place)


def _place_anew(channel: Channel, tree: Tree, key: str, unfinished: bytes, path: bytes) -> Steps[None]:
    """Move the file to a name that must be free: this protocol's own way to move takes no other."""
    seen = channel.ask(Kind.LSTAT, packets.text(path))
    yield [seen]
    if seen.answer.kind == Kind.ATTRS:
        _refuse_folder(seen.answer, key, tree.place)
        raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=tree.place), key=key)
    moved = _ask_to_move(channel, unfinished, path)
    try:
        yield [moved]
        status = moved.answer.status
    except refusals.ConnectionLost as lost:
        # It may have been moved; another try would find it there and take it for somebody else's.
        raise TransientStoreError(lost.what, key=key) from lost
    if status == Status.OK:
        return
    seen = channel.ask(Kind.LSTAT, packets.text(path))
    yield [seen]
    if seen.answer.kind == Kind.ATTRS:
        raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=tree.place), key=key)
    raise refusals.refused(say("written"), status, key, tree.place)


def _why_not_moved(channel: Channel, tree: Tree, key: str, path: bytes, answer: Answer) -> Steps[StorageError]:
    seen = channel.ask(Kind.LSTAT, packets.text(path))
    yield [seen]
    if seen.answer.kind == Kind.ATTRS:
        _refuse_folder(seen.answer, key, tree.place)
    if answer.status == Status.BAD_MESSAGE:
        return KeyRefused(
            say("The name {key!r}… is too long for a file in {place}.", key=key[:60], place=tree.place), key=key
        )
    yield from tree.raise_if_full(channel, 1, key)
    return refusals.refused(say("written"), answer.status, key, tree.place)


def _refuse_folder(answer: Answer, key: str, place: str) -> None:
    if answer.attributes().is_folder:
        raise KeyRefused(say("{key!r} cannot be both a file and a folder in {place}.", key=key, place=place), key=key)


def _ask_to_move(channel: Channel, old: bytes, new: bytes) -> Reply:
    return channel.ask(*moving(old, new))


def moving(old: bytes, new: bytes) -> tuple[Kind, bytes, bytes]:
    """Return what to ask to move a file to a name that is free."""
    return Kind.RENAME, packets.text(old), packets.text(new)


class Sending:
    """An object on its way, while its thread goes on with others; see `external_storage.stores.base.Sending`."""

    def __init__(self, channel: Channel, steps: Steps[ObjectInfo]) -> None:
        self._channel = channel
        self._steps = steps
        self._due: Sequence[Reply] = ()
        self._stored: ObjectInfo | None = None
        self._error: StorageError | None = None
        self._go_on()

    @property
    def waits_to_send(self) -> bool:
        return self._channel.waits_to_send

    def fileno(self) -> int:
        return self._channel.fileno()

    def advance(self, *, is_first: bool = True) -> bool:
        if is_first:
            self._channel.advance()
        self._go_on()
        return self._is_over

    def finish(self) -> ObjectInfo:
        while not self._is_over:
            self._channel.wait_for(self._due)
            self._go_on()
        if self._error is not None:
            raise self._error
        assert self._stored is not None
        return self._stored

    @property
    def _is_over(self) -> bool:
        return self._stored is not None or self._error is not None

    @property
    def _can_go_on(self) -> bool:
        # Answers mostly come in order, so the last one tells soonest that some are missing.
        due = self._due
        return not due or (due[-1].is_here and all(reply.is_here for reply in due))

    def _go_on(self) -> None:
        try:
            while not self._is_over and self._can_go_on:
                self._due = next(self._steps)
        except StopIteration as end:
            self._stored = end.value
        except StorageError as error:
            self._error = error
