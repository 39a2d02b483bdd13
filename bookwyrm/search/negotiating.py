"""Let one address answer people with a page and other sites with JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

View = Callable[..., HttpResponse]

JSON_TYPES = (
    "application/activity+json",
    'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    "application/json",
)


def or_as_json(page: View, as_json: View) -> View:
    """Answer with *as_json* where the request prefers JSON to HTML, else with *page*.

    Other sites follow the ``id`` of a book as it stands and say by ``Accept`` what they want.
    """

    @wraps(page)
    def view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        asks_for_json = request.method in ("GET", "HEAD") and _prefers_json(request)
        response = (as_json if asks_for_json else page)(request, *args, **kwargs)
        patch_vary_headers(response, ["Accept"])
        return response

    return view


def _prefers_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", *JSON_TYPES]) in JSON_TYPES
