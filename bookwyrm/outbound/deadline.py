"""One time limit for a whole exchange, kept even against a peer that sends a byte now and then."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

Answer = TypeVar("Answer")


class Deadline:
    """Cut every connection made under it once *seconds* have passed since the ``with`` began, or when it ends.

    A socket's own time-out starts anew with each byte that arrives; only shutting the connection down from outside
    bounds the total. Used as a context manager, once.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        self._cut()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds that remain; raises `TimeoutError` when there are none."""
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the time for this exchange is over")
        return remaining

    def cuts(self, sock: socket.socket) -> None:
        """Let the deadline shut *sock* down.

        A duplicate is kept, because TLS takes the file descriptor away from the socket object that it wraps;
        shutting the duplicate down ends the connection for both.
        """
        with self._lock:
            self._sockets.append(sock.dup())
        if self.is_over():
            self._cut()

    def bounded(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Call *function* and wait no longer than is left. Resolving a name has no time-out of its own."""
        outcome: list[Answer] = []
        error: list[BaseException] = []

        def call() -> None:
            try:
                outcome.append(function(*arguments))
            except BaseException as raised:  # noqa: BLE001 - handed to the caller below
                error.append(raised)

        worker = threading.Thread(target=call, daemon=True)
        worker.start()
        worker.join(self.left())
        if error:
            raise error[0]
        if not outcome:
            raise TimeoutError("the time for this exchange is over")
        return outcome[0]

    def _cut(self) -> None:
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # The peer closed it first; cut either way.
