"""What catalogues answer, in one shape, and how to read it out of JSON that strangers wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.utils.html import strip_tags

_PARAGRAPH_END = re.compile(r"</p>|<br\s*/?>", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")


@dataclass(frozen=True)
class OutsideResult:
    """One line of a search result. *key* is what the catalogue wants to hear when the book is fetched."""

    key: str
    title: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    cover: str | None = None
    view_link: str = ""
    confidence: float = 0.0


@dataclass(frozen=True)
class AuthorRecord:
    name: str
    origin: str = ""
    bio: str = ""
    born: int | None = None
    died: int | None = None


@dataclass(frozen=True)
class BookRecord:
    """An edition with its work and authors, as a catalogue describes them. An *origin* is a URL that stays."""

    title: str
    origin: str
    authors: tuple[AuthorRecord, ...] = ()
    work_title: str = ""
    work_origin: str = ""
    work_description: str = ""
    cover_url: str = ""
    isbn_13: str = ""
    isbn_10: str = ""
    published_year: int | None = None
    pages: int | None = None
    details: dict[str, str] = field(default_factory=dict)
    """Texts of the edition under the model's names: subtitle, series, description, publisher, language."""


# Readers: each answers its own type whatever it is given, so that one strange record hides no other.


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """*value* as plain text; a list or dict of texts gives its first, a number its digits."""
    if isinstance(value, list):
        value = next(iter(value), "")
    if isinstance(value, dict):
        value = value.get("value", "")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""


def as_prose(value: Any) -> str:
    """The same for a longer text, which some sites write in HTML: its mark-up goes, its paragraphs stay apart."""
    return unescape(strip_tags(_PARAGRAPH_END.sub("\n", as_text(value)))).replace("\x00", "").strip()


def as_texts(value: Any) -> list[str]:
    return [text for text in map(as_text, as_list(value)) if text]


def as_year(value: Any) -> int | None:
    """The year in ``1954``, ``"July 29, 1954"`` or ``["1954-07-29"]``; None where there is none."""
    match = _YEAR.search(as_text(value))
    return int(match[0]) if match else None


def as_count(value: Any) -> int | None:
    """A number of pages: a positive whole number, also when it is written as text."""
    text = as_text(value)
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:9]) < 100_000 and len(text) < 7 else None


def as_web_address(value: Any) -> str:
    """*value* if it is an ``http(s)://`` URL; anything else, ``javascript:`` above all, never becomes a link."""
    text = value if isinstance(value, str) else ""
    return text if text.startswith(("https://", "http://")) and not any(map(str.isspace, text)) else ""
