"""A way to a server that can be cut: what a client sends is lost, or nobody takes its call."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 64 * 1024

# Closing with this option tells the other side that the connection was reset, as a machine does that came up again.
RESET_ON_CLOSE = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Relay:
    """Pass on what comes in at *port* to another port of this machine, as long as the way is open."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._held: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on calls are taken, and nothing is ever answered: a machine that has lost its power."""
        self._open.clear()

    def mend(self) -> None:
        """Let all through again; connections from before are reset."""
        self._open.set()  # before the first is reset: whoever calls again at once must not meet the dead machine
        held, self._held = self._held, []
        for connection in held:
            with contextlib.suppress(OSError):
                connection.setsockopt(*RESET_ON_CLOSE)
                connection.shutdown(socket.SHUT_RDWR)  # or a thread that still listens to it would keep it open
            connection.close()

    def close(self) -> None:
        self._listener.close()
        self.mend()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._held.append(client)
                if self._open.is_set():
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target))
        self._held.append(server)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if not self._open.is_set():
                    return  # it stays open, and silent
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay(target: int) -> Iterator[Relay]:
    """Yield a relay to the loopback port *target*."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
