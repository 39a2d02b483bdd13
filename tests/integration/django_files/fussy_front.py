"""A door in front of a real S3 server that refuses, swallows or answers some requests itself, as some services do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

OwnAnswer = tuple[int, bytes]


@dataclass
class Front:
    """Where the door is, and what went through it or was turned away there."""

    url: str
    turned_away: list[str] = field(default_factory=list)


LOSE_THE_ANSWER: OwnAnswer = (0, b"")
"""Pass the request on, and hang up instead of passing the answer back."""


def refusal(status: int, code: str) -> OwnAnswer:
    return status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@contextmanager
def fussy_front(server_url: str, decide: Callable[[BaseHTTPRequestHandler], OwnAnswer | None]) -> Iterator[Front]:
    """Pass every request on to *server_url* as it is, but for those to which *decide* has an answer of its own."""
    behind = urlsplit(server_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            own = decide(self)
            if own is not None and own is not LOSE_THE_ANSWER:
                front.turned_away.append(f"{self.command} {self.path}")
                return self.answer(own[0], [("Content-Type", "application/xml")], own[1])
            # The Host header goes through unchanged: it is part of what the client has signed.
            connection = HTTPConnection(behind.hostname, behind.port)
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            if own is LOSE_THE_ANSWER:
                front.turned_away.append(f"{self.command} {self.path}")
                connection.close()
                return self.connection.shutdown(socket.SHUT_RDWR)
            self.answer(response.status, response.getheaders(), response.read())
            connection.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = pass_on  # noqa: N815

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            hop = {"transfer-encoding", "connection"}
            sized = self.command == "HEAD"
            for name, value in headers:
                if name.lower() not in hop and (sized or name.lower() != "content-length"):
                    self.send_header(name, value)
            if not sized:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if sized else body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test looks at what the client made of it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        front = Front(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield front
        finally:
            server.shutdown()
