"""Send one file of one store, to whom it may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ...errors import KeyRefused, ObjectMissing, StorageError
from .. import conf
from .answers import answer_with, in_trouble
from .fetching import is_here, open_file


def send_file(request: HttpRequest, store: str, key: str, headers: Mapping[str, str]) -> HttpResponseBase:
    """Answer with the file *key* of the store *store* and with these *headers*, whoever asks: that is for the caller.

    Ranges, conditions and ``HEAD`` are answered; nothing of it is kept on this machine. Raise `ObjectMissing` if the
    store lacks it. A store in trouble is a 503 that says nothing of why. Where the web server before the site finds the
    same folder (``INTERNAL_URL``), it is told to send the file.
    """
    try:
        opened = open_file(store, key)
    except (ObjectMissing, KeyRefused) as problem:
        raise ObjectMissing(f"There is no {key!r} in the store {store!r}.", key=key) from problem
    except StorageError:
        return in_trouble()
    if internal_url := internal_url_of(store):
        opened.close()
        return handed_over(internal_url, key, headers)
    return answer_with(request, opened, headers)


def internal_url_of(store: str) -> str:
    """Return where the web server before the site finds the files of *store*, "" if it does not."""
    return conf.store_settings(store).internal_url if is_here(store) else ""


def handed_over(internal_url: str, key: str, headers: Mapping[str, str]) -> HttpResponse:
    """Let the web server send the file: it is quicker at that, and answers ranges and conditions by itself."""
    response = HttpResponse(headers={**headers, "X-Accel-Redirect": internal_url + quote(key)})
    response["X-Content-Type-Options"] = "nosniff"
    return response
