"""The JSON that other sites read: a line of a search result, a book, an author."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Model

from ..books.models import Author, Edition
from ..connectors.records import OutsideResult
from ..images.urls import picture_url

CONTEXT = "https://www.w3.org/ns/activitystreams"


def address(instance: Model) -> str:
    """The address under which other sites know a book or an author; with ``.json`` it is the JSON's."""
    return settings.SITE_URL + instance.get_absolute_url().rstrip("/")


def result(found: OutsideResult) -> dict[str, Any]:
    return {
        "title": found.title,
        "key": found.key,
        "view_link": found.view_link,
        "author": ", ".join(found.authors),
        "year": found.year,
        "cover": found.cover,
        "confidence": found.confidence,
    }


def edition(book: Edition) -> dict[str, Any]:
    """*book* as an ActivityPub object. What is not known is left out, or null where readers expect the key."""
    cover = picture_url(book, "cover")
    return {
        "@context": CONTEXT,
        "id": address(book),
        "type": "Edition",
        "title": book.title,
        "subtitle": book.subtitle,
        "series": book.series,
        "description": book.description or book.work.description,
        "authors": [address(author) for author in book.work.authors.all()],
        "isbn10": book.isbn_10 or None,
        "isbn13": book.isbn_13 or None,
        "publishers": [book.publisher] if book.publisher else [],
        "languages": [book.language] if book.language else [],
        "pages": book.pages,
        "publishedDate": str(book.published_year) if book.published_year else None,
        "cover": {"type": "Document", "url": cover, "name": book.title} if cover else None,
    }


def author(person: Author) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": address(person),
        "type": "Author",
        "name": person.name,
        "bio": person.bio,
        "born": str(person.born) if person.born else None,
        "died": str(person.died) if person.died else None,
    }
