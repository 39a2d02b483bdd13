"""What a move leaves in the database: where each alias stands, and what its other stores have not caught up with.

Nothing here is read or written through the ORM: see `external_storage.django.moving.database` for why, and
`moving.state`, `moving.marks` and `moving.ladder` for the doors to it.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AliasState(models.Model):
    """Where one alias stands on the ladder. No row: it was never moved, and is where the settings say."""

    alias = models.CharField(max_length=100, primary_key=True)
    identity = models.CharField(max_length=32)
    """A random id that the alias's stores hold too, so that another site's store is recognised."""
    epoch = models.BigIntegerField()
    step = models.CharField(max_length=20)
    active = models.CharField(max_length=100)
    standby = models.CharField(max_length=100, blank=True)
    retired = models.TextField(default="[]")
    """The names of the stores left behind and not yet purged, a JSON list."""
    since = models.FloatField()
    """When the step began, in seconds since 1970."""
    linked = models.CharField(max_length=100, blank=True, default="")
    """The store that links pointed at when they last pointed at one; "" if that was not written down."""

    class Meta:
        # What the admin calls the way to the page to watch it all on.
        verbose_name = _("storage")
        verbose_name_plural = _("storage")


class Mark(models.Model):
    """One key that the site touched and *target* has not caught up with; or a deletion, remembered after that."""

    alias = models.CharField(max_length=100)
    key = models.CharField(max_length=1024)
    target = models.CharField(max_length=100)
    holder = models.CharField(max_length=100)
    sequence = models.BigIntegerField()
    """Another number each time the key is touched, never one that was there before."""
    epoch = models.BigIntegerField()
    deleted = models.BooleanField()
    """Whether the key was deleted since *target* last held what the holder has; only then may it be deleted there."""
    made_at = models.FloatField()
    writing_until = models.FloatField(default=0)
    """Until then whoever made the mark may still be writing, and delivering would be too early."""
    claimed_until = models.FloatField(default=0)
    """Until then another drainer is at it."""
    attempts = models.IntegerField(default=0)
    next_try_at = models.FloatField(default=0)
    last_error = models.TextField(default="")
    delivered_at = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alias", "key", "target"], name="external_storage_one_mark"),
        ]
        indexes = [models.Index(fields=["alias", "delivered_at"], name="external_storage_open_marks")]


class ReservedName(models.Model):
    """A name somebody chose for a new file while the alias was being moved; nobody else may choose it."""

    alias = models.CharField(max_length=100)
    key = models.CharField(max_length=1024)
    reserved_at = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alias", "key"], name="external_storage_one_name"),
        ]


class Move(models.Model):
    """A move that somebody asked for, who carries it out, and how far it is. At most one for an alias."""

    alias = models.CharField(max_length=100, primary_key=True)
    target = models.CharField(max_length=100)
    options = models.TextField(default="{}")
    asked_by = models.CharField(max_length=200, default="")
    asked_at = models.FloatField()
    worker = models.CharField(max_length=200, default="")
    """The host and process that carries it out; empty while nobody does."""
    worker_since = models.FloatField(default=0)
    worker_seen = models.FloatField(default=0)
    """When that process last said that it is alive."""
    progress = models.TextField(default="{}")
    problem = models.TextField(default="")
    finished_at = models.FloatField(null=True)
