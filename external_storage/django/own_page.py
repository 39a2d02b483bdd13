"""Ask the site itself for a page, in this process: what it tells browsers can be known without a network."""

from __future__ import annotations

import io
import logging
import sys
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

NO_SUCH_PAGE = "/storage-doctor/no-such-page"
"""Every site answers it, with all its headers, and hardly any does more for it than say "not found"."""


def _is_of_a_visitor(record: logging.LogRecord) -> bool:
    return getattr(getattr(record, "request", None), "path_info", "") != NO_SUCH_PAGE


# Nobody needs to read in the log that our own page is not found.
logging.getLogger("django.request").addFilter(_is_of_a_visitor)


def headers_of_a_page(site_origin: str) -> dict[str, str]:
    """Return the headers (names in lower case) of a page as the site sends it to a visitor at *site_origin*."""
    parts = urlsplit(site_origin)
    told: dict[str, str] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        told.update((name.lower(), value) for name, value in headers)

    # The request must not close the connection that its caller works with.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        response = WSGIHandler()(_environment(parts.scheme, parts.hostname or "", parts.port), start_response)
        response.close()
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)
    return told


def _environment(scheme: str, host: str, port: int | None) -> dict[str, object]:
    usual = 443 if scheme == "https" else 80
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": NO_SUCH_PAGE,
        "QUERY_STRING": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or usual),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host if (port or usual) == usual else f"{host}:{port}",
        # A site behind a proxy learns the scheme from it, and would lead everything else to https.
        "HTTP_X_FORWARDED_PROTO": scheme,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": True,
    }
