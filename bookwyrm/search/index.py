"""Write books into the index of words."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import QuerySet

from ..books.models import Edition
from .engines import TABLE, Entry, engine_of
from .words import words

INDEXED_FIELDS = frozenset({"title", "subtitle", "series", "isbn_10", "isbn_13", "work", "work_id"})
BATCH = 1000


def reindex(editions: QuerySet[Edition] | None = None, *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Write *editions*, or all there are, into the index anew; answer how many were written.

    Searching and saving go on meanwhile: an old entry stays until the new one takes its place, and no lock is held
    for longer than one batch.
    """
    connection = connections[using]
    engine = engine_of(connection)
    wanted = Edition.objects.all() if editions is None else editions
    ordered = wanted.using(using).select_related("work").prefetch_related("work__authors").order_by("pk")
    written = last_id = 0
    while True:
        with transaction.atomic(using=using):
            batch = list(ordered.filter(pk__gt=last_id)[:BATCH])
            engine.put(connection, map(entry_of, batch))
        written += len(batch)
        if len(batch) < BATCH:
            break
        last_id = batch[-1].pk
    if editions is None:
        engine.remove_orphans(connection)
        engine.settle(connection)
    return written


def forget(edition_ids: Iterable[int], *, using: str = DEFAULT_DB_ALIAS) -> None:
    connection = connections[using]
    engine_of(connection).remove(connection, edition_ids)


def exists(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Say whether the index's table is there: it is not, on the way back to before its migration."""
    return TABLE in connections[using].introspection.table_names()


def is_complete(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Say whether the index has as many entries as there are editions."""
    connection = connections[using]
    return engine_of(connection).size(connection) == Edition.objects.using(using).count()


def entry_of(edition: Edition) -> Entry:
    title = words(edition.title)
    also = [] if edition.work.title == edition.title else words(edition.work.title)
    return Entry(
        edition_id=edition.pk,
        title=title,
        authors=[word for author in edition.work.authors.all() for word in words(author.name)],
        more=[*words(edition.subtitle), *words(edition.series), *also],
        isbns=[word for isbn in (edition.isbn_13, edition.isbn_10) for word in words(isbn)],
    )
