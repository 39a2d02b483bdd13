"""One generation of web workers: start it behind a closed gate, check it, open the gate, let it drain."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..env import CHECKOUT
from .processes import Process
from .web_worker import GATE

START_SECONDS = 60.0
ANSWER_SECONDS = 20.0
# What is asked before the public may come in: the database answers, and a whole page with its template and files does.
CHECKED_PATHS = ("/health", "/")

SETTINGS = "python:bookwyrm.operate.gunicorn_settings"


class NotAnswering(Exception):
    """The new web workers did not come up; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the public is served, and what the site calls itself there."""

    host: str
    port: int
    domain: str
    https: bool


def listen(host: str, port: int, *, beside: Sequence[socket.socket] = ()) -> socket.socket:
    """Return a listening socket; raise OSError where the address is taken or not this machine's.

    *beside* are sockets of our own that may hold an overlapping address: 127.0.0.1 while 0.0.0.0 is asked for.
    """
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if beside:
            # Only sockets that all agree may overlap, so a stranger's address stays taken.
            for one in (listener, *beside):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class _PrivateConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Generation:
    """A gunicorn master with its workers, on the supervisor's listening sockets and on a private one."""

    def __init__(
        self,
        number: int,
        listeners: Sequence[socket.socket],
        sockets: Path,
        python: str,
        environment: Mapping[str, str],
        write_line: Callable[[str, str], None],
    ) -> None:
        self.number = number
        self._private = sockets / f"web-{number}"
        self._private.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as private:
            private.bind(str(self._private))
            private.listen(64)
            gate, opener = os.pipe()
            self._gate: int | None = opener
            descriptors = (*(listener.fileno() for listener in listeners), private.fileno())
            self.process = Process.start(
                "web",
                [python, "-m", "gunicorn", "--config", SETTINGS, "bookwyrm.wsgi:application"],
                environment={
                    **environment,
                    "BOOKWYRM_LISTEN_FDS": ",".join(map(str, descriptors)),
                    GATE: str(gate),
                },
                write_line=write_line,
                pass_fds=(*descriptors, gate),
                cwd=CHECKOUT,
            )
            os.close(gate)

    def check(self, address: Address) -> None:
        """Return once every path of `CHECKED_PATHS` has been answered well; raise `NotAnswering` if one is not."""
        deadline = time.monotonic() + START_SECONDS
        for path in CHECKED_PATHS:
            status = self._ask(path, address, deadline)
            if status >= 400:
                raise NotAnswering(f"the new web workers answered {path} with {status}")

    def _ask(self, path: str, address: Address, deadline: float) -> int:
        headers = {"Host": address.domain, "X-Forwarded-Proto": "https" if address.https else "http"}
        # The socket already listens, so the request waits in its queue until the first worker is up.
        connection = _PrivateConnection(self._private)
        connection.timeout = 1.0
        while True:
            if not self.process.is_running():
                raise NotAnswering("the new web workers ended as soon as they were started")
            try:
                if connection.sock is None:
                    connection.request("GET", path, headers={**headers, "Connection": "close"})
                    connection.sock.settimeout(1.0)
                return connection.getresponse().status
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise NotAnswering(f"the new web workers did not answer {path} in {START_SECONDS:.0f} s") from None
            except (OSError, http.client.HTTPException):
                connection.close()
                if time.monotonic() > deadline:
                    raise NotAnswering(f"the new web workers broke off their answer to {path}") from None
                time.sleep(0.1)

    def open_gate(self) -> None:
        """Let the public in. From here on the workers take connections from the listening socket."""
        assert self._gate is not None
        os.write(self._gate, b"o")

    def drain(self) -> None:
        """Take no new connection, answer what has been begun, then end."""
        self.process.send(signal.SIGTERM)

    def hurry(self) -> None:
        """End what is still draining within two seconds."""
        self.process.send(signal.SIGQUIT)

    def close(self) -> None:
        """End whatever is left of the generation, and its private socket."""
        self.process.kill()
        if self._gate is not None:
            os.close(self._gate)
            self._gate = None
        self._private.unlink(missing_ok=True)
