from django.db import migrations


class Migration(migrations.Migration):
    """The admin calls it by what people look for."""

    dependencies = [("external_storage", "0002_the_store_links_came_from")]

    operations = [
        migrations.AlterModelOptions(
            name="aliasstate",
            options={"verbose_name": "storage", "verbose_name_plural": "storage"},
        ),
    ]
