"""Empty the database after a test that commits: what Django's `flush` leaves, at a tenth of its price.

`flush` empties every table and has the content types and the permissions made anew, row by row, once for each app.
Here only tables that hold something are emptied, and those two are left as long as they are what they were.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connections, transaction
from django.test import TransactionTestCase

from bookwyrm.connectors import defaults
from bookwyrm.search import keeping

KEPT = ("django_content_type", "auth_permission")

_flush = TransactionTestCase._fixture_teardown
_kept: dict[str, list[tuple]] = {}


def empty_instead_of_flushing() -> None:
    """Let every test case that commits end with `empty`; called when the database has just been made."""
    TransactionTestCase._fixture_teardown = _empty_each
    _remember(connections)


def _empty_each(case: TransactionTestCase) -> None:
    aliases = case._databases_names(include_mirrors=False)
    is_plain = case.available_apps is None and not case.serialized_rollback
    if is_plain and all(_rows_kept(alias) == _kept[alias] for alias in aliases):
        for alias in aliases:
            empty(alias)
    else:
        _flush(case)
        _remember(aliases)


def _remember(aliases: Iterable[str]) -> None:
    _kept.update({alias: _rows_kept(alias) for alias in aliases})


def _rows_kept(alias: str) -> list[tuple]:
    """Return what tells whether somebody touched the tables of `KEPT`."""
    with connections[alias].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT COUNT(*), MIN(id), MAX(id) FROM {name}" for name in KEPT))
        return cursor.fetchall()


def empty(alias: str) -> None:
    """Bring the database to where a flush would, but for the tables of `KEPT`."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - set(KEPT)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        asked = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in tables)
        cursor.execute(" UNION ALL ".join(asked))
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quote(name)}")
    # What the site itself does after a flush, once instead of once for each app.
    defaults.migrated(alias)
    keeping.migrated(alias)
