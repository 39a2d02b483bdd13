"""Serve an alias's files from this machine while they live here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

from django.core.exceptions import SuspiciousFileOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, quote_etag
from django.views.decorators.http import require_safe

from ..errors import KeyRefused, ObjectMissing, SourceUnreadable
from ..objects import Headers, HoldBack, ObjectInfo
from ..stores import LocalStore, Source
from . import conf, names
from .uploads import FIRST_BYTES

CHUNK = 256 * 1024


@require_safe
def serve(request: HttpRequest, key: str, alias: str = "default") -> HttpResponseBase:
    """Answer with the file *key* of *alias* from the local store in use, or lead the way to where it is now.

    What the publishing rule holds back is "not found" here too; type and cache header are those the file would have in
    a bucket. HEAD and conditional requests are answered.
    """
    described = conf.alias_named(alias)
    folder = conf.store_settings(described.active)
    if not isinstance(folder, conf.LocalSettings):
        return _moved(described, folder, key)
    with ExitStack() as closing:
        try:
            source = closing.enter_context(LocalStore(folder.name, folder.root).open(names.checked(key)))
        except (ObjectMissing, KeyRefused, SourceUnreadable, SuspiciousFileOperation) as problem:
            raise Http404 from problem
        answer = described.rule(key, source.read(FIRST_BYTES))
        if isinstance(answer, HoldBack):
            raise Http404
        response = _response(request, source, answer.headers)
        if response.streaming:
            response._resource_closers.append(closing.pop_all().close)
        return response


def _moved(alias: conf.Alias, bucket: conf.BucketSettings, key: str) -> HttpResponseBase:
    """Keep links alive that were made before the files moved, in pages still open here and on other sites.

    For an hour, not for good: a permanent redirect would be cached for ever, and break the way back.
    """
    try:
        name = names.checked(key)
    except SuspiciousFileOperation as problem:
        raise Http404 from problem
    if isinstance(alias.rule(name, None), HoldBack):
        raise Http404
    response = HttpResponseRedirect(bucket.public_url + quote(name))
    response["Cache-Control"] = "public, max-age=3600"
    return response


def _response(request: HttpRequest, source: Source, headers: Headers) -> HttpResponseBase:
    etag, modified = quote_etag(source.info.etag or ""), int(source.info.modified or 0)
    response = get_conditional_response(request, etag=etag, last_modified=modified)
    if response is None and request.method == "HEAD":
        response = HttpResponse()
    elif response is None:
        source.restart()
        response = StreamingHttpResponse(_chunks(source))
    _describe(response, source.info, headers, etag)
    return response


def _describe(response: HttpResponseBase, info: ObjectInfo, headers: Headers, etag: str) -> None:
    if not isinstance(response, HttpResponseNotModified):
        response["Content-Length"] = str(info.size)
        response["Content-Type"] = headers.content_type
    if headers.cache_control:
        response["Cache-Control"] = headers.cache_control
    response["ETag"] = etag
    response["Last-Modified"] = http_date(info.modified or 0)
    # A browser that guesses types could read a picture as a page: https://fetch.spec.whatwg.org/#x-content-type-options-header
    response["X-Content-Type-Options"] = "nosniff"


def _chunks(source: Source) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk
