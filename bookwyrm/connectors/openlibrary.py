"""Open Library: works are found, and one of their editions is imported. https://openlibrary.org/developers/api"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from ..books.isbn import isbn_13
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
    as_texts,
    as_web_address,
    as_year,
)

MOST_RESULTS = 10
MOST_AUTHORS = 10
MOST_MERGERS = 3
FIELDS = "key,title,author_name,first_publish_year,cover_i"
# The picture server answers many covers with a redirect to the archive behind it.
COVERS_LEAD_TO = ("https://archive.org", "https://*.archive.org")

_WORK = re.compile(r"/works/OL[0-9]+W")
_EDITION = re.compile(r"/books/OL[0-9]+M")
_AUTHOR = re.compile(r"/authors/OL[0-9]+A")


class Catalogue:
    def __init__(self, connector: Connector, get: GetJson) -> None:
        self.base_url = connector.base_url.rstrip("/")
        self.books_url = (connector.books_url or connector.base_url).rstrip("/")
        self.covers_url = (connector.covers_url or "https://covers.openlibrary.org").rstrip("/")
        self.search_url = connector.search_url or f"{self.base_url}/search.json?q="
        self.isbn_search_url = (
            connector.isbn_search_url or f"{self.base_url}/api/books?jscmd=data&format=json&bibkeys=ISBN:"
        )
        self.get = get

    def search(self, question: str) -> list[OutsideResult]:
        address = f"{self.search_url}{quote(question, safe='')}&fields={FIELDS}&limit={MOST_RESULTS}"
        found = as_list(as_dict(self.get(address)).get("docs"))
        results = [self._found_work(as_dict(item)) for item in found[:MOST_RESULTS]]
        return [result for result in results if result.title and _WORK.fullmatch(result.key)]

    def with_isbn(self, isbn: str) -> list[OutsideResult]:
        found = as_dict(self.get(self.isbn_search_url + isbn))
        results = [self._found_edition(as_dict(item)) for item in found.values()]
        return [result for result in results if result.title and _EDITION.fullmatch(result.key)]

    def record(self, key: str) -> BookRecord:
        if _WORK.fullmatch(key):
            work = self._read(key)
            return self._book(key, work, self._best_edition(_key(work) or key))
        if _EDITION.fullmatch(key):
            edition = self._read(key)
            work_key = next((found for found in _keys(edition.get("works")) if _WORK.fullmatch(found)), None)
            return self._book(key, self._read(work_key) if work_key else {}, edition)
        raise CatalogueTrouble(NOT_ITS_KEY)

    def _found_work(self, item: dict[str, Any]) -> OutsideResult:
        key = as_text(item.get("key"))
        return OutsideResult(
            key=key,
            title=as_text(item.get("title")),
            authors=tuple(as_texts(item.get("author_name"))),
            year=as_year(item.get("first_publish_year")),
            cover=self._cover(item.get("cover_i"), "M") or None,
            view_link=self.books_url + key,
        )

    def _found_edition(self, item: dict[str, Any]) -> OutsideResult:
        key = as_text(item.get("key"))
        return OutsideResult(
            key=key,
            title=as_text(item.get("title")),
            authors=tuple(as_texts([as_dict(author).get("name") for author in as_list(item.get("authors"))])),
            year=as_year(item.get("publish_date")),
            cover=as_web_address(as_dict(item.get("cover")).get("medium")) or None,
            view_link=self.books_url + key,
            confidence=1.0,
        )

    def _best_edition(self, work_key: str) -> dict[str, Any]:
        """The edition of a work that says most: one with a cover and an ISBN, if there is one."""
        editions = as_list(as_dict(self.get(f"{self.books_url}{work_key}/editions.json?limit=50")).get("entries"))
        known = [as_dict(edition) for edition in editions]
        return max(known, key=_worth, default={})

    def _book(self, asked_for: str, work: dict[str, Any], edition: dict[str, Any]) -> BookRecord:
        title = as_text(edition.get("title")) or as_text(work.get("title"))
        if not title:
            raise CatalogueTrouble(NO_SUCH_BOOK)
        long_form, short_form = as_text(edition.get("isbn_13")), as_text(edition.get("isbn_10"))
        covers = [*as_list(edition.get("covers")), *as_list(work.get("covers"))]
        return BookRecord(
            title=title,
            origin=self.books_url + (_key(edition) or _key(work) or asked_for),
            authors=self._authors(work, edition),
            work_title=as_text(work.get("title")),
            work_origin=self.books_url + _key(work) if _key(work) else "",
            work_description=as_prose(work.get("description")),
            cover_url=next((url for url in (self._cover(number, "L") for number in covers) if url), ""),
            isbn_13=isbn_13(long_form) or isbn_13(short_form) or "",
            isbn_10=short_form,
            published_year=as_year(edition.get("publish_date")) or as_year(work.get("first_publish_date")),
            pages=as_count(edition.get("number_of_pages")),
            details={
                "subtitle": as_text(edition.get("subtitle")),
                "series": as_text(edition.get("series")),
                "description": as_prose(edition.get("description")),
                "publisher": as_text(edition.get("publishers")),
                "language": next(iter(_keys(edition.get("languages"))), "").rpartition("/")[2],
            },
        )

    def _authors(self, work: dict[str, Any], edition: dict[str, Any]) -> tuple[AuthorRecord, ...]:
        of_work = _keys([as_dict(role).get("author") for role in as_list(work.get("authors"))])
        keys = [key for key in of_work or _keys(edition.get("authors")) if _AUTHOR.fullmatch(key)]
        return tuple(self._author(key) for key in keys[:MOST_AUTHORS])

    def _author(self, key: str) -> AuthorRecord:
        author = self._read(key)
        return AuthorRecord(
            name=as_text(author.get("name")),
            origin=self.books_url + key,
            bio=as_prose(author.get("bio")),
            born=as_year(author.get("birth_date")),
            died=as_year(author.get("death_date")),
        )

    def _read(self, key: str) -> dict[str, Any]:
        """The record of *key*, or of the one it was merged into."""
        for _merger in range(MOST_MERGERS):
            record = as_dict(self.get(f"{self.books_url}{key}.json"))
            if as_dict(record.get("type")).get("key") != "/type/redirect":
                return record
            key = as_text(record.get("location"))
            if not any(kind.fullmatch(key) for kind in (_WORK, _EDITION, _AUTHOR)):
                break
        raise CatalogueTrouble(NO_SUCH_BOOK)

    def _cover(self, number: Any, size: str) -> str:
        # Editions without a cover are listed with -1 or null.
        known = isinstance(number, int) and not isinstance(number, bool) and number > 0
        return f"{self.covers_url}/b/id/{number}-{size}.jpg" if known else ""


def _key(record: dict[str, Any]) -> str:
    """The key of a work's or an edition's record, "" if it is none."""
    key = as_text(record.get("key"))
    return key if _WORK.fullmatch(key) or _EDITION.fullmatch(key) else ""


def _keys(references: Any) -> list[str]:
    """The keys in ``[{"key": "/authors/OL1A"}, …]``; an author may also stand there as a bare key."""
    return [as_text(as_dict(item).get("key") or item) for item in as_list(references) if item]


def _worth(edition: dict[str, Any]) -> tuple[bool, bool, bool]:
    has_cover = any(isinstance(number, int) and number > 0 for number in as_list(edition.get("covers")))
    has_isbn = bool(as_texts(edition.get("isbn_13")) or as_texts(edition.get("isbn_10")))
    return (has_cover and has_isbn, has_isbn, has_cover)
