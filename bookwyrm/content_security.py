"""Tell browsers where the pages of this site may load things from: the site, and the stores in use; nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from external_storage.django.conf import public_hosts, public_urls_in_use


class ContentSecurityPolicy:
    """Add the policy to every answer that has none of its own.

    The hosts are asked for at each answer, because a move changes them while the site runs; that is a look at the
    configuration in memory, not a request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(
            "Content-Security-Policy", policy(public_hosts(), public_urls_in_use("staticfiles"))
        )
        return response


def policy_with_pictures_from(elsewhere: Iterable[str]) -> str:
    """Return the header's value for a page that also shows pictures from the origins *elsewhere*, and nothing more."""
    return policy(public_hosts(), public_urls_in_use("staticfiles"), pictures_from=elsewhere)


def policy(hosts: list[str], static_urls: Iterable[str], *, pictures_from: Iterable[str] = ()) -> str:
    """Return the header's value for a site whose files come from *hosts* (origins such as ``https://media.test``).

    What runs or styles a page comes from below *static_urls* alone: people's uploads lie on the same hosts, and nothing
    among them shall ever be taken for a script.
    """
    ours = " ".join(["'self'", *hosts])
    static = " ".join(["'self'", *(url for url in static_urls if urlsplit(url).netloc)])
    directives = {
        "default-src": "'none'",
        "script-src": static,
        "style-src": static,
        "font-src": static,
        # data: is what browsers and the admin use for small icons inside style sheets.
        "img-src": " ".join([ours, *pictures_from, "data:"]),
        "manifest-src": ours,
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())
