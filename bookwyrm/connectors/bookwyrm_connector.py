"""Another BookWyrm site, asked at its ``/search.json`` and ``/isbn/<isbn>.json``."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from .catalogue import NO_SUCH_BOOK, NOT_ITS_KEY, CatalogueTrouble, GetJson
from .models import Connector
from .records import (
    AuthorRecord,
    BookRecord,
    OutsideResult,
    as_count,
    as_dict,
    as_list,
    as_prose,
    as_text,
    as_web_address,
    as_year,
)

MOST_RESULTS = 10
MOST_AUTHORS = 10


class Catalogue:
    def __init__(self, connector: Connector, get: GetJson) -> None:
        self.base_url = connector.base_url.rstrip("/")
        self.search_url = connector.search_url or f"{self.base_url}/search.json?q="
        self.isbn_search_url = connector.isbn_search_url or f"{self.base_url}/isbn/"
        self.get = get

    def search(self, question: str) -> list[OutsideResult]:
        return self._results(self.get(self.search_url + quote(question, safe="")))

    def with_isbn(self, isbn: str) -> list[OutsideResult]:
        return self._results(self.get(f"{self.isbn_search_url}{isbn}.json"))

    def record(self, key: str) -> BookRecord:
        edition = as_dict(self.get(self._json_address(key)))
        # A site may answer a work (it has editions) where it was asked for a book.
        if edition.get("type") == "Work":
            first = next(iter(as_list(edition.get("editions"))), "")
            edition = as_dict(self.get(self._json_address(as_text(first))))
        if not as_text(edition.get("title")):
            raise CatalogueTrouble(NO_SUCH_BOOK)
        return self._book(edition, origin=key)

    def _results(self, answer: Any) -> list[OutsideResult]:
        results = [self._result(as_dict(item)) for item in as_list(answer)[:MOST_RESULTS]]
        return [result for result in results if result.title and self._is_ours(result.key)]

    def _result(self, item: dict[str, Any]) -> OutsideResult:
        author = as_text(item.get("author"))
        certainty = item.get("confidence")
        return OutsideResult(
            key=as_text(item.get("key")),
            title=as_text(item.get("title")),
            authors=(author,) if author else (),
            year=as_year(item.get("year")),
            cover=as_web_address(item.get("cover")) or None,
            view_link=as_web_address(item.get("view_link")) or as_web_address(item.get("key")),
            confidence=float(certainty) if isinstance(certainty, int | float) else 0.0,
        )

    def _book(self, edition: dict[str, Any], origin: str) -> BookRecord:
        return BookRecord(
            title=as_text(edition.get("title")),
            origin=self._own_address(edition.get("id")) or origin,
            authors=tuple(self._author(address) for address in as_list(edition.get("authors"))[:MOST_AUTHORS]),
            work_origin=self._own_address(edition.get("work")),
            cover_url=as_web_address(as_dict(edition.get("cover")).get("url")),
            isbn_13=as_text(edition.get("isbn13")),
            isbn_10=as_text(edition.get("isbn10")),
            published_year=as_year(edition.get("publishedDate")) or as_year(edition.get("firstPublishedDate")),
            pages=as_count(edition.get("pages")),
            details={
                "subtitle": as_text(edition.get("subtitle")),
                "series": as_text(edition.get("series")),
                "description": as_prose(edition.get("description")),
                "publisher": as_text(edition.get("publishers")),
                "language": as_text(edition.get("languages")),
            },
        )

    def _author(self, address: Any) -> AuthorRecord:
        author = as_dict(self.get(self._json_address(as_text(address))))
        return AuthorRecord(
            name=as_text(author.get("name")),
            origin=self._own_address(author.get("id")) or as_text(address),
            bio=as_prose(author.get("bio")),
            born=as_year(author.get("born")),
            died=as_year(author.get("died")),
        )

    def _json_address(self, key: str) -> str:
        if not self._is_ours(key):
            raise CatalogueTrouble(NOT_ITS_KEY)
        return key if key.endswith(".json") else key.rstrip("/") + ".json"

    def _own_address(self, address: Any) -> str:
        """*address* if it is the site's own: it may not give its records the origin of another catalogue's."""
        text = as_web_address(address)
        return text if self._is_ours(text) else ""

    def _is_ours(self, key: str) -> bool:
        """Say whether *key* is an address on the site itself: a search must not send us anywhere else."""
        return urlsplit(key)[:2] == urlsplit(self.base_url)[:2]
