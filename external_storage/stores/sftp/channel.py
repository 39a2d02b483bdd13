"""Have any number of requests under way on one connection, from any number of threads.

Whoever waits for an answer takes in, meanwhile, the answers of all the others; there is no thread that does only that.
What takes several rounds is written as *steps*: a generator that yields the replies it needs next. One thread can then
have many such works under way (`Channel.advance`), or carry out one and wait (`Channel.carry_out`).
"""

from __future__ import annotations

import select
import struct
import threading
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from ...errors import StorageError, StoreUnreachable
from . import packets, refusals
from .packets import Answer, Kind
from .ssh import Client, Login

T = TypeVar("T")

# How long nothing at all may move while an answer is due.
NO_PROGRESS_SECONDS = 60.0

# A line on which nothing has moved for so long is left to those who wait there already.
STUCK_SECONDS = 2.0

# Another thread may have put something into the line that could not be sent at once.
LOOKING_SECONDS = 0.05

READ_SIZE = 256 * 1024
MOST_PIECES = 128

# No server sends a packet as large as that; a text that somebody's login script prints looks like one.
LONGEST_PACKET = 1 << 20

# What every server of this protocol takes and gives; see `Channel.largest_write`.
USUAL_DATA = 32 * 1024
LARGEST_DATA = 255 * 1024


class Reply:
    """The answer to a request, once it is there."""

    __slots__ = ("_answer", "_error")

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._error: StorageError | None = None

    @property
    def is_here(self) -> bool:
        return self._answer is not None or self._error is not None

    @property
    def answer(self) -> Answer:
        """The server's answer. Raise the error that kept it from coming."""
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer

    def arrive(self, answer: Answer) -> None:
        self._answer = answer

    def fail(self, error: StorageError) -> None:
        self._error = error


Steps = Generator[Sequence[Reply], None, T]


@dataclass
class Reach:
    """Whether a server has let us in before. Then one that does not is being restarted, and worth another try."""

    was_reached: bool = False


class Channel:
    """A connection to the server, greeted or about to be."""

    def __init__(self, login: Login, reach: Reach) -> None:
        self.login = login
        self._reach = reach
        self.greeting = Reply()
        """Arrives with the greeting; until then it is not certain that there is a connection."""
        self.extensions: dict[bytes, bytes] = {}
        self.largest_read = self.largest_write = USUAL_DATA
        self.lost: StorageError | None = None
        """Why nothing more can be asked here."""
        self._client = Client(login)
        self._number = 0
        self._due: dict[int, Reply] = {}
        self._unsent: deque[memoryview] = deque([memoryview(packets.greeting())])
        self._received = bytearray()
        self._moved_at = monotonic()
        self._line = threading.RLock()  # guards what is sent, and the two above
        self._turn = threading.Condition()
        self._somebody_reads = False

    @property
    def process_id(self) -> int:
        return self._client.process_id

    @property
    def seems_stuck(self) -> bool:
        """Whether an answer is due and nothing has moved for a while; it may still, but nobody else should wait."""
        return self.greeting.is_here and bool(self._due) and monotonic() - self._moved_at > STUCK_SECONDS

    @property
    def requests_due(self) -> int:
        """How many answers are still to come."""
        return len(self._due)

    def fileno(self) -> int:
        return self._client.socket.fileno()

    @property
    def waits_to_send(self) -> bool:
        return bool(self._unsent)

    def close(self) -> None:
        """End the connection; what is still due will not come."""
        self._break(refusals.connection_lost(self.login, ""))

    # Asking

    def ask(self, kind: Kind, *body: bytes) -> Reply:
        """Put a request into the line; it travels with the next `advance` or `wait_for`."""
        with self._line:
            number, reply = self._expect()
            self._unsent.append(memoryview(packets.request(kind, number, b"".join(body))))
        return reply

    def write(self, handle: bytes, offset: int, data: memoryview) -> Reply:
        """Put a WRITE into the line."""
        with self._line:
            number, reply = self._expect()
            self._unsent.append(memoryview(packets.write_request(number, handle, offset, len(data))))
            self._unsent.append(data)
        return reply

    def ask_extended(self, name: bytes, *body: bytes) -> Reply:
        return self.ask(Kind.EXTENDED, packets.text(name), *body)

    def _expect(self) -> tuple[int, Reply]:
        if not self._due:
            self._moved_at = monotonic()  # nothing was due until now
        self._number = (self._number + 1) & 0xFFFFFFFF
        reply = Reply()
        if self.lost is not None:
            reply.fail(self.lost)
        else:
            self._due[self._number] = reply
        return self._number, reply

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        self._send()

    # Going on

    def carry_out(self, steps: Steps[T]) -> T:
        """Take one step after the other, waiting in between; return what the last one returns."""
        try:
            while True:
                self.wait_for(next(steps))
        except StopIteration as end:
            return end.value

    def wait_for(self, replies: Sequence[Reply]) -> None:
        """Return when all of them are here."""
        self._send()
        while not all(reply.is_here for reply in replies):
            with self._turn:
                if self._somebody_reads:
                    self._turn.wait(LOOKING_SECONDS)
                    mine = False
                else:
                    mine = self._somebody_reads = True
            if not mine:
                self._send()
                continue
            try:
                if not all(reply.is_here for reply in replies):
                    self._wait()
                    self.advance()
            finally:
                with self._turn:
                    self._somebody_reads = False
                    self._turn.notify_all()

    def advance(self) -> None:
        """Send and receive what can be without waiting. Only one thread may be in here."""
        if self.lost is not None:
            return
        self._send()
        self._receive()
        self._send()
        self._check_progress()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._client.socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        poll.poll(LOOKING_SECONDS * 1000 if self._unsent else 1000)

    def _send(self) -> None:
        with self._line:
            while self._unsent and self.lost is None:
                pieces = [self._unsent[n] for n in range(min(len(self._unsent), MOST_PIECES))]
                try:
                    sent = self._client.socket.sendmsg(pieces)
                except BlockingIOError:
                    return
                except OSError:
                    # Why it broke is told by what can still be read: the reader finds its end.
                    self._unsent.clear()
                    return
                self._moved_at = monotonic()
                for piece in pieces:
                    if sent < len(piece):
                        self._unsent[0] = piece[sent:]
                        break
                    sent -= len(self._unsent.popleft())

    def _receive(self) -> None:
        while self.lost is None:
            try:
                data = self._client.socket.recv(READ_SIZE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._break(self._why_it_ended())
                return
            self._moved_at = monotonic()
            self._received += data
            self._take_packets()

    def _take_packets(self) -> None:
        data, position = bytes(self._received), 0
        try:
            while len(data) - position >= 4:
                (length,) = struct.unpack_from(">I", data, position)
                if not 0 < length <= LONGEST_PACKET:
                    raise packets.Malformed
                if len(data) - position - 4 < length:
                    break
                self._take(memoryview(data)[position + 4 : position + 4 + length])
                position += 4 + length
        except (packets.Malformed, struct.error):
            self._break(refusals.not_connected(self.login, "", greeted=data))
            return
        del self._received[:position]

    def _take(self, packet: memoryview) -> None:
        if packet[0] == Kind.VERSION:
            self.extensions = packets.extensions(packet[1:])
            self._client.forget_secret()
            self._reach.was_reached = True
            self.greeting.arrive(Answer(Kind.VERSION, packet[1:]))
            return
        if not self.greeting.is_here:
            raise packets.Malformed
        (number,) = struct.unpack_from(">I", packet, 1)
        reply = self._due.pop(number, None)
        if reply is not None:
            reply.arrive(Answer(packet[0], packet[5:]))

    def _check_progress(self) -> None:
        if self._due and monotonic() - self._moved_at > NO_PROGRESS_SECONDS:
            self._break(refusals.stalled(self.login, NO_PROGRESS_SECONDS))

    def _why_it_ended(self) -> StorageError:
        told = self._client.last_words()
        if self.greeting.is_here:
            return refusals.connection_lost(self.login, told)
        error = refusals.not_connected(self.login, told)
        if self._reach.was_reached and isinstance(error, StoreUnreachable):
            return refusals.ConnectionLost(error.what, remedy=error.remedy)
        return error

    def _break(self, error: StorageError) -> None:
        with self._line:
            if self.lost is not None:
                return
            self.lost = error
            self._unsent.clear()
            due, self._due = list(self._due.values()), {}
        self._client.close()
        for reply in [*due, *([] if self.greeting.is_here else [self.greeting])]:
            reply.fail(error)


def greeted(channel: Channel) -> Steps[None]:
    """Wait for the greeting, and for what follows from it: how much may be written and read at once."""
    if channel.greeting.is_here:
        _ = channel.greeting.answer
        return
    yield [channel.greeting]
    _ = channel.greeting.answer
    if packets.LIMITS in channel.extensions:
        reply = channel.ask_extended(packets.LIMITS)
        yield [reply]
        if reply.answer.kind == Kind.EXTENDED_REPLY:
            _, read, write = reply.answer.longs(3)
            channel.largest_read = min(read or LARGEST_DATA, LARGEST_DATA)
            channel.largest_write = min(write or LARGEST_DATA, LARGEST_DATA)
