"""Have many objects on their way at once from one thread."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Generic, TypeVar

from ..stores.base import Sending

T = TypeVar("T")

# How long to wait for an answer before each is asked whether it is out of patience.
LOOKING_SECONDS = 0.2

# What one thread holds in memory of objects on their way, unless a single one is larger.
MOST_BYTES = 16 << 20


class Flight(Generic[T]):
    """What one thread has on its way. Each is added with something to know it by, and lands with it."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._aloft: dict[int, tuple[T, Sending, int]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._aloft)

    @property
    def is_heavy(self) -> bool:
        """Whether no more should be added before something has landed."""
        return self._bytes >= MOST_BYTES

    def add(self, label: T, sending: Sending, size: int) -> None:
        """Look after *sending* from now on."""
        self._bytes += size
        self._watch(label, sending, size)

    def landed(self) -> Iterator[tuple[T, Sending]]:
        """Wait a moment, and yield those that have come to their end; ``finish`` tells which."""
        ready = self._poll.poll(LOOKING_SECONDS * 1000)
        for descriptor in [descriptor for descriptor, _ in ready] or list(self._aloft):
            label, sending, size = self._aloft[descriptor]
            waited_to_send = sending.waits_to_send
            if sending.advance():
                self._forget(descriptor)
                self._bytes -= size
                yield label, sending
            elif sending.fileno() != descriptor or sending.waits_to_send != waited_to_send:
                self._forget(descriptor)
                self._watch(label, sending, size)

    def _watch(self, label: T, sending: Sending, size: int) -> None:
        descriptor = sending.fileno()
        self._aloft[descriptor] = (label, sending, size)
        self._poll.register(descriptor, select.POLLOUT if sending.waits_to_send else select.POLLIN)

    def _forget(self, descriptor: int) -> None:
        del self._aloft[descriptor]
        self._poll.unregister(descriptor)
