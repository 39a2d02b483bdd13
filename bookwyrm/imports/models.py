"""Archives that people bring."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..exports.models import private_storage
from .refusals import Why

GIVEN_UP_AFTER = timedelta(hours=1)
"""When an import of which nothing was heard any more counts as failed, so that the archive may be brought again."""


class ImportQuerySet(models.QuerySet):
    def give_up_silent(self) -> int:
        silent = self.filter(status__in=Import.UNDER_WAY, heard_at__lt=timezone.now() - GIVEN_UP_AFTER)
        return silent.update(status=Import.Status.FAILED)

    def with_a_needless_archive(self) -> ImportQuerySet:
        return self.exclude(status__in=Import.UNDER_WAY).exclude(archive="")


class Import(models.Model):
    """An archive somebody brought, what became of it, and the archive itself for as long as it is being read."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("being read")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")

    UNDER_WAY = (Status.WAITING, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports", verbose_name=_("owner")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    why_refused = models.CharField(max_length=20, choices=Why.choices, blank=True)
    store = models.CharField(max_length=100)
    archive = models.FileField(storage=private_storage, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(_("asked for"), default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)

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

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY
