"""Slow down whoever tries too often: passwords, accounts, uploads."""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Callable
from functools import wraps

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

Key = Callable[[HttpRequest], str]


def client_address(request: HttpRequest) -> str:
    """Return the visitor's address; for IPv6 the /64, which is what one household or server gets.

    A private REMOTE_ADDR is the proxy in front of this site, which appends the address it saw to X-Forwarded-For. What
    stands before the last entry was written by the visitor and proves nothing.
    """
    peer = _parsed(request.META.get("REMOTE_ADDR", ""))
    if peer is None or peer.is_private:
        peer = _parsed(request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, ipaddress.IPv6Address):
        peer = peer.ipv4_mapped or ipaddress.IPv6Network((peer, 64), strict=False).network_address
    return str(peer)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def posted(field: str) -> Key:
    """Return a key that is what the visitor typed into *field*: it limits tries on one account from many addresses."""
    return lambda request: request.POST.get(field, "").strip().casefold()


def signed_in_person(request: HttpRequest) -> str:
    return str(request.user.pk or client_address(request))


def limited(action: str, *, times: int, seconds: int, by: Key = client_address) -> Callable:
    """Let a view take at most *times* POSTs per key in each window of *seconds*; then answer 429 with Retry-After."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if request.method == "POST" and (wait := seconds_to_wait(f"{action}:{by(request)}", times, seconds)):
                response = render(request, "429.html", status=429)
                response["Retry-After"] = str(wait)
                return response
            return view(request, *args, **kwargs)

        return wrapper

    return decorate


def forgive(name: str, seconds: int) -> None:
    """Forget the tries under *name* in this window: whoever succeeded was not guessing."""
    cache.delete(_counter(name, seconds)[0])


def seconds_to_wait(name: str, times: int, seconds: int) -> int:
    """Count one more try under *name*; return 0 while it is allowed, else the seconds until the window ends."""
    counter, until_end = _counter(name, seconds)
    if cache.add(counter, 1, timeout=seconds):
        return 0
    try:
        tries = cache.incr(counter)
    except ValueError:
        # The window ended, or the tries were forgiven, between the two calls.
        return 0
    return until_end if tries > times else 0


def _counter(name: str, seconds: int) -> tuple[str, int]:
    """Return what counts the tries under *name* in this window, and the seconds until it ends."""
    window, since_begin = divmod(int(time.time()), seconds)
    # Hashed, because a name may be anything a visitor typed and a cache's key may not.
    return "limit:" + hashlib.sha256(f"{window}:{name}".encode()).hexdigest(), seconds - since_begin
