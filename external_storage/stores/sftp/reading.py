"""Read one object as a stream, asking ahead for what comes next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ...errors import ObjectMissing, SourceChanged, SourceUnreadable
from ...objects import ObjectInfo
from ...sentences import say
from . import packets, refusals
from .channel import Channel, Reply, Steps
from .packets import Attributes, Kind, Status
from .sending import info
from .tree import Tree

# So many pieces are asked for ahead of the one that is handed out.
PIECES_AHEAD = 8

TRIES_TO_OPEN = 3


class Opened:
    """A file that is open on the server, on the connection it was opened on."""

    def __init__(self, channel: Channel, handle: bytes) -> None:
        self.channel = channel
        self._handle = packets.text(handle)
        self.attributes = Attributes()
        self.first: tuple[int, Reply] | None = None
        """How many of the first bytes were asked for already, and what comes of it."""

    def begin(self, expected_size: int) -> Reply:
        """Ask what the file is like and, in the same breath, for its first bytes: most are no longer than that."""
        seen = self.ask_what_it_is_like()
        if length := min(expected_size, self.channel.largest_read):
            self.first = length, self.ask(0, length)
        return seen

    def ask(self, offset: int, length: int) -> Reply:
        return self.channel.ask(Kind.READ, self._handle, packets.long(offset), packets.number(length))

    def ask_what_it_is_like(self) -> Reply:
        return self.channel.ask(Kind.FSTAT, self._handle)

    def close(self) -> None:
        """Close it, without waiting to hear that it is closed."""
        self.channel.ask(Kind.CLOSE, self._handle)
        self.channel.flush()


def opening(channel: Channel, tree: Tree, key: str) -> Steps[Opened]:
    """Open the object under *key*."""
    for tried in range(1, TRIES_TO_OPEN + 1):
        path, looked_like = yield from tree.look(channel, key)
        opened = channel.ask(Kind.OPEN, packets.text(path), packets.number(packets.TO_READ), packets.permissions(None))
        yield [opened]
        if opened.answer.kind == Kind.HANDLE:
            file = Opened(channel, opened.answer.text())
            seen = file.begin(looked_like.size or 0)
            yield [seen]
            if seen.answer.kind != Kind.ATTRS:
                raise refusals.refused(say("read"), seen.answer.status, key, tree.place)
            file.attributes = seen.answer.attributes()
            return file
        if opened.answer.status != Status.NO_SUCH_FILE or tried == TRIES_TO_OPEN:
            break
    if opened.answer.status == Status.NO_SUCH_FILE:
        raise ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=tree.place), key=key)
    if opened.answer.status == Status.PERMISSION_DENIED:
        raise SourceUnreadable(
            say("{key!r} cannot be read in {place}: permission denied.", key=key, place=tree.place),
            key=key,
            remedy=say("Give the SFTP user the right to read it."),
        )
    raise refusals.refused(say("read"), opened.answer.status, key, tree.place)


class SftpSource:
    """An open object, and what it was like when it was opened. *reopen* opens it anew after its connection broke."""

    def __init__(self, key: str, place: str, opened: Opened, reopen: Callable[[], Opened]) -> None:
        self.info: ObjectInfo = info(key, opened.attributes)
        self._place = place
        self._opened = opened
        self._reopen = reopen
        self._begin_at(0)

    def __enter__(self) -> SftpSource:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._opened.close()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if not size:
            return b""
        if not self._rest:
            self._rest = self._next_piece()
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        self._read += len(data)
        return data

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        if self._opened.channel.lost is not None:
            self._opened = self._reopen()
            if info(self.info.key, self._opened.attributes) != self.info:
                raise SourceChanged(
                    say("{key!r} was replaced while it was read.", key=self.info.key), key=self.info.key
                )
        self._begin_at(position)

    def check_unchanged(self) -> None:
        if self._afterwards is None:
            self._afterwards = self._opened.ask_what_it_is_like()
        self._opened.channel.wait_for([self._afterwards])
        answer = self._afterwards.answer
        now = answer.attributes() if answer.kind == Kind.ATTRS else None
        if self._read != self.info.size or now is None or info(self.info.key, now) != self.info:
            raise SourceChanged(say("{key!r} changed while it was read.", key=self.info.key), key=self.info.key)

    def _begin_at(self, position: int) -> None:
        self._asked = self._read = position
        self._due: deque[tuple[int, int, Reply]] = deque()
        if self._opened.first is not None and not position:
            length, reply = self._opened.first
            self._asked = min(length, self.info.size)
            self._due.append((0, self._asked, reply))
        self._opened.first = None
        self._rest = memoryview(b"")
        self._afterwards: Reply | None = None

    def _next_piece(self) -> memoryview:
        """Return the next bytes, none at the end."""
        self._ask_ahead()
        while self._due:
            offset, length, reply = self._due.popleft()
            self._opened.channel.wait_for([reply])
            answer = reply.answer
            if answer.status == Status.EOF:
                return memoryview(b"")
            if answer.kind != Kind.DATA:
                raise refusals.refused(say("read"), answer.status, self.info.key, self._place)
            data = memoryview(answer.text())
            if len(data) < length:
                # A server may give less than was asked for; what follows was asked for from further on.
                self._due.appendleft(self._asking(offset + len(data), length - len(data)))
            if data:
                self._ask_ahead()
                return data
        return memoryview(b"")

    def _ask_ahead(self) -> None:
        largest = self._opened.channel.largest_read
        while self._asked < self.info.size and len(self._due) < PIECES_AHEAD:
            length = min(largest, self.info.size - self._asked)
            self._due.append(self._asking(self._asked, length))
            self._asked += length
        if self._asked == self.info.size and self._afterwards is None:
            self._afterwards = self._opened.ask_what_it_is_like()

    def _asking(self, offset: int, length: int) -> tuple[int, int, Reply]:
        return offset, length, self._opened.ask(offset, length)
