"""Inventaire: works are found by their Wikidata or own URI, editions by ISBN. https://api.inventaire.io/"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urljoin

from django.utils.translation import get_language

from .. import outbound
from ..books.isbn import isbn_10, isbn_13
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
    as_year,
)

MOST_RESULTS = 10
MOST_AUTHORS = 10
MOST_EDITIONS = 30
"""So many editions of a work are looked at to find the one to import."""

# Its properties are Wikidata's.
AUTHOR, EDITION_OF, TITLE, SUBTITLE = "wdt:P50", "wdt:P629", "wdt:P1476", "wdt:P1680"
PUBLISHED, PUBLISHER, PAGES, SERIES = "wdt:P577", "wdt:P123", "wdt:P1104", "wdt:P179"
ISBN_13, ISBN_10, COVER, BORN, DIED = "wdt:P212", "wdt:P957", "invp:P2", "wdt:P569", "wdt:P570"

_KEY = re.compile(r"wd:Q[0-9]+|inv:[0-9a-f]{32}|isbn:97[89][0-9]{10}")

Entity = dict[str, Any]


class Catalogue:
    def __init__(self, connector: Connector, get: GetJson) -> None:
        self.base_url = connector.base_url.rstrip("/")
        self.books_url = (connector.books_url or f"{self.base_url}/entity").rstrip("/")
        self.covers_url = (connector.covers_url or connector.base_url).rstrip("/")
        self.search_url = connector.search_url or f"{self.base_url}/api/search?types=works&limit={MOST_RESULTS}&search="
        self.isbn_search_url = connector.isbn_search_url or f"{self.base_url}/api/entities?action=by-uris&uris=isbn:"
        self.get = get

    def search(self, question: str) -> list[OutsideResult]:
        answer = as_dict(self.get(self.search_url + quote(question, safe="")))
        found = [as_dict(item) for item in as_list(answer.get("results"))[:MOST_RESULTS]]
        works = {key: item for item in found if _KEY.fullmatch(key := as_text(item.get("uri")))}
        described = self._described(works)
        results = [self._found(key, item, described) for key, item in works.items()]
        return [result for result in results if result.title]

    def with_isbn(self, isbn: str) -> list[OutsideResult]:
        editions = _entities(self.get(self.isbn_search_url + isbn))
        work_keys = [_claim(edition, EDITION_OF) for edition in editions.values()]
        described = self._described(work_keys)
        results = []
        for key, edition in editions.items():
            work = described.get(_claim(edition, EDITION_OF), {})
            authors = _labels(described, _claims(work, AUTHOR))
            results.append(
                OutsideResult(
                    key=key,
                    title=_claim(edition, TITLE) or _label(edition),
                    authors=tuple(authors),
                    year=as_year(_claim(edition, PUBLISHED)),
                    cover=self._cover(edition) or None,
                    view_link=f"{self.books_url}/{key}",
                    confidence=1.0,
                )
            )
        return [result for result in results if result.title and _KEY.fullmatch(result.key)]

    def record(self, key: str) -> BookRecord:
        if not _KEY.fullmatch(key):
            raise CatalogueTrouble(NOT_ITS_KEY)
        entity_key, entity = next(iter(self._read([key]).items()), (key, {}))
        if as_text(entity.get("type")) == "edition":
            work_key = _claim(entity, EDITION_OF)
            return self._book(work_key, self._read([work_key]).get(work_key, {}), entity_key, entity)
        edition_key, edition = self._best_edition(entity_key)
        return self._book(entity_key, entity, edition_key, edition)

    def _found(self, key: str, item: Entity, described: dict[str, Entity]) -> OutsideResult:
        work = described.get(key, {})
        score = item.get("_score")
        return OutsideResult(
            key=key,
            title=as_text(item.get("label")),
            authors=tuple(_labels(described, _claims(work, AUTHOR))),
            year=as_year(_claim(work, PUBLISHED)),
            cover=self._address_of(as_text(item.get("image"))) or None,
            view_link=f"{self.books_url}/{key}",
            confidence=float(score) if isinstance(score, int | float) else 0.0,
        )

    def _described(self, work_keys: Iterable[str]) -> dict[str, Entity]:
        """The works and, among them, their authors. A search names no author; without this answer it is still one."""
        try:
            return self._read(work_keys, relatives=AUTHOR)
        except (outbound.OutboundFailed, CatalogueTrouble):
            return {}

    def _best_edition(self, work_key: str) -> tuple[str, Entity]:
        """The edition of a work that says most: one with a cover and an ISBN, if there is one."""
        address = f"{self.base_url}/api/entities?action=reverse-claims&property={EDITION_OF}&value={work_key}"
        editions = self._read(as_texts(as_dict(self.get(address)).get("uris"))[:MOST_EDITIONS])
        return max(
            editions.items(),
            key=lambda found: (
                bool(self._cover(found[1])),
                found[0].startswith("isbn:"),
                bool(_claim(found[1], TITLE)),
            ),
            default=("", {}),
        )

    def _book(self, work_key: str, work: Entity, edition_key: str, edition: Entity) -> BookRecord:
        title = _claim(edition, TITLE) or _label(edition) or _label(work)
        if not title:
            raise CatalogueTrouble(NO_SUCH_BOOK)
        author_keys = _claims(work, AUTHOR)[:MOST_AUTHORS]
        publisher_key, series_key = _claim(edition, PUBLISHER), _claim(work, SERIES)
        beside = self._read([*author_keys, publisher_key, series_key])
        isbn = isbn_13(_claim(edition, ISBN_13)) or ""
        return BookRecord(
            title=title,
            origin=f"{self.books_url}/{edition_key or work_key}",
            authors=tuple(self._author(key, beside[key]) for key in author_keys if key in beside),
            work_title=_label(work),
            work_origin=f"{self.books_url}/{work_key}" if work else "",
            work_description=_description(work),
            cover_url=self._cover(edition) or self._cover(work),
            isbn_13=isbn,
            isbn_10=isbn_10(_claim(edition, ISBN_10)) or isbn_10(isbn) or "",
            published_year=as_year(_claim(edition, PUBLISHED)) or as_year(_claim(work, PUBLISHED)),
            pages=as_count(_claim(edition, PAGES)),
            details={
                "subtitle": _claim(edition, SUBTITLE),
                "publisher": _label(beside.get(publisher_key, {})),
                "series": _label(beside.get(series_key, {})),
            },
        )

    def _author(self, key: str, author: Entity) -> AuthorRecord:
        return AuthorRecord(
            name=_label(author),
            origin=f"{self.books_url}/{key}",
            bio=_description(author),
            born=as_year(_claim(author, BORN)),
            died=as_year(_claim(author, DIED)),
        )

    def _read(self, keys: Iterable[str], relatives: str = "") -> dict[str, Entity]:
        known = [key for key in dict.fromkeys(keys) if _KEY.fullmatch(key)]
        if not known:
            return {}
        address = f"{self.base_url}/api/entities?action=by-uris&uris={quote('|'.join(known), safe=':')}"
        return _entities(self.get(address + (f"&relatives={relatives}" if relatives else "")))

    def _cover(self, entity: Entity) -> str:
        address = as_text(as_dict(entity.get("image")).get("url"))
        digest = _claim(entity, COVER)
        return self._address_of(address or (f"/img/entities/{digest}" if digest else ""))

    def _address_of(self, image: str) -> str:
        """Where a picture is: Inventaire names its own by a path, others by a whole address."""
        address = urljoin(self.covers_url + "/", quote(image, safe=":/?&=%+,()'!*;@~")) if image else ""
        return address if address.startswith(("https://", "http://")) else ""


def _entities(answer: Any) -> dict[str, Entity]:
    """The entities of an answer; one that was merged into another also stands under its old URI."""
    found = {key: as_dict(entity) for key, entity in as_dict(as_dict(answer).get("entities")).items()}
    for old_key, new_key in as_dict(as_dict(answer).get("redirects")).items():
        if isinstance(new_key, str) and new_key in found:
            found.setdefault(old_key, found[new_key])
    return found


def _claims(entity: Entity, name: str) -> list[str]:
    return as_texts(as_dict(entity.get("claims")).get(name))


def _claim(entity: Entity, name: str) -> str:
    return next(iter(_claims(entity, name)), "")


def _label(entity: Entity) -> str:
    """The entity's name: as it is printed on an edition, else in the reader's language, else in any."""
    return as_text(_in_readers_language(as_dict(entity.get("labels"))))


def _labels(entities: dict[str, Entity], keys: Iterable[str]) -> list[str]:
    return [label for key in keys if (label := _label(entities.get(key, {})))]


def _description(entity: Entity) -> str:
    return as_prose(_in_readers_language(as_dict(entity.get("descriptions"))))


def _in_readers_language(texts: dict[str, Any]) -> Any:
    preferred = ("fromclaims", (get_language() or "en")[:2], "en")
    return next((texts[name] for name in preferred if texts.get(name)), None) or next(iter(texts.values()), "")
