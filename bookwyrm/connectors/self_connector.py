"""This site itself: what its own search finds, in the words that other sites understand."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from .. import search
from ..books.models import Edition
from . import covers
from .catalogue import NOT_ITS_KEY, CatalogueTrouble, GetJson
from .models import Connector
from .records import BookRecord, OutsideResult

MOST_RESULTS = 10


class Catalogue:
    """The one catalogue that does use the database; it is never asked beside others."""

    def __init__(self, connector: Connector | None, get: GetJson | None = None) -> None:
        self.covers = covers.Covers(connector)

    def search(self, question: str) -> list[OutsideResult]:
        return self._results(search.find(question, limit=MOST_RESULTS))

    def with_isbn(self, isbn: str) -> list[OutsideResult]:
        return self._results(search.find_isbn(isbn)[:MOST_RESULTS])

    def record(self, key: str) -> BookRecord:
        """Refused: a book that is here already is not imported."""
        raise CatalogueTrouble(NOT_ITS_KEY)

    def _results(self, found: Iterable[tuple[Edition, float]]) -> list[OutsideResult]:
        return [self._result(edition, how_sure) for edition, how_sure in found]

    def _result(self, edition: Edition, how_sure: float) -> OutsideResult:
        address = settings.SITE_URL + edition.get_absolute_url().rstrip("/")
        return OutsideResult(
            key=address,
            title=edition.title,
            authors=tuple(author.name for author in edition.work.authors.all()),
            year=edition.published_year,
            cover=self.covers.address(edition) or None,
            view_link=address,
            confidence=how_sure,
        )
