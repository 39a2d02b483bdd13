"""Serve an alias's files from the site's own address, wherever they live."""

from __future__ import annotations

from urllib.parse import quote

from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from ..errors import KeyRefused, ObjectMissing, SourceUnreadable, StorageError
from ..objects import HoldBack
from . import conf, live, names
from .moving import marks
from .moving.state import State, state_of
from .serving.answers import answer_with, in_trouble
from .serving.fetching import open_copy
from .serving.modes import leads_to
from .serving.sending import handed_over, internal_url_of


@require_safe
def serve(request: HttpRequest, key: str, alias: str = "default") -> HttpResponseBase:
    """Answer with the file *key* of *alias*, or lead the way to where it is: see `serving.modes`.

    What the publishing rule holds back, and all of a private alias, is "not found" everywhere; type and cache header
    are those the rule names. ``HEAD``, conditional requests and ranges are answered. A store in trouble is a 503.
    """
    described, state = conf.configured_alias(alias), state_of(alias)
    name = _public_name(described, key)
    elsewhere = leads_to(state, conf.serving_of(alias))
    # A store whose public address is the site's own would send visitors in a circle.
    if elsewhere and not request.build_absolute_uri(request.path).startswith(elsewhere):
        return _led_to(elsewhere + quote(name))
    return _from_any_store(request, described, state, name)


def _public_name(alias: conf.Alias, key: str) -> str:
    """Return *key* as a name in the stores. Raise `Http404` if nothing of that name may be public."""
    try:
        name = names.checked(key)
    except SuspiciousFileOperation as problem:
        raise Http404 from problem
    if alias.private or isinstance(alias.rule(name, None), HoldBack):
        raise Http404
    return name


def _led_to(url: str) -> HttpResponseBase:
    """Lead there for an hour, not for good: a permanent redirect would be kept for ever, and break the way back."""
    response = HttpResponseRedirect(url)
    response["Cache-Control"] = "public, max-age=3600"
    return response


def _from_any_store(request: HttpRequest, alias: conf.Alias, state: State, name: str) -> HttpResponseBase:
    """Answer from the store that has the file, or from the next one if that definitely lacks it."""
    tried: list[str] = []
    # Asked anew after each miss: what was deleted in between must not be found in another store.
    while store := next((each for each in marks.readable_in(state, name) if each not in tried), None):
        try:
            return _from_store(request, alias, store, name)
        except ObjectMissing:
            if state.is_moving and not _is_there(store):
                return in_trouble()  # a disk that is not mounted lacks nothing for certain
            tried.append(store)
        except (KeyRefused, SourceUnreadable) as problem:
            raise Http404 from problem
        except StorageError:
            return in_trouble()
    raise Http404


def _from_store(request: HttpRequest, alias: conf.Alias, store: str, name: str) -> HttpResponseBase:
    opened = open_copy(store, name)
    try:
        answer = alias.rule(name, opened.first_bytes)
        if isinstance(answer, HoldBack):
            raise Http404
        headers = {
            "Content-Type": answer.headers.content_type,
            "Cache-Control": answer.headers.cache_control or "no-cache",
        }
        if internal_url := internal_url_of(store):
            opened.close()
            return handed_over(internal_url, name, headers)
        return answer_with(request, opened, headers)
    except BaseException:
        opened.close()
        raise


def _is_there(store: str) -> bool:
    try:
        live.check_presence(store)
    except StorageError:
        return False
    return True
