"""Bring a book here from another catalogue: work, edition, authors, and later its cover."""

from __future__ import annotations

import zlib
from typing import TypeVar

from django.db import connection, models, transaction
from django.db.models import Q

from ..books.covers import ask_for_cover
from ..books.isbn import isbn_10, isbn_13
from ..books.models import Author, Edition, Work
from ..people.models import User
from .catalogue import catalogue_of
from .models import Connector
from .records import AuthorRecord, BookRecord

PATIENCE = 15.0

Row = TypeVar("Row", bound=models.Model)


def import_book(connector: Connector, key: str, added_by: User | None) -> Edition:
    """Answer the edition that *connector* calls *key*, after fetching and keeping it if it is not here yet.

    Records are known again by where they came from, an edition also by its ISBN, so importing twice makes one book.
    Raises what `catalogue.Catalogue` raises.
    """
    record = catalogue_of(connector, PATIENCE).record(key)
    with transaction.atomic():
        _one_at_a_time(record.origin)
        edition = _known_edition(record) or _new_edition(record, added_by)
        if record.cover_url and not edition.cover:
            ask_for_cover(edition, record.cover_url, added_by)
    return edition


def _known_edition(record: BookRecord) -> Edition | None:
    known = _known(Edition, record.origin)
    long_form = isbn_13(record.isbn_13) or isbn_13(record.isbn_10)
    if known or not long_form:
        return known
    with_isbn = Q(isbn_13=long_form) | Q(isbn_10=isbn_10(long_form) or long_form)
    return Edition.objects.filter(with_isbn).order_by("pk").first()


def _new_edition(record: BookRecord, added_by: User | None) -> Edition:
    long_form = isbn_13(record.isbn_13) or isbn_13(record.isbn_10) or ""
    return Edition.objects.create(
        work=_work(record),
        title=_cut(Edition, "title", record.title),
        origin=_cut(Edition, "origin", record.origin),
        isbn_13=long_form,
        isbn_10=(isbn_10(long_form) or "") if long_form else "",
        published_year=record.published_year,
        pages=record.pages,
        added_by=added_by,
        **{name: _cut(Edition, name, text) for name, text in record.details.items()},
    )


def _work(record: BookRecord) -> Work:
    known = _known(Work, record.work_origin)
    if known:
        return known
    work = Work.objects.create(
        title=_cut(Work, "title", record.work_title or record.title),
        origin=_cut(Work, "origin", record.work_origin),
        description=record.work_description,
    )
    work.authors.set([_author(author) for author in record.authors if author.name])
    return work


def _author(record: AuthorRecord) -> Author:
    return _known(Author, record.origin) or Author.objects.create(
        name=_cut(Author, "name", record.name),
        origin=_cut(Author, "origin", record.origin),
        bio=record.bio,
        born=record.born,
        died=record.died,
    )


def _known(model: type[Row], origin: str) -> Row | None:
    return (
        model._default_manager.filter(origin=_cut(model, "origin", origin)).order_by("pk").first() if origin else None
    )


def _cut(model: type[models.Model], name: str, text: str) -> str:
    return text[: model._meta.get_field(name).max_length]


def _one_at_a_time(origin: str) -> None:
    """Let two clicks on one book follow each other. SQLite has one writer at a time in any case."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x626F6F6B, zlib.crc32(origin.encode()) - 2**31])
