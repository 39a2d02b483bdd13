"""Compute digests in a thread beside the one that has everything else to do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

# Handed over so many at a time, or so many bytes: for each by itself, the two threads would mostly wake each other.
GROUP = 8
GROUP_BYTES = 1 << 20

# With one group being hashed and one waiting, the thread never lacks work, and little is held in memory.
MOST_GROUPS = 2


class Hashing(Generic[T]):
    """Objects on their way through a thread that computes their MD5s, which does not need the interpreter for it.

    Used by one thread, which adds objects and takes them back in the same order.
    """

    def __init__(self) -> None:
        self._being_filled: list[tuple[T, bytes]] = []
        self._bytes = 0
        self._groups_away = 0
        self._to_hash: SimpleQueue[list[tuple[T, bytes]] | None] = SimpleQueue()
        self._hashed: SimpleQueue[list[tuple[T, bytes, bytes]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, label: T, data: bytes) -> None:
        """Have *data* hashed."""
        self._being_filled.append((label, data))
        self._bytes += len(data)
        if len(self._being_filled) == GROUP or self._bytes >= GROUP_BYTES:
            self._hand_over()

    def finished(self) -> Iterator[tuple[T, bytes, bytes]]:
        """Yield what is hashed, with its MD5; wait for it only where more is under way than need be."""
        while self._groups_away and (self._groups_away > MOST_GROUPS or not self._hashed.empty()):
            yield from self._next_group()

    def rest(self) -> Iterator[tuple[T, bytes, bytes]]:
        """Yield all that was added and not taken back yet."""
        self._hand_over()
        while self._groups_away:
            yield from self._next_group()

    def close(self) -> None:
        """Let the thread end."""
        self._to_hash.put(None)

    def _hand_over(self) -> None:
        if not self._being_filled:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._hash, name="hashing", daemon=True)
            self._thread.start()
        self._to_hash.put(self._being_filled)
        self._groups_away += 1
        self._being_filled, self._bytes = [], 0

    def _next_group(self) -> list[tuple[T, bytes, bytes]]:
        group = self._hashed.get()
        self._groups_away -= 1
        return group

    def _hash(self) -> None:
        while (group := self._to_hash.get()) is not None:
            self._hashed.put(
                [(label, data, hashlib.md5(data, usedforsecurity=False).digest()) for label, data in group]
            )
