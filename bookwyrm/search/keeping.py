"""Keep the index in step with every change made through the models."""

from __future__ import annotations

from typing import Any

from django.db import router
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save, pre_delete

from ..books.models import Author, Edition, Work
from .index import INDEXED_FIELDS, exists, forget, is_complete, reindex


def connect() -> None:
    """Listen to the models; called once, when the site is loaded."""
    post_save.connect(edition_saved, sender=Edition)
    post_delete.connect(edition_deleted, sender=Edition)
    post_save.connect(work_saved, sender=Work)
    post_save.connect(author_saved, sender=Author)
    pre_delete.connect(author_goes, sender=Author)
    post_delete.connect(author_gone, sender=Author)
    m2m_changed.connect(authorship_changed, sender=Work.authors.through)
    post_migrate.connect(migrated, dispatch_uid="bookwyrm.search")


def edition_saved(instance: Edition, using: str, update_fields: frozenset[str] | None = None, **_signal: Any) -> None:
    if update_fields is None or INDEXED_FIELDS & update_fields:
        reindex(Edition.objects.filter(pk=instance.pk), using=using)


def edition_deleted(instance: Edition, using: str, **_signal: Any) -> None:
    forget([instance.pk], using=using)


def work_saved(instance: Work, using: str, created: bool, **_signal: Any) -> None:
    if not created:
        reindex(Edition.objects.filter(work=instance), using=using)


def author_saved(instance: Author, using: str, created: bool, **_signal: Any) -> None:
    if not created:
        reindex(Edition.objects.filter(work__authors=instance), using=using)


def author_goes(instance: Author, using: str, **_signal: Any) -> None:
    # Once the author is deleted, nothing says any more which works were theirs.
    instance._works_left_behind = list(instance.works.using(using).values_list("pk", flat=True))


def author_gone(instance: Author, using: str, **_signal: Any) -> None:
    reindex(Edition.objects.filter(work__in=instance._works_left_behind), using=using)


def authorship_changed(
    instance: Work | Author, action: str, reverse: bool, pk_set: set[int] | None, using: str, **_signal: Any
) -> None:
    if action == "pre_clear" and reverse:
        author_goes(instance, using)
    elif action == "post_clear" and reverse:
        author_gone(instance, using)
    elif action in ("post_add", "post_remove", "post_clear"):
        works = pk_set if reverse else [instance.pk]
        reindex(Edition.objects.filter(work__in=works), using=using)


def migrated(using: str, **_signal: Any) -> None:
    """Catch up after rows came or went past the models: a restored copy, a data migration, an emptied database."""
    if router.allow_migrate_model(using, Edition) and exists(using) and not is_complete(using):
        reindex(using=using)
