from django.apps import AppConfig


class BookwyrmConfig(AppConfig):
    name = "bookwyrm"
    label = "bookwyrm"
    verbose_name = "BookWyrm"
    default_auto_field = "django.db.models.BigAutoField"
