from django.apps import AppConfig


class BookwyrmConfig(AppConfig):
    name = "bookwyrm"
    label = "bookwyrm"
    verbose_name = "BookWyrm"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Connects the signal that gives a new account its shelves.
        from .books import cataloguing
        from .connectors import defaults as connectors
        from .exports import removing as exports
        from .search import keeping
        from .shelves import defaults  # noqa: F401

        cataloguing.connect()
        keeping.connect()
        connectors.connect()
        exports.connect()
