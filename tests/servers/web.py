"""A web server on loopback that answers just what a test says, byte by byte or as JSON."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[[socket.socket, bytes], None]


@dataclass
class Web:
    port: int
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    """The head of each request, in the order they came; b"" for a connection without one."""

    @property
    def host(self) -> str:
        """What ``OUTBOUND_ALLOWED_HOSTS`` has to name."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://{self.host}{path}"

    def paths(self) -> list[str]:
        return [request.split(b" ")[1].decode() for request in self.requests]


@contextmanager
def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Hand every connection, with the head of its request, to *answer*; the connection is closed afterwards."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                peer = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                head = _head(peer)
                web.requests.append(head)
                answer(peer, head)
                peer.close()
            except OSError:
                return  # The other side gave up; what it made of that is what the test looks at.

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        web = Web(server.server_address[1], "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()


@contextmanager
def serving_json(pages: Mapping[str, Any]) -> Iterator[Web]:
    """Answer each path of *pages* (query included) with its value as JSON, bytes as they are, and 404 elsewhere."""

    def answer(peer: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].decode()
        if path not in pages:
            peer.sendall(response(b"not here", status="404 Not Found"))
            return
        page = pages[path]
        peer.sendall(response(page if isinstance(page, bytes) else json.dumps(page).encode()))

    with answering(answer) as web:
        yield web


def response(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; ``Content_Type="…"`` and the like add headers or take the place of ours."""
    shown = {"Content-Length": str(len(body)), "Connection": "close"}
    shown |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in shown.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _head(peer: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := peer.recv(4096)):
        head += part
    return head
