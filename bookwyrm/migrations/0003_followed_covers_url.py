"""Let the own connector remember the last address that was the site's own when it was saved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookwyrm", "0002_search_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="connector",
            name="followed_url",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=255),
        ),
    ]
