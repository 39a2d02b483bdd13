"""Fetch one URL: parse it strictly, connect only where anyone could, stop on time, stop on size."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import urllib3
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url, parse_url

from .addresses import is_disguised_number, may_connect
from .deadline import Deadline

REDIRECTS = 5
SCHEMES = {"http": 80, "https": 443}
# Below 1024 live mail, shells and databases; nobody serves a web page there except on these two.
FIRST_UNPRIVILEGED_PORT = 1024
CHUNK = 64 * 1024
PATIENCE_PER_ADDRESS = 5.0

REFUSED = _("This address cannot be fetched: it is not a public web address, or it does not exist.")
UNREACHABLE = _("The other site could not be reached, or broke off.")
TOO_SLOW = _("The other site took too long to answer.")
TOO_LARGE = _("What the other site sent is too large.")
NO_SUCCESS = _("The other site answered with an error (%(status)s).")
TOO_MANY_REDIRECTS = _("The other site sends its visitors round in circles.")

# A host as a person writes it, such as bücher.example, right after the scheme and with nothing odd in it.
_HOST_IN_OTHER_LETTERS = re.compile(r"^(https?://)(?=[^/?#]*[^\x00-\x7f])([\w.-]+)(?=[:/?#]|$)", re.IGNORECASE)

THEIR_TROUBLE = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError)

Resolver = Callable[[str, int], list[str]]


class OutboundRefused(Exception):
    """We do not fetch this. One message for every cause, so that it tells nothing about the inside of a network."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


class OutboundFailed(Exception):
    """A public host did not deliver; the message says how, in the reader's language, and names no address."""


@dataclass(frozen=True)
class Response:
    """A complete answer. *body* is decoded (no gzip left) and whole; *url* is where the last redirect led."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def resolve_by_system(host: str, port: int) -> list[str]:
    return [answer[4][0] for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def fetch(
    url: str,
    *,
    timeout: float = 20.0,
    max_bytes: int = 10 * 2**20,
    accept: str = "*/*",
    resolve: Resolver = resolve_by_system,
) -> Response:
    """Answer what *url* serves with a 2xx status, after at most five redirects.

    Every connection, also that of a redirect, goes to an address that was checked after the name was resolved and is
    not resolved again. No cookie, credential or proxy of this machine is used. *timeout* is seconds for everything
    together, names and redirects included; *max_bytes* counts decoded bytes.

    Raises `OutboundRefused` for an address that must not be fetched, `OutboundFailed` when a public host did not
    deliver (unreachable, too slow, too large, an error status).
    """
    with Deadline(timeout) as deadline:
        for _attempt in range(REDIRECTS + 1):
            target = _parse(url)
            try:
                answer = _ask(target, accept, deadline, resolve)
                location = answer.get_redirect_location()
                if not location:
                    return _received(answer, target.url, max_bytes, deadline)
                answer.close()
            except THEIR_TROUBLE as trouble:
                # Whatever broke after the time was up broke because the deadline cut the connection.
                raise OutboundFailed(TOO_SLOW if deadline.is_over() else UNREACHABLE) from trouble
            url = _joined(target.url, location)
    raise OutboundFailed(TOO_MANY_REDIRECTS)


def _parse(url: str) -> Url:
    """Read *url* the way a connection will be made from it, or refuse it."""
    try:
        target = parse_url(_HOST_IN_OTHER_LETTERS.sub(_in_ascii, url))
        port = target.port or SCHEMES[target.scheme or ""]
    except (urllib3.exceptions.LocationParseError, KeyError, ValueError):
        raise OutboundRefused from None
    odd = any(character.isspace() or not character.isprintable() or character == "\\" for character in url)
    if odd or target.auth is not None or not target.host or "%" in target.host or is_disguised_number(target.host):
        raise OutboundRefused
    if port not in SCHEMES.values() and port < FIRST_UNPRIVILEGED_PORT:
        raise OutboundRefused
    return target._replace(port=port, fragment=None)


def _in_ascii(address: re.Match[str]) -> str:
    # Python's own IDNA raises UnicodeError, a ValueError, for what cannot be a host's name.
    return address[1] + address[2].encode("idna").decode("ascii")


def _ask(target: Url, accept: str, deadline: Deadline, resolve: Resolver) -> urllib3.BaseHTTPResponse:
    host = (target.host or "").strip("[]")
    sock = _connected(host, target.port or 0, deadline, resolve)
    if target.scheme == "https":
        connection: HTTPConnection = _SecureConnection(host, target.port, ssl_context=ssl.create_default_context())
    else:
        connection = _PlainConnection(host, target.port)
    connection.connected_socket = sock
    connection.request(
        "GET",
        target.request_uri,
        headers={
            "Accept": accept,
            "Accept-Encoding": "gzip",
            "Connection": "close",
            "User-Agent": f"BookWyrm (+{settings.SITE_URL})",
        },
        preload_content=False,
    )
    return connection.getresponse()


class _PlainConnection(HTTPConnection):
    """Speak HTTP over a socket that is connected already, so that no name is resolved a second time."""

    connected_socket: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.connected_socket


class _SecureConnection(HTTPSConnection):
    """The same for TLS; the certificate is still checked against the host's name."""

    connected_socket: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.connected_socket


def _connected(host: str, port: int, deadline: Deadline, resolve: Resolver) -> socket.socket:
    """Connect to the first address of *host* that may be reached and answers."""
    try:
        addresses = deadline.bounded(resolve, host, port)
    except (socket.gaierror, UnicodeError):
        # The same as for a private address: an internal name must not be told from one that does not exist.
        raise OutboundRefused from None
    exempt = _is_exempt(host, port)
    open_addresses = [address for address in addresses if exempt or may_connect(address)]
    if not open_addresses:
        raise OutboundRefused
    last_error: OSError | None = None
    for address in open_addresses:
        try:
            sock = socket.create_connection((address, port), min(PATIENCE_PER_ADDRESS, deadline.left()))
        except OSError as error:
            last_error = error
            continue
        sock.settimeout(deadline.left())
        deadline.cuts(sock)
        return sock
    raise OSError("no address of the host answers") from last_error


def _is_exempt(host: str, port: int) -> bool:
    """Say whether the owner of this site listed *host* and *port* together as fit to be reached wherever they are."""
    wanted = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return wanted in {listed.lower() for listed in settings.OUTBOUND_ALLOWED_HOSTS}


def _received(answer: urllib3.BaseHTTPResponse, url: str, max_bytes: int, deadline: Deadline) -> Response:
    with answer:
        if not 200 <= answer.status < 300:
            raise OutboundFailed(NO_SUCCESS % {"status": answer.status})
        announced = answer.headers.get("Content-Length", "0").strip()
        if not (announced.isascii() and announced.isdigit()):
            raise OutboundFailed(UNREACHABLE)
        if len(announced) > 18 or int(announced) > max_bytes:
            raise OutboundFailed(TOO_LARGE)
        body = bytearray()
        for chunk in answer.stream(CHUNK, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                raise OutboundFailed(TOO_LARGE)
        if deadline.is_over():
            # A body without an announced length seems whole when the connection is cut.
            raise OutboundFailed(TOO_SLOW)
        return Response(answer.status, answer.headers, bytes(body), url)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise OutboundRefused from None
