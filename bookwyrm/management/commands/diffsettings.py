"""``diffsettings``: Django's own, which shows every setting that differs from Django's, and here no secret."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import diffsettings
from django.views.debug import get_default_exception_reporter_filter


class Command(diffsettings.Command):
    def output_hash(self, user_settings: dict[str, str], default_settings: dict[str, str], **options: Any) -> list[str]:
        return super().output_hash(_without_secrets(user_settings), default_settings, **options)

    def output_unified(
        self, user_settings: dict[str, str], default_settings: dict[str, str], **options: Any
    ) -> list[str]:
        return super().output_unified(_without_secrets(user_settings), default_settings, **options)


def _without_secrets(shown: dict[str, str]) -> dict[str, str]:
    """Return the settings as error pages show them."""
    safe = get_default_exception_reporter_filter().get_safe_settings()
    return {name: repr(safe[name]) if name in safe else text for name, text in shown.items()}
