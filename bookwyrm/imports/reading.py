"""Understand the description in an archive, whoever wrote it: take what is of the right kind, and leave the rest.

The shape is that of BookWyrm's exports; see `bookwyrm.exports.describing`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..books.models import Edition
from ..shelves.models import Shelf
from .refusals import ArchiveRefused, Why

MOST_BYTES = 16 * 2**20
MOST_VALUES = 2_000_000
"""How many commas, brackets and braces a description may have. Each value takes far more memory than its text."""

MOST_BOOKS = 20_000
MOST_SHELVES = 200

# What BookWyrm calls the shelves that everyone has, where it does not say which they are.
_BY_NAME = {
    "to read": Shelf.TO_READ,
    "currently reading": Shelf.READING,
    "read": Shelf.READ,
    "stopped reading": Shelf.STOPPED,
}


@dataclass(frozen=True, slots=True)
class ShelfRecord:
    """A shelf: *identifier* of one of the four that everyone has, or else its *name*."""

    identifier: str
    name: str
    shelved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    title: str
    text: str
    rating: int | None
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class BookRecord:
    """*fields* are those of an `Edition`; *cover* is a name in the archive, "" if there is none."""

    origin: str
    fields: dict[str, Any]
    authors: tuple[str, ...]
    cover: str
    shelves: tuple[ShelfRecord, ...]
    reviews: tuple[ReviewRecord, ...]


@dataclass(frozen=True, slots=True)
class PersonRecord:
    name: str
    bio: str
    avatar: str
    shelves: tuple[ShelfRecord, ...]
    books: tuple[BookRecord, ...]
    not_understood: int


def read(data: bytes) -> PersonRecord:
    """Return what the description says. Raise `ArchiveRefused` if it is none."""
    found = _parsed(data)
    books = found.get("books")
    if not isinstance(books, list):
        raise ArchiveRefused(Why.NO_PERSON)
    if len(books) > MOST_BOOKS:
        raise ArchiveRefused(Why.TOO_MANY)
    understood = [book for book in map(_book, books) if book]
    return PersonRecord(
        name=_line(found.get("name"), 100),
        bio=_text(found, "summary", 2000),
        avatar=_picture(found.get("icon")),
        shelves=_shelves(found.get("shelves")),
        books=tuple(understood),
        not_understood=len(books) - len(understood),
    )


def _parsed(data: bytes) -> dict[str, Any]:
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ArchiveRefused(Why.TOO_LARGE)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise ArchiveRefused(Why.DAMAGED) from problem
    if not isinstance(found, dict):
        raise ArchiveRefused(Why.NO_PERSON)
    return found


def _book(found: Any) -> BookRecord | None:
    edition = _dictionary(found, "edition")
    title = _line(edition.get("title"), 500)
    if not title:
        return None
    authors = (_line(each.get("name"), 255) for each in _dictionaries(found.get("authors"), 50))
    fields = {
        "title": title,
        "subtitle": _line(edition.get("subtitle"), 500),
        "series": _line(edition.get("series"), 255),
        "description": _text(edition, "description", 20_000),
        "isbn_10": _line(edition.get("isbn10"), 20),
        "isbn_13": _line(edition.get("isbn13"), 20),
        "publisher": _line(_first(edition.get("publishers")), 255),
        "published_year": _year(edition.get("publishedDate")),
        "pages": _whole(edition.get("pages"), 1, 100_000),
        "language": _line(_first(edition.get("languages")), Edition._meta.get_field("language").max_length),
    }
    return BookRecord(
        origin=_line(edition.get("id"), 500),
        fields=fields,
        authors=tuple(filter(None, authors)),
        cover=_picture(edition.get("cover")),
        shelves=_shelves(found.get("shelves")),
        reviews=tuple(map(_review, _dictionaries(found.get("reviews"), 10))),
    )


def _shelves(found: Any) -> tuple[ShelfRecord, ...]:
    shelves = (_shelf(each) for each in _dictionaries(found, MOST_SHELVES))
    return tuple(shelf for shelf in shelves if shelf.identifier or shelf.name)


def _shelf(found: dict[str, Any]) -> ShelfRecord:
    name = _line(found.get("name"), 100)
    said = _line(found.get("identifier"), 100) or _line(found.get("id"), 500).rstrip("/").rpartition("/")[2]
    of_everyone = said if said in dict(Shelf.DEFAULTS) else _BY_NAME.get(name.casefold(), "")
    return ShelfRecord(of_everyone, name, _time(found.get("shelved")))


def _review(found: dict[str, Any]) -> ReviewRecord:
    rating = found.get("rating")
    if isinstance(rating, str):
        rating = _decimal(rating)
    stars = int(rating + 0.5) if isinstance(rating, int | float) and 0 < rating <= 5 else None
    return ReviewRecord(
        title=_line(found.get("name"), 200),
        text=_text(found, "content", 20_000),
        rating=max(1, stars) if stars is not None else None,
        written_at=_time(found.get("published")),
    )


# Values of the right kind


def _dictionary(found: Any, key: str) -> dict[str, Any]:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, dict) else {}


def _dictionaries(found: Any, most: int) -> list[dict[str, Any]]:
    return [each for each in found[:most] if isinstance(each, dict)] if isinstance(found, list) else []


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, list) and found else None


def _line(found: Any, most: int) -> str:
    """Return a text of one line, "" for what is none. Databases refuse a NUL, and half a surrogate pair."""
    if not isinstance(found, str):
        return ""
    return " ".join(_plain(found).split())[:most].strip()


def _text(found: dict[str, Any], key: str, most: int) -> str:
    """Return a text as it was written, if that is said; else what a browser would show of its HTML."""
    written = _dictionary(found, "source" if key == "content" else f"{key}Source")
    if written.get("mediaType") == "text/plain" and isinstance(written.get("content"), str):
        return _plain(written["content"])[:most].strip()
    html = found.get(key)
    return _plain(_shown(html[: 4 * most]))[:most].strip() if isinstance(html, str) else ""


def _plain(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _picture(found: Any) -> str:
    return _line(found.get("url"), 500) if isinstance(found, dict) else ""


def _whole(found: Any, least: int, most: int) -> int | None:
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return found if is_number and least <= found <= most else None


def _decimal(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _year(found: Any) -> int | None:
    text = _line(found, 40)[:4]
    return int(text) if len(text) == 4 and text.isascii() and text.isdigit() and text > "0000" else None


def _time(found: Any) -> datetime | None:
    """Return a time that can have been, None for any other."""
    try:
        time = parse_datetime(_line(found, 40))
        if time is None:
            return None
        time = time if timezone.is_aware(time) else time.replace(tzinfo=UTC)
        return time if datetime(1900, 1, 1, tzinfo=UTC) < time <= timezone.now() else None
    except (ValueError, OverflowError):
        return None


class _Shown(HTMLParser):
    """Gathers what a browser would show, with an empty line between paragraphs."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")
        self.text += {"br": "\n", "p": "\n\n"}.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def _shown(html: str) -> str:
    parser = _Shown()
    parser.feed(html)
    parser.close()
    return parser.text
