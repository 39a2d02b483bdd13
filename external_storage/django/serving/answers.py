"""Answer a request with an opened file: the whole of it or the part asked for, or only that it is still the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, quote_etag

from ...errors import SourceChanged
from ...objects import ObjectInfo
from .opened import CHUNK, OpenedFile
from .ranges import Part, part_asked_for, still_holds

TRY_AGAIN_SECONDS = 5
"""When a visitor may come again to whom a store in trouble had nothing to give."""


def answer_with(request: HttpRequest, opened: OpenedFile, headers: Mapping[str, str]) -> HttpResponseBase:
    """Answer *request* with *opened*, which is closed with the answer, and with *headers* as they are.

    ``HEAD``, conditions (``If-None-Match``, ``If-Modified-Since``, …) and one range are answered as RFC 9110 wants.
    """
    response = _answer(request, opened)
    for name, value in headers.items():
        if name != "Content-Type" or not isinstance(response, HttpResponseNotModified):
            response[name] = value
    # A browser that guesses types could read a picture as a page: https://fetch.spec.whatwg.org/#x-content-type-options-header
    response["X-Content-Type-Options"] = "nosniff"
    response._resource_closers.append(opened.close)
    if not response.streaming:
        opened.close()
    return response


def in_trouble() -> HttpResponse:
    """Say that the store could not answer, and nothing of why."""
    return HttpResponse(status=503, headers={"Retry-After": str(TRY_AGAIN_SECONDS), "Cache-Control": "no-store"})


def etag_of(info: ObjectInfo) -> str:
    """Return the quoted ETag of the version that *info* describes, "" where the store tells none from another.

    By its digest where that is known, so that a file has the same on every store that tells it.
    """
    version = info.md5 or info.recorded_md5 or info.etag
    if not version and info.modified is not None:
        version = f"{info.size:x}-{int(info.modified * 1000):x}"
    return quote_etag(version) if version else ""


def _answer(request: HttpRequest, opened: OpenedFile) -> HttpResponseBase:
    info, etag = opened.info, etag_of(opened.info)
    modified = None if info.modified is None else int(info.modified)
    response = get_conditional_response(request, etag=etag or None, last_modified=modified)
    if response is None:
        part = _part(request, info.size, etag, modified)
        response = _part_of(opened, part or Part(0, info.size, info.size), is_asked_for=request.method == "GET")
        response.status_code = 200 if part is None else 206 if part.length else 416
        if part:
            response["Content-Range"] = part.content_range
        response["Accept-Ranges"] = "bytes"
    if etag:
        response["ETag"] = etag
    if modified is not None:
        response["Last-Modified"] = http_date(modified)
    return response


def _part(request: HttpRequest, size: int, etag: str, modified: int | None) -> Part | None:
    wanted, condition = request.headers.get("Range"), request.headers.get("If-Range")
    if request.method != "GET" or not wanted or (condition and not still_holds(condition, etag, modified)):
        return None
    return part_asked_for(wanted, size)


def _part_of(opened: OpenedFile, part: Part, *, is_asked_for: bool) -> HttpResponseBase:
    if not is_asked_for or not part.length:
        response: HttpResponseBase = HttpResponse()
    else:
        opened.seek(part.start)
        response = StreamingHttpResponse(_chunks(opened, part.length))
    response["Content-Length"] = str(part.length)
    return response


def _chunks(opened: OpenedFile, left: int) -> Iterator[bytes]:
    """Yield *left* bytes. Raise rather than end early: what was promised cannot be taken back, only broken off."""
    while left:
        chunk = opened.read(min(CHUNK, left))
        if not chunk:
            raise SourceChanged(f"{opened.info.key!r} ended early.", key=opened.info.key)
        left -= len(chunk)
        yield chunk
