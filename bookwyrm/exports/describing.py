"""Say in JSON what a person has here, in the shape that BookWyrm's own exports have, so that either site reads either.

The shape is ActivityPub's: a person with ``books``, each with its ``edition``, ``work``, ``authors``, ``shelves`` and
``reviews``. Texts stand there as HTML, and beside it (``source``) as they were written.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.html import escape, linebreaks

from ..books.models import Edition
from ..images.urls import absolute
from ..people.models import User
from ..shelves.models import Review, ShelvedBook

AT_ONCE = 200
"""How many books are fetched with one question."""


def editions_of(person: User) -> QuerySet[Edition]:
    """Return every edition that is on one of the person's shelves, or that they reviewed, each once."""
    shelved = ShelvedBook.objects.filter(shelf__owner=person).values("edition")
    reviewed = Review.objects.filter(author=person).values("edition")
    return Edition.objects.filter(Q(pk__in=shelved) | Q(pk__in=reviewed)).order_by("pk")


def cover_in_archive(name: str) -> str:
    """Return where a cover lies in the archive; the person's own picture lies there under its own name."""
    return f"images/{name}"


def as_json(person: User, pictures: Container[str]) -> Iterator[str]:
    """Yield the JSON text in pieces, a book each; it names those *pictures* only, which the archive has."""
    about = json.dumps(_person(person, pictures), ensure_ascii=False)
    yield about.removesuffix("}") + ', "books": ['
    for place, book in enumerate(_books(person, pictures)):
        yield (", " if place else "") + json.dumps(book, ensure_ascii=False)
    yield "]}"


def _person(person: User, pictures: Container[str]) -> dict[str, Any]:
    avatar = person.avatar.name
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": absolute(person.get_absolute_url()),
        "type": "Person",
        "preferredUsername": person.username,
        "name": person.display_name,
        **_text("summary", person.bio),
        "email": person.email,
        "published": person.date_joined.isoformat(),
        "icon": {"type": "Image", "url": avatar} if avatar in pictures else {},
        "shelves": [
            {"type": "Shelf", "id": absolute(shelf.get_absolute_url()), "identifier": shelf.identifier}
            | {"name": str(shelf.shown_name), "published": shelf.created_at.isoformat()}
            for shelf in person.shelves.select_related("owner")
        ],
        # What this site does not know, and a site that does wants to find.
        **{name: [] for name in ("goals", "saved_lists", "follows", "blocks")},
        "settings": {},
    }


def _books(person: User, pictures: Container[str]) -> Iterator[dict[str, Any]]:
    shelved = ShelvedBook.objects.filter(shelf__owner=person).select_related("shelf__owner")
    editions = (
        editions_of(person)
        .select_related("work")
        .prefetch_related(
            "work__authors",
            Prefetch("shelved", shelved, to_attr="on_own_shelves"),
            Prefetch("reviews", Review.objects.filter(author=person), to_attr="own_reviews"),
        )
    )
    for edition in editions.iterator(chunk_size=AT_ONCE):
        authors = list(edition.work.authors.all())
        yield {
            "work": {
                "id": f"{absolute(edition.get_absolute_url())}#work",
                "type": "Work",
                "title": edition.work.title,
                **_text("description", edition.work.description),
            },
            "edition": _edition(edition, pictures),
            "authors": [
                {"id": absolute(author.get_absolute_url()), "type": "Author", "name": author.name}
                | {"bio": author.bio, "born": author.born, "died": author.died}
                for author in authors
            ],
            "shelves": [
                {
                    "type": "Shelf",
                    "id": absolute(each.shelf.get_absolute_url()),
                    "identifier": each.shelf.identifier,
                    "name": str(each.shelf.shown_name),
                    "shelved": each.shelved_at.isoformat(),
                }
                for each in edition.on_own_shelves
            ],
            "reviews": [_review(each, edition) for each in edition.own_reviews],
            **{name: [] for name in ("lists", "comments", "quotations", "readthroughs")},
        }


def _edition(edition: Edition, pictures: Container[str]) -> dict[str, Any]:
    cover = cover_in_archive(edition.cover.name) if edition.cover else ""
    return {
        "id": absolute(edition.get_absolute_url()),
        "type": "Edition",
        "title": edition.title,
        "subtitle": edition.subtitle,
        "series": edition.series,
        **_text("description", edition.description),
        "isbn10": edition.isbn_10,
        "isbn13": edition.isbn_13,
        "publishers": [edition.publisher] if edition.publisher else [],
        "publishedDate": str(edition.published_year or ""),
        "pages": edition.pages,
        "languages": [edition.language] if edition.language else [],
        "origin": edition.origin,
        "cover": {"type": "Image", "url": cover} if cover in pictures else {},
    }


def _review(review: Review, edition: Edition) -> dict[str, Any]:
    book = absolute(reverse("book", args=[edition.pk]))
    return {
        "id": f"{book}#review-{review.pk}",
        "type": "Review",
        "inReplyToBook": book,
        "name": review.title,
        "rating": review.rating,
        **_text("content", review.text),
        "published": review.created_at.isoformat(),
        "updated": review.edited_at.isoformat(),
    }


def _text(name: str, text: str) -> dict[str, Any]:
    """Return *text* as HTML under *name*, and as it was written beside it (ActivityStreams, ``source``)."""
    if not text:
        return {name: ""}
    sources = "source" if name == "content" else f"{name}Source"
    return {name: linebreaks(escape(text)), sources: {"content": text, "mediaType": "text/plain"}}
