"""The one interface through which every place with books is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from .. import outbound
from .models import Connector
from .records import BookRecord, OutsideResult

READ_AT_MOST = 2 * 2**20


class CatalogueTrouble(Exception):
    """A catalogue answered, but not what it should; the message is for the person who searched."""


NOT_JSON = _("The catalogue answered something that could not be read.")
NO_SUCH_BOOK = _("The catalogue does not know this book.")
NOT_ITS_KEY = _("This is not a book of that catalogue.")

GetJson = Callable[[str], Any]


class Catalogue(Protocol):
    """One place with books. Each connector file has one, called ``Catalogue``, made from its record and a `GetJson`.

    Every method may raise `outbound.OutboundRefused`, `outbound.OutboundFailed` and `CatalogueTrouble`, and nothing
    else, whatever the other side sends. None touches the database, so that all can be asked side by side.
    """

    def __init__(self, connector: Connector, get: GetJson) -> None: ...

    def search(self, question: str) -> list[OutsideResult]:
        """Answer at most ten books for the words of *question*, best first."""

    def with_isbn(self, isbn: str) -> list[OutsideResult]:
        """Answer the books that have *isbn* (13 digits)."""

    def record(self, key: str) -> BookRecord:
        """Fetch what is needed to import the book that a search called *key*. A key of another place is refused."""


def catalogue_of(connector: Connector, seconds: float) -> Catalogue:
    """The catalogue that *connector* describes; all its requests together may take *seconds* from now."""
    return _module(connector).Catalogue(connector, json_within(seconds))


def covers_lead_to(connector: Connector) -> tuple[str, ...]:
    """Origins to which the addresses of the catalogue's covers redirect, where that is known."""
    return getattr(_module(connector), "COVERS_LEAD_TO", ())


def _module(connector: Connector) -> ModuleType:
    # Only ever one of our own files, whatever the database says.
    return import_module(f".{Connector.File(connector.connector_file)}", package=__package__)


def json_within(seconds: float) -> GetJson:
    end = time.monotonic() + seconds

    def get(url: str) -> Any:
        remaining = max(0.01, end - time.monotonic())
        response = outbound.fetch(
            url, timeout=remaining, max_bytes=READ_AT_MOST, accept="application/activity+json, application/json"
        )
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError) as error:
            raise CatalogueTrouble(NOT_JSON) from error

    return get
