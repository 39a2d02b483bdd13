"""The gunicorn worker class: starts behind a closed gate, and leaves without failing one request.

Three things differ from gunicorn's threaded worker (``docs/decisions/reload-without-failed-requests.md``):

1. A worker serves its private socket only until the gate opens: a new generation is checked before the public meets it.
2. A new connection waits for its first bytes in the poller, not in a thread: idle ones can neither use up the threads
   nor be dropped unanswered when the worker stops.
3. A closing connection lingers in the poller, not in the main loop; and a stopping worker keeps idle connections for
   the whole keep-alive time that it promised, so the next request on each is answered, with ``Connection: close``.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import time
from collections import deque
from concurrent.futures import Future
from functools import partial

from gunicorn.workers.gthread import TConn, ThreadWorker

GATE = "BOOKWYRM_GATE_FD"

# How long a connection may stay half closed, for the client to read the answer's last bytes and close its end.
LINGER_SECONDS = 2.0

# One read or write of a thread may wait this long for the client; else a few stalled clients would hold every thread.
STALLED_CLIENT_SECONDS = 30


class DrainingWorker(ThreadWorker):
    """A threaded worker for the generations that `bookwyrm.operate.web` starts and stops."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.lingering_conns: deque[TConn] = deque()
        self.behind_the_gate: list[socket.socket] = []

    # The gate

    def run(self) -> None:
        gate = os.environ.get(GATE)
        if gate is not None:
            self.behind_the_gate = [listener for listener in self.sockets if listener.FAMILY != socket.AF_UNIX]
            self.sockets = [listener for listener in self.sockets if listener.FAMILY == socket.AF_UNIX]
            # A byte lies in the pipe from the moment the gate opens and is never read, so that every worker sees it,
            # also one that starts later in place of one that crashed.
            self.poller.register(int(gate), selectors.EVENT_READ, self.open_gate)
        super().run()

    def open_gate(self, gate: int) -> None:
        self.poller.unregister(gate)
        was_accepting = self._accepting
        self.set_accept_enabled(False)
        self.sockets += self.behind_the_gate
        self.set_accept_enabled(was_accepting)

    # Connections that have not asked anything yet

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                return  # another worker was quicker, or the client has left again
            if error.errno == errno.EINVAL:
                # The supervisor has given this address up; what came in through the others goes on.
                self.poller.unregister(listener)
                self.sockets.remove(listener)
                return
            raise
        self.nr_conns += 1
        bound = struct.pack("ll", STALLED_CLIENT_SECONDS, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    # Connections after an answer

    def finish_request(self, conn: TConn, fs: Future) -> None:
        if not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self.linger(conn)
            return
        super().finish_request(conn, fs)
        if not self.alive and self.keepalived_conns and self.keepalived_conns[-1] is conn:
            # The answer promised the whole keep-alive time before the worker was told to stop.
            conn.set_timeout()

    def _cap_keepalive(self, deadline: float) -> None:
        """Leave the idle connections their time; gunicorn would cut them off two seconds after the signal."""

    def linger(self, conn: TConn) -> None:
        """Say that no more comes, and close for good once the client has closed too, or after `LINGER_SECONDS`.

        Closing at once would make the kernel send a reset where unread bytes are left, and the reset can overtake the
        end of the answer.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self.forget(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self.lingering_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_lingering_readable, conn))

    def on_lingering_readable(self, conn: TConn, client: socket.socket) -> None:
        try:
            if client.recv(65536):
                return  # what comes after our last answer is not read as a request, only out of the way
        except BlockingIOError:
            return
        except OSError:
            pass
        self.poller.unregister(client)
        self.lingering_conns.remove(conn)
        self.forget(conn)

    def murder_pending(self) -> None:
        """Close what has waited long enough; gunicorn calls this on every round, also while it stops."""
        super().murder_pending()
        now = time.monotonic()
        while self.lingering_conns and self.lingering_conns[0].timeout <= now:
            conn = self.lingering_conns.popleft()
            self.poller.unregister(conn.sock)
            self.forget(conn)

    def forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
