from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("external_storage", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="aliasstate",
            name="linked",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
    ]
