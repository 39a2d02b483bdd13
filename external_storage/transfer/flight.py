"""Have many objects on their way at once from one thread."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from ..stores.base import Sending

T = TypeVar("T")

# How long to wait for an answer before each is asked whether it is out of patience.
LOOKING_SECONDS = 0.2

# What one thread holds in memory of objects on their way, unless a single one is larger.
MOST_BYTES = 16 << 20


class Flight(Generic[T]):
    """What one thread has on its way. Each is added with something to know it by, and lands with it.

    Several may travel on one socket.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._aloft: dict[int, list[tuple[T, Sending, int]]] = {}
        self._down: deque[tuple[T, Sending, int]] = deque()
        self._count = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_heavy(self) -> bool:
        """Whether no more should be added before something has landed."""
        return self._bytes >= MOST_BYTES

    def add(self, label: T, sending: Sending, size: int) -> None:
        """Look after *sending* from now on."""
        self._count += 1
        self._bytes += size
        self._aloft.setdefault(sending.fileno(), []).append((label, sending, size))
        self._watch(sending)

    def landed(self) -> Iterator[tuple[T, Sending]]:
        """Wait a moment, and yield those that have come to their end; ``finish`` tells which."""
        if not self._down:
            self._look_around()
        while self._down:
            label, sending, size = self._down.popleft()
            self._count -= 1
            self._bytes -= size
            yield label, sending

    def _look_around(self) -> None:
        ready = self._poll.poll(LOOKING_SECONDS * 1000)
        for descriptor in [descriptor for descriptor, _ in ready] or list(self._aloft):
            self._poll.unregister(descriptor)
            self._advance(self._aloft.pop(descriptor))

    def _advance(self, on_one_socket: list[tuple[T, Sending, int]]) -> None:
        staying: dict[int, list[tuple[T, Sending, int]]] = {}
        is_first = True
        for each in on_one_socket:
            if each[1].advance(is_first=is_first):
                self._down.append(each)
            else:
                staying.setdefault(each[1].fileno(), []).append(each)
            is_first = False
        for descriptor, some in staying.items():
            self._aloft.setdefault(descriptor, []).extend(some)
            self._watch(some[0][1])

    def _watch(self, sending: Sending) -> None:
        self._poll.register(sending.fileno(), select.POLLOUT if sending.waits_to_send else select.POLLIN)
