"""The index on SQLite: an FTS5 table whose row ids are the editions' ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from . import Candidate, Entry, may_be_a_beginning


def create(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        # Accents are folded before words come here. Beginnings of two and three letters, the costly ones to look for,
        # have an index of their own.
        cursor.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS bookwyrm_search USING fts5("
            "title, authors, more, isbns, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')"
        )
        # What a word weighs in each column.
        cursor.execute(
            "INSERT INTO bookwyrm_search (bookwyrm_search, rank) VALUES ('rank', 'bm25(10.0, 5.0, 2.0, 10.0)')"
        )


def drop(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bookwyrm_search")


def put(connection: BaseDatabaseWrapper, entries: Iterable[Entry]) -> None:
    rows = [
        (entry.edition_id, *(" ".join(words) for words in (entry.title, entry.authors, entry.more, entry.isbns)))
        for entry in entries
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT OR REPLACE INTO bookwyrm_search (rowid, title, authors, more, isbns) VALUES (%s, %s, %s, %s, %s)",
            rows,
        )


def remove(connection: BaseDatabaseWrapper, edition_ids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM bookwyrm_search WHERE rowid = %s", [(edition_id,) for edition_id in edition_ids]
        )


def remove_orphans(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bookwyrm_search WHERE rowid NOT IN (SELECT id FROM bookwyrm_edition)")


def size(connection: BaseDatabaseWrapper) -> int:
    # The shadow table with one row a document: counting the virtual table itself would read every text.
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookwyrm_search_docsize")
        return cursor.fetchone()[0]


def settle(connection: BaseDatabaseWrapper) -> None:
    """Merge what many writes left in pieces."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bookwyrm_search (bookwyrm_search) VALUES ('optimize')")


def candidates(connection: BaseDatabaseWrapper, asked: Sequence[str], limit: int, offset: int) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rowid, title, authors FROM bookwyrm_search WHERE bookwyrm_search MATCH %s "
            "ORDER BY rank LIMIT %s OFFSET %s",
            [_expression(asked), limit, offset],
        )
        return [Candidate(row[0], row[1].split(), row[2].split()) for row in cursor.fetchall()]


def count(connection: BaseDatabaseWrapper, asked: Sequence[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookwyrm_search WHERE bookwyrm_search MATCH %s", [_expression(asked)])
        return cursor.fetchone()[0]


def _expression(asked: Sequence[str]) -> str:
    quoted = [f'"{word}"' for word in asked]
    return " AND ".join(quoted) + ("*" if may_be_a_beginning(asked[-1]) else "")
