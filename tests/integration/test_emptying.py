"""What a test that commits leaves behind is gone before the next one, as if Django had flushed the database."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection

from bookwyrm.books.models import Edition, Work
from bookwyrm.connectors.models import Connector
from bookwyrm.search import index
from tests.emptying import KEPT, empty

pytestmark = pytest.mark.django_db(transaction=True)


def rows() -> dict[str, int]:
    """How many rows each table holds, the index of words among them."""
    names = sorted(connection.introspection.django_table_names(only_existing=True))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {name}" for name in [*names, index.TABLE]))
        return dict(cursor.fetchall())


def test_the_database_is_where_a_flush_brings_it():
    call_command("flush", interactive=False, verbosity=0)
    flushed = rows()
    assert all(flushed[name] for name in KEPT)
    Group.objects.create(name="readers").permissions.add(Permission.objects.first())
    Edition.objects.create(work=Work.objects.create(title="Emma"), title="Emma")
    Connector.objects.all().delete()
    assert rows() != flushed
    empty("default")
    assert rows() == flushed


@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_was_taken_from_the_tables_that_are_kept_is_back_for_the_next_test(turn):
    assert Permission.objects.exists()
    Permission.objects.all().delete()
