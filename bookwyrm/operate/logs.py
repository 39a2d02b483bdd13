"""Keep secrets out of what the site writes down."""

from __future__ import annotations

import logging
import re

from django.views.debug import SafeExceptionReporterFilter

HIDDEN = "[hidden]"


class SecretFreeFormatter(logging.Formatter):
    """Format a record like any formatter, then blot out every known secret, in tracebacks too."""

    def __init__(self, secrets: list[str] = ()) -> None:  # type: ignore[assignment]
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Longest first: a secret may be part of another. Very short values would blot out ordinary words.
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 6), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class SettingsWithoutSecrets(SafeExceptionReporterFilter):
    """Hide on error pages also what Django does not know to be secret: addresses that carry a password."""

    hidden_settings = re.compile(SafeExceptionReporterFilter.hidden_settings.pattern + "|_URL$|ENVIRONMENT", re.I)
