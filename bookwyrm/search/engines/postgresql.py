"""The index on PostgreSQL: a tsvector with a GIN index, written and asked word by word.

The lexemes are given literally, so neither a text search configuration, nor the database's locale, nor the ``unaccent``
extension (which an ordinary user may not install) has a say in what is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from . import Candidate, Entry, may_be_a_beginning


def create(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        # No foreign key: Django empties tables with TRUNCATE, which refuses one that a table unknown to it refers to.
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bookwyrm_search ("
            "edition_id bigint PRIMARY KEY, title text NOT NULL, authors text NOT NULL, document tsvector NOT NULL)"
        )
        cursor.execute("CREATE INDEX IF NOT EXISTS bookwyrm_search_document ON bookwyrm_search USING gin (document)")


def drop(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bookwyrm_search")


def put(connection: BaseDatabaseWrapper, entries: Iterable[Entry]) -> None:
    rows = [(entry.edition_id, " ".join(entry.title), " ".join(entry.authors), _document(entry)) for entry in entries]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO bookwyrm_search (edition_id, title, authors, document) VALUES (%s, %s, %s, %s::tsvector) "
            "ON CONFLICT (edition_id) DO UPDATE SET "
            "title = EXCLUDED.title, authors = EXCLUDED.authors, document = EXCLUDED.document",
            rows,
        )


def remove(connection: BaseDatabaseWrapper, edition_ids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bookwyrm_search WHERE edition_id = ANY(%s)", [list(edition_ids)])


def remove_orphans(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM bookwyrm_search entry "
            "WHERE NOT EXISTS (SELECT FROM bookwyrm_edition WHERE id = entry.edition_id)"
        )


def size(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookwyrm_search")
        return cursor.fetchone()[0]


def settle(connection: BaseDatabaseWrapper) -> None:
    """Let the planner know the table, and merge the GIN index's list of pending entries."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bookwyrm_search")
        cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", ["bookwyrm_search_document"])


def candidates(connection: BaseDatabaseWrapper, asked: Sequence[str], limit: int, offset: int) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT edition_id, title, authors FROM bookwyrm_search WHERE document @@ %s::tsquery "
            "ORDER BY ts_rank(document, %s::tsquery, 1) DESC, edition_id LIMIT %s OFFSET %s",
            [_expression(asked), _expression(asked), limit, offset],
        )
        return [Candidate(row[0], row[1].split(), row[2].split()) for row in cursor.fetchall()]


def count(connection: BaseDatabaseWrapper, asked: Sequence[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookwyrm_search WHERE document @@ %s::tsquery", [_expression(asked)])
        return cursor.fetchone()[0]


def _document(entry: Entry) -> str:
    """The entry as a tsvector: each word with its place and its weight (A weighs most)."""
    weighed = [
        (word, weight)
        for words, weight in ((entry.title, "A"), (entry.isbns, "A"), (entry.authors, "B"), (entry.more, "C"))
        for word in words
    ]
    return " ".join(f"'{word}':{place}{weight}" for place, (word, weight) in enumerate(weighed, start=1))


def _expression(asked: Sequence[str]) -> str:
    quoted = [f"'{word}'" for word in asked]
    return " & ".join(quoted) + (":*" if may_be_a_beginning(asked[-1]) else "")
