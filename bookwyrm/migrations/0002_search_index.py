"""Make the table in which books are searched; the end of ``migrate`` fills it (see ``bookwyrm.search.keeping``)."""

from django.db import migrations


def create(apps, schema_editor):
    from bookwyrm.search.engines import engine_of

    engine_of(schema_editor.connection).create(schema_editor.connection)


def drop(apps, schema_editor):
    from bookwyrm.search.engines import engine_of

    engine_of(schema_editor.connection).drop(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("bookwyrm", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
