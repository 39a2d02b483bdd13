"""Serve an alias's files from this machine while they live here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
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

from ..errors import KeyRefused, ObjectMissing, SourceUnreadable, StorageError
from ..objects import Headers, HoldBack, ObjectInfo
from ..stores import LocalStore, Source
from . import conf, live, names
from .moving import marks
from .moving.state import Step, state_of
from .uploads import FIRST_BYTES

CHUNK = 256 * 1024


@require_safe
def serve(request: HttpRequest, key: str, alias: str = "default") -> HttpResponseBase:
    """Answer with the file *key* of *alias* from the folder in use, or lead the way to the bucket where it is now.

    While links point at the site itself, because the alias is being moved, the file is answered from whichever store
    has it. What the publishing rule holds back is "not found" everywhere; type and cache header are those the file
    would have in a bucket. HEAD and conditional requests are answered.
    """
    described, state = conf.configured_alias(alias), state_of(alias)
    try:
        name = names.checked(key)
    except SuspiciousFileOperation as problem:
        raise Http404 from problem
    active = conf.store_settings(state.active)
    if isinstance(active, conf.BucketSettings) and not state.links_to_the_site:
        return _moved(described, active, name)
    tried: list[str] = []
    # Asked anew after each miss: what was deleted in between must not be found in another store.
    while store := next((each for each in marks.readable_in(state, name) if each not in tried), None):
        settings = conf.store_settings(store)
        local = isinstance(settings, conf.LocalSettings)
        answer = (
            _from_folder(request, described, settings, name) if local else _carried(request, described, store, name)
        )
        if answer is not None:
            return answer
        if local and state.step is not Step.SETTLED and not settings.root.is_dir():
            return _in_trouble()  # a disk that is not mounted lacks nothing for certain
        tried.append(store)
    raise Http404


def _from_folder(
    request: HttpRequest, alias: conf.Alias, folder: conf.LocalSettings, name: str
) -> HttpResponseBase | None:
    """Answer with the file, or return None if the folder is there and lacks it."""
    with ExitStack() as closing:
        try:
            source = closing.enter_context(LocalStore(folder.name, folder.root).open(name))
        except ObjectMissing:
            return None
        except (KeyRefused, SourceUnreadable) as problem:
            raise Http404 from problem
        answer = alias.rule(name, source.read(FIRST_BYTES))
        if isinstance(answer, HoldBack):
            raise Http404
        response = _response(request, source, answer.headers)
        if response.streaming:
            response._resource_closers.append(closing.pop_all().close)
        return response


def _carried(request: HttpRequest, alias: conf.Alias, store: str, name: str) -> HttpResponseBase | None:
    """Fetch the file from a bucket and answer with it, or return None if the bucket lacks it.

    For the minutes in which it is not yet known whether strangers can read everything there.
    """
    try:
        with live.storage_named(store).open(name) as opened:
            content = opened.read()
    except FileNotFoundError:
        return None
    except StorageError:
        return _in_trouble()
    answer = alias.rule(name, content[:FIRST_BYTES])
    if isinstance(answer, HoldBack):
        raise Http404
    etag = quote_etag(sha256(content).hexdigest())
    response = get_conditional_response(request, etag=etag) or HttpResponse(content)
    if not isinstance(response, HttpResponseNotModified):
        response["Content-Type"] = answer.headers.content_type
    response["Cache-Control"] = answer.headers.cache_control or "no-cache"
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _in_trouble() -> HttpResponse:
    return HttpResponse(status=503, headers={"Retry-After": "5", "Cache-Control": "no-store"})


def _moved(alias: conf.Alias, bucket: conf.BucketSettings, name: str) -> HttpResponseBase:
    """Keep links alive that were made before the files moved, in pages still open here and on other sites.

    For an hour, not for good: a permanent redirect would be cached for ever, and break the way back.
    """
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
