"""Speak HTTP/1.1 over sockets that are kept open, and nothing that S3 does not need.

No redirects are followed: whoever is named in one would get our signed headers. No content codings. A connection is
used by one thread at a time; `ConnectionPool` lends it out.

Sockets never block: an `Exchange` goes as far as it can, and whoever began it waits for it when that suits, so one
thread can have many under way.
"""

from __future__ import annotations

import select
import socket
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ...errors import SettingsError, StoreUnreachable, TransientStoreError
from ...sentences import say

CONNECT_SECONDS = 5.0

# A store to which connecting takes no longer is so near that it may as well be waited for.
SHORT_WAY_SECONDS = 0.005

# How long nothing at all may move. A slow transfer is no error while bytes go on flowing.
NO_PROGRESS_SECONDS = 60.0

# One TLS write returns only when all of it is sent, so what it is given must fit in the time above on a slow line.
TLS_CHUNK = 64 * 1024

LONGEST_HEAD = 64 * 1024
READ_SIZE = 64 * 1024

# After the line broke while we sent, the store's reason may still be on its way.
LAST_WORD_SECONDS = 1.0

_WOULD_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class RequestHead(bytes):
    """The first lines of a request. They carry a signature, so no traceback that shows variables may print them."""

    def __repr__(self) -> str:
        return "<request head>"


class ConnectionStale(Exception):
    """The server had closed the kept connection before it saw our request; nothing is lost by sending it again."""


@dataclass(frozen=True)
class Origin:
    """Where requests go: scheme, host and port, and the proxy on the way if the environment names one."""

    scheme: str
    host: str
    port: int
    proxy: str | None = None

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an endpoint's URL, with the proxy that ``http_proxy`` and its like ask for."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise SettingsError(
                say("{url!r} is no endpoint.", url=url),
                setting="endpoint_url",
                remedy=say("It must look like https://s3.example.com."),
            )
        proxy = None if proxy_bypass(parts.hostname) else getproxies().get(parts.scheme)
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), proxy)

    @property
    def host_header(self) -> str:
        usual = self.port == (443 if self.scheme == "https" else 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if usual else f"{host}:{self.port}"

    @property
    def proxy_login(self) -> str | None:
        """What the proxy wants to be told, if its URL has a name and a password."""
        login = urlsplit(self.proxy or "")
        if not login.username:
            return None
        pair = f"{unquote(login.username)}:{unquote(login.password or '')}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def on_host(self, host: str) -> Origin:
        return Origin(self.scheme, host, self.port, self.proxy)


class Answer:
    """A response whose head has been read. Its body must be read to the end before the connection is used again."""

    def __init__(self, connection: Connection, status: int, headers: dict[str, str], rest: bytes, method: str) -> None:
        self.status = status
        self.headers = headers
        self.connection = connection
        self._buffer = rest
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length")
        if method == "HEAD" or status in (204, 304):
            self._left: int | None = 0
            self._chunked = False
        elif self._chunked:
            self._left = None
        else:
            self._left = int(length) if length and length.isdigit() else None
        self._ends_with_connection = self._left is None and not self._chunked
        self.keeps_connection = not self._ends_with_connection and headers.get("connection", "").lower() != "close"

    @property
    def is_read(self) -> bool:
        return self._left == 0 and not self._buffer

    def body(self) -> bytes:
        """Read the whole body."""
        if self._left == 0:
            return b""
        if self._chunked:
            return self._read_chunked()
        return b"".join(iter(lambda: self.read(1 << 20), b""))

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes of a body that is not chunked; b"" at the end of it."""
        if self._left == 0:
            return b""
        if self._chunked:
            self._buffer, self._chunked, self._left = self._read_chunked(), False, 0
            self._left = len(self._buffer)
            return self.read(size)
        data = self._take(size if self._left is None else min(size, self._left))
        if self._left is not None:
            if not data:
                raise TransientStoreError(say("The store broke off in the middle of an object."))
            self._left -= len(data)
        elif not data:
            self._left = 0
        return data

    def _take(self, size: int) -> bytes:
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        return self.connection.receive(min(size, 1 << 20))

    def _read_chunked(self) -> bytes:
        """Read a chunked body whole; only listings and errors come that way."""
        chunks = []
        while size := int(self._line().split(b";")[0] or b"0", 16):
            chunks.append(self._exactly(size))
            self._line()
        while self._line():
            pass
        self._left = 0
        return b"".join(chunks)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._buffer += self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _exactly(self, size: int) -> bytes:
        parts, missing = [self._buffer], size - len(self._buffer)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]

    def _more(self) -> bytes:
        data = self.connection.receive(READ_SIZE)
        if not data:
            raise TransientStoreError(say("The store broke off in the middle of its answer."))
        return data


class Connection:
    """One socket to the store, and how far the request on it has got."""

    def __init__(self, origin: Origin, tls: ssl.SSLContext | None) -> None:
        self._origin = origin
        self._socket = _connect(origin, tls)
        self._tls = isinstance(self._socket, ssl.SSLSocket)
        self._used = self._reused = False
        self._unsent: deque[memoryview] = deque()
        self._broken: OSError | None = None
        self._received = b""
        self._deadline = 0.0
        self.waits_to_send = False
        """Whether it can go on when there is room to send; else, when there is something to read."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def begin(self, head: RequestHead, body: bytes) -> None:
        """Send of a request what can be sent at once; `advance` does the rest."""
        self._reused, self._used = self._used, True
        self._received = b""
        self._deadline = monotonic() + NO_PROGRESS_SECONDS
        if self._tls:
            # A small body goes with the head, in as few records as will do; a large one is not copied for that.
            pieces = (head + body,) if len(body) < TLS_CHUNK else (head, body)
            self._unsent.extend(map(memoryview, pieces))
            self._send_on()
            return
        try:
            sent = self._socket.sendmsg((head, body))
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._give_up_sending(error)
            return
        if sent < len(head) + len(body):
            self._unsent.append(memoryview(head)[sent:])
            self._unsent.append(memoryview(body)[max(sent - len(head), 0) :])
            self._send_on()

    def advance(self, method: str) -> Answer | None:
        """Go on without waiting; return the answer once its head has been read."""
        if self._unsent:
            self._send_on()
        if self._unsent:
            self._check_deadline()
            return None
        while (more := self._receive_now(READ_SIZE)) is not None:
            if not more:
                raise self._lost(self._broken)
            answer = self._read_head(more, method)
            if answer is not None:
                return answer
        self._check_deadline()
        return None

    def wait(self) -> None:
        """Wait until `advance` or reading can go on, or until it is time to give up."""
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT if self.waits_to_send else select.POLLIN)
        poll.poll(max(self._deadline - monotonic(), 0.0) * 1000)

    def receive(self, size: int) -> bytes:
        """Return up to *size* bytes of the answer's body as soon as there are any, b"" when no more will come."""
        self._deadline = monotonic() + NO_PROGRESS_SECONDS
        while (data := self._receive_now(size)) is None:
            self._check_deadline()
            self.wait()
        return data

    def close(self) -> None:
        with suppress(OSError):
            self._socket.close()

    def _send_on(self) -> None:
        self.waits_to_send = True
        while self._unsent:
            piece = self._unsent[0]
            if not piece:
                self._unsent.popleft()
                continue
            try:
                sent = self._socket.send(piece[:TLS_CHUNK] if self._tls else piece)
            except ssl.SSLWantReadError:
                self.waits_to_send = False
                return
            except _WOULD_WAIT:
                return
            except OSError as error:
                self._give_up_sending(error)
                return
            self._unsent[0] = piece[sent:]
            self._deadline = monotonic() + NO_PROGRESS_SECONDS
        self.waits_to_send = False

    def _give_up_sending(self, error: OSError) -> None:
        """Note why; a server that says no early closes without reading the rest, and its answer is more use."""
        self._unsent.clear()
        self._broken = error
        self.waits_to_send = False
        self._deadline = monotonic() + LAST_WORD_SECONDS

    def _receive_now(self, size: int) -> bytes | None:
        """Return what has come, b"" if the server has closed, None if there is nothing yet."""
        self.waits_to_send = False
        try:
            return self._socket.recv(size)
        except ssl.SSLWantWriteError:
            self.waits_to_send = True
            return None
        except _WOULD_WAIT:
            return None
        except OSError as error:
            raise self._lost(self._broken or error) from error

    def _read_head(self, more: bytes, method: str) -> Answer | None:
        data = self._received + more if self._received else more
        while (end := data.find(b"\r\n\r\n")) >= 0:
            status, headers = _parse_head(data[:end])
            data = data[end + 4 :]
            if status >= 200:  # 1xx only announce the answer
                self._reused = False  # from here on, to break off is no sign of a stale connection
                return Answer(self, status, headers, data, method)
        self._received = data
        if len(data) > LONGEST_HEAD:
            raise self._stalled()
        return None

    def _check_deadline(self) -> None:
        if monotonic() > self._deadline:
            raise self._stalled() if self._broken is None else self._lost(self._broken)

    def _stalled(self) -> TransientStoreError:
        return TransientStoreError(
            say(
                "{host} stopped answering for {seconds:.0f} s.",
                host=self._origin.host_header,
                seconds=NO_PROGRESS_SECONDS,
            )
        )

    def _lost(self, error: OSError | None) -> Exception:
        if self._reused and not self._received:
            return ConnectionStale()
        why = (error.strerror or type(error).__name__) if error else "closed by the store"
        return TransientStoreError(
            say("The connection to {host} was lost ({why}).", host=self._origin.host_header, why=why)
        )


class Exchange:
    """A request that has been begun, and its answer when that has come.

    `advance` it whenever its connection is ready, or `wait` for it. *build_head* is called for each try, since a
    signature carries the time.
    """

    def __init__(self, pool: ConnectionPool, method: str, build_head: Callable[[], RequestHead], body: bytes) -> None:
        self._pool = pool
        self._method = method
        self._build_head = build_head
        self._body = body
        self._begin()

    def fileno(self) -> int:
        return self._connection.fileno()

    @property
    def waits_to_send(self) -> bool:
        return self._connection.waits_to_send

    def advance(self) -> Answer | None:
        """Go on without waiting; return the answer once its head has been read."""
        try:
            answer = self._connection.advance(self._method)
        except ConnectionStale:
            self._connection.close()
            self._begin()
            return None
        except BaseException:
            self._connection.close()
            raise
        if answer is not None:
            self._pool.reached = True
        return answer

    def wait(self) -> Answer:
        """Return the answer with its head read."""
        while (answer := self.advance()) is None:
            self._connection.wait()
        return answer

    def abandon(self) -> None:
        """Let the answer go unread."""
        self._connection.close()

    def _begin(self) -> None:
        self._connection = self._pool.borrow()
        try:
            self._connection.begin(self._build_head(), self._body)
        except BaseException:
            self._connection.close()
            raise


class ConnectionPool:
    """Connections to one origin, the most recently used lent first. May be used by any number of threads."""

    def __init__(self, origin: Origin, ca_bundle: str | None = None) -> None:
        self.origin = origin
        # The system's authorities, or those that SSL_CERT_FILE names; there is no way to turn the check off.
        self._tls = ssl.create_default_context(cafile=ca_bundle) if origin.scheme == "https" else None
        self._idle: deque[Connection] = deque()
        self.reached = False
        self._seconds_to_connect = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether a request can be begun without waiting: on an idle connection, or a new one if the way is short."""
        return bool(self._idle) or self._seconds_to_connect < SHORT_WAY_SECONDS

    def begin(self, method: str, build_head: Callable[[], RequestHead], body: bytes = b"") -> Exchange:
        """Begin a request; when the answer's body is read, `give_back` the answer."""
        return Exchange(self, method, build_head, body)

    def give_back(self, answer: Answer) -> None:
        if answer.keeps_connection and answer.is_read:
            self._idle.append(answer.connection)
        else:
            answer.connection.close()

    def borrow(self) -> Connection:
        with suppress(IndexError):
            return self._idle.pop()
        began = monotonic()
        try:
            connection = Connection(self.origin, self._tls)
        except StoreUnreachable as error:
            # A store that answered a moment ago is being restarted, or its network is: worth another try.
            if self.reached and not isinstance(error.__cause__, ssl.SSLError):
                raise TransientStoreError(error.what, remedy=error.remedy) from error
            raise
        # How far a store is does not change from one moment to the next; how busy this machine is does.
        took = monotonic() - began
        self._seconds_to_connect = min(took, 2 * self._seconds_to_connect or took)
        return connection


def _connect(origin: Origin, tls: ssl.SSLContext | None) -> socket.socket:
    host, port = (origin.host, origin.port) if origin.proxy is None else _proxy_address(origin.proxy)
    try:
        connected = socket.create_connection((host, port), CONNECT_SECONDS)
    except OSError as error:
        raise _unreachable(origin, error) from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            if origin.proxy is not None:
                _open_tunnel(connected, origin)
            connected = tls.wrap_socket(connected, server_hostname=origin.host)
        connected.setblocking(False)
    except OSError as error:
        connected.close()
        raise _unreachable(origin, error, connected=True) from error
    return connected


def _proxy_address(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or 80


def _open_tunnel(connected: socket.socket, origin: Origin) -> None:
    lines = [f"CONNECT {origin.host}:{origin.port} HTTP/1.1", f"Host: {origin.host}:{origin.port}"]
    if origin.proxy_login:
        lines.append(f"Proxy-Authorization: {origin.proxy_login}")
    connected.sendall(RequestHead("\r\n".join([*lines, "", ""]).encode()))
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connected.recv(4096)
        answer += more
        if not more or len(answer) > LONGEST_HEAD:
            break
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        raise OSError("the proxy refused the connection")


def _unreachable(origin: Origin, error: OSError, *, connected: bool = False) -> StoreUnreachable:
    via = ""
    if origin.proxy is not None:
        host, port = _proxy_address(origin.proxy)
        via = f" through the proxy {host}:{port} that {origin.scheme}_proxy names"
    if isinstance(error, ssl.SSLCertVerificationError):
        why, remedy = (
            f"its certificate cannot be trusted: {error.verify_message}",
            "Correct the endpoint's name, or add the authority with SSL_CERT_FILE.",
        )
    elif isinstance(error, ssl.SSLError) or (connected and isinstance(error, TimeoutError)):
        why, remedy = "it accepts connections and does not speak TLS", "Check the endpoint's scheme and port."
    elif isinstance(error, socket.gaierror):
        why, remedy = "no such host name", "Check the endpoint's URL (AWS_S3_ENDPOINT_URL)."
    elif isinstance(error, TimeoutError):
        why, remedy = f"no answer in {CONNECT_SECONDS:.0f} s", "Check the endpoint's URL, and the firewall."
    else:
        why, remedy = (error.strerror or str(error)).lower(), "Check the endpoint's URL, and that the store runs."
    return StoreUnreachable(
        say(
            "Cannot reach the store at {host}:{port}{via} ({why}).",
            host=origin.host,
            port=origin.port,
            via=via,
            why=why,
        ),
        remedy=remedy,
    )


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise TransientStoreError(say("What answers at the store's address does not speak HTTP."))
    fields = [line.partition(":") for line in lines]
    return int(parts[1]), {name.lower(): value.strip() for name, _, value in fields}
