"""What people asked to take away of what they have here, and what that has in common with what they bring."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

ALIAS = "exports"
"""The storage alias of private files."""

GIVEN_UP_AFTER = timedelta(hours=1)
"""When a work of which nothing was heard any more counts as failed, so that its owner may ask again."""


def private_storage() -> Storage:
    return storages[ALIAS]


class ArchiveWorkQuerySet(models.QuerySet):
    def under_way(self) -> Self:
        return self.filter(status__in=self.model.UNDER_WAY)

    def silent(self) -> Self:
        """Return those under way of which nothing was heard for so long that nobody is at them any more."""
        return self.under_way().filter(heard_at__lt=timezone.now() - GIVEN_UP_AFTER)

    def give_up_silent(self) -> int:
        return self.silent().update(status=self.model.Status.FAILED)


class ArchiveWork(models.Model):
    """One archive of a person that a worker makes or reads, and how far that is.

    Each kind has its ``Status``, with WAITING and RUNNING, ``owner`` and ``store``, and one row at a time under way.
    """

    UNDER_WAY = ("waiting", "running")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    archive = models.FileField(storage=private_storage, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(_("asked for"), default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_under_way(self) -> bool:
        return self.status in self.UNDER_WAY


class ExportQuerySet(ArchiveWorkQuerySet):
    def outdated(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())


class Export(ArchiveWork):
    """One archive of what a person has here: asked for, made by a worker, kept for some days.

    ``archive`` is its name in the store ``store``: a uuid, and another one on each try. It is in no address. The store
    stays the one it was put into, whatever the settings say by now.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("being made")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports", verbose_name=_("owner")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    store = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    expires_at = models.DateTimeField(_("kept until"), null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"], condition=Q(status__in=["waiting", "running"]), name="one_export_at_a_time"
            )
        ]

    @property
    def is_ready(self) -> bool:
        """Whether it can be downloaded: made, and not outdated, whether or not it was removed by now."""
        return self.status == self.Status.READY and self.expires_at is not None and timezone.now() < self.expires_at
