from pathlib import Path

from django.apps import AppConfig, apps
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from ..sentences import also_in


class ExternalStorageConfig(AppConfig):
    name = "external_storage.django"
    label = "external_storage"
    verbose_name = _("External storage")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks

        register(checks.settings_are_sound)
        register(checks.collectstatic_is_ours)
        register(checks.secrets_are_kept)
        for app in apps.get_app_configs():
            also_in(Path(app.path) / "locale")
