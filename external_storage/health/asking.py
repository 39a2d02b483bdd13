"""Ask a public URL as a stranger would: no credentials, no cookies, no redirects followed, a bounded wait."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from ..sentences import say

TIMEOUT = urllib3.Timeout(connect=5, read=10)
MOST_BYTES = 64 * 1024
"""How much of a body is looked at; enough for any error page, and for the head of a picture."""

AT_ONCE = 16
"""How many connections to one host are kept for the next question."""

_NO_TLS_AT_ALL = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}
"""What OpenSSL, in its several versions, calls an answer in plain HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. Header names are lower-case; *body* is cut after `MOST_BYTES`."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing was said, because of *reason*; *what* is a sentence for the owner."""

    url: str
    reason: Literal["name", "refused", "tls", "timeout", "broken"]
    what: str


class Ask(Protocol):
    """How checks reach the outside."""

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None
    ) -> Answer | NoAnswer:
        """Send one request and return what came of it. Never raises for what the network or the server does."""
        ...


def ask(method: str, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None) -> Answer | NoAnswer:
    """Send one anonymous request; see `Ask`."""
    try:
        # Headers are shown as they are: an encoding would hide what the store really holds.
        sent = {"Accept-Encoding": "identity", **headers}
        with _pool(_proxy_for(url)).request(
            method, url, headers=sent, body=body, timeout=TIMEOUT, preload_content=False, redirect=False
        ) as response:
            told = b"" if method == "HEAD" else response.read(MOST_BYTES)
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(url, response.status, found, told)
    except HTTPError as problem:
        return _explained(url, problem)


@cache
def _pool(proxy: str | None) -> urllib3.PoolManager:
    # The machine's own list of authorities, which may hold a private one.
    trusted = ssl.create_default_context()
    options = {"retries": False, "ssl_context": trusted, "maxsize": AT_ONCE}
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for *url*, as the transfer's own requests use it."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _explained(url: str, problem: HTTPError) -> NoAnswer:
    cause = problem.reason if isinstance(problem, MaxRetryError) and problem.reason else problem
    host = urlsplit(url).netloc
    if isinstance(cause, NameResolutionError):
        return NoAnswer(url, "name", say("There is no host named {hostname!r}.", hostname=urlsplit(url).hostname))
    if isinstance(cause, SSLError) and _tls_reason(cause) in _NO_TLS_AT_ALL:
        return NoAnswer(url, "tls", say("{host} does not speak HTTPS.", host=host))
    if isinstance(cause, SSLError):
        return NoAnswer(
            url,
            "tls",
            say(
                "{host} did not show a certificate that can be trusted: {tls_reason}.",
                host=host,
                tls_reason=_tls_reason(cause),
            ),
        )
    if isinstance(cause, NewConnectionError):  # for urllib3 this is a kind of time-out, so it is asked about first
        return NoAnswer(url, "refused", say("{host} accepts no connection.", host=host))
    if isinstance(cause, ConnectTimeoutError | ReadTimeoutError):
        return NoAnswer(url, "timeout", say("{host} did not answer in time.", host=host))
    return NoAnswer(url, "broken", say("{host} broke off before its answer was complete.", host=host))


def _tls_reason(problem: Exception) -> str:
    cause = problem.args[0] if problem.args else problem
    return getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or say("the handshake failed")
