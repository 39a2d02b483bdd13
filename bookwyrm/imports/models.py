"""Archives that people bring."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..exports.models import ArchiveWork, ArchiveWorkQuerySet
from .refusals import Why


class ImportQuerySet(ArchiveWorkQuerySet):
    def with_a_needless_archive(self) -> Self:
        return self.exclude(status__in=Import.UNDER_WAY).exclude(archive="")


class Import(ArchiveWork):
    """An archive somebody brought, what became of it, and the archive itself for as long as it is being read."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("being read")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports", verbose_name=_("owner")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    why_refused = models.CharField(max_length=20, choices=Why.choices, blank=True)
    store = models.CharField(max_length=100)
    left_out = models.PositiveIntegerField(default=0)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"], condition=Q(status__in=["waiting", "running"]), name="one_import_at_a_time"
            )
        ]
