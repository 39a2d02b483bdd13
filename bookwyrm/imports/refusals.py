"""Why an archive is not read, in plain words for whoever brought it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Why(models.TextChoices):
    DAMAGED = "damaged", _("This is not a tar.gz archive, or it is damaged.")
    TOO_LARGE = "too large", _("The archive holds more than this site takes.")
    TOO_MANY = "too many", _("The archive has too many files in it.")
    NOT_A_FILE = "not a file", _("The archive has links or devices in it. Such archives are not read.")
    LEADS_OUT = "leads out", _("The archive has a file in it whose name leads out of it. Such archives are not read.")
    NO_PERSON = "no person", _("The archive does not say who it is of and which books they have.")


class ArchiveRefused(Exception):
    """The archive is not read, and nothing of it was kept."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(str(why))
