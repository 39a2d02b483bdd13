"""Keep and ask the index of words, in the way each database does it best.

An engine promises four things, on the connection it is given:

- ``create(connection)`` / ``drop(connection)`` make and remove the table; making it twice does no harm;
- ``put(connection, entries)`` writes entries, in place of older ones of the same editions;
- ``remove(connection, edition_ids)`` forgets editions;
- ``candidates(connection, asked, limit, offset)`` answers the entries that hold every asked word (of the last one, its
  beginning is enough), best first by the database's own measure; ``count`` how many there are.

The words come from `bookwyrm.search.words` and are letters and digits only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "bookwyrm_search"
SHORTEST_BEGINNING = 2
"""One typed letter is looked for as a whole word: as a beginning it would match every second book."""


@dataclass(frozen=True)
class Entry:
    """What is known of one edition, as folded words."""

    edition_id: int
    title: Sequence[str]
    authors: Sequence[str]
    more: Sequence[str]
    isbns: Sequence[str]


@dataclass(frozen=True)
class Candidate:
    edition_id: int
    title: Sequence[str]
    authors: Sequence[str]


def engine_of(connection: BaseDatabaseWrapper) -> ModuleType:
    from . import postgresql, sqlite

    engines = {"sqlite": sqlite, "postgresql": postgresql}
    if connection.vendor not in engines:
        raise ImproperlyConfigured(
            f"Search works on SQLite and PostgreSQL, but DATABASE_URL names {connection.vendor}."
        )
    return engines[connection.vendor]


def may_be_a_beginning(word: str) -> bool:
    return len(word) >= SHORTEST_BEGINNING or not word.isascii()
