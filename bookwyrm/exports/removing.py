"""Take archives out of the private store: outdated ones, those of accounts that are gone, those that no row names."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from itertools import islice

from django.db import transaction
from django.db.models.signals import post_delete

from external_storage.django import conf
from external_storage.django.references import are_referred_to
from external_storage.errors import StorageError
from external_storage.objects import ObjectInfo

from ..imports.models import Import
from .models import ALIAS, Export

logger = logging.getLogger(__name__)

OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tar\.gz")
"""What archives are called. Nothing else in the store is ever touched."""

UNCLAIMED_SECONDS = 86_400.0
"""How old an archive without a row must be to be removed: a younger one may belong to a row that is not written yet."""

AT_ONCE = 500


def remove(store: str, key: str) -> None:
    """Remove one archive; that there is none is fine. Raise `StorageError` if it is not certain to be gone."""
    problem = conf.store_named(store).delete([key])[key]
    if problem is not None:
        raise problem


def remove_outdated() -> None:
    """Remove what is kept no longer, and give up what nobody is at any more. May run as often as you like.

    What cannot be removed now keeps its row and is tried again the next time; it can be downloaded no more.
    """
    Export.objects.give_up_silent()
    Import.objects.give_up_silent()
    for brought in Import.objects.with_a_needless_archive().iterator():
        if _is_gone(brought):
            Import.objects.filter(pk=brought.pk).update(archive="")
    for export in Export.objects.outdated().iterator():
        if _is_gone(export):
            export.delete()
    try:
        _remove_unclaimed()
    except StorageError as problem:
        logger.warning("Whether there are exports that belong to nobody could not be seen: %s", problem)


def _is_gone(row: Export | Import) -> bool:
    try:
        remove(row.store, row.archive.name)
    except StorageError as problem:
        logger.warning("The archive of %s %s could not be removed: %s", row._meta.verbose_name, row.pk, problem)
        return False
    return True


def _remove_unclaimed() -> None:
    """Remove archives that no row names: what a killed worker left, or a store that was away when an account went."""
    store = conf.store_named(conf.alias_named(ALIAS).active)
    for keys in _batches(info for info in store.list() if OURS.fullmatch(info.key) and _is_old(info)):
        unclaimed = sorted(set(keys) - are_referred_to(ALIAS, keys))
        for key, problem in store.delete(unclaimed).items():
            logger.warning("The archive %s belonged to nobody: %s", key, problem or "removed")


def _is_old(info: ObjectInfo) -> bool:
    return info.modified is not None and time.time() - info.modified > UNCLAIMED_SECONDS


def _batches(found: Iterator[ObjectInfo]) -> Iterator[list[str]]:
    while keys := [info.key for info in islice(found, AT_ONCE)]:
        yield keys


def connect() -> None:
    """From now on an archive goes with its row, and so with the account it is of."""
    for model in (Export, Import):
        post_delete.connect(_row_deleted, sender=model, dispatch_uid=f"bookwyrm.exports.removing.{model.__name__}")


def _row_deleted(instance: Export | Import, *, using: str, **kwargs) -> None:
    from . import tasks

    store, key = instance.store, instance.archive.name
    if key:
        # Robust: the account is gone by then. A queue that is away leaves an archive that nobody can ask for any more,
        # and that `remove_outdated` finds.
        transaction.on_commit(lambda: tasks.remove_archive.enqueue(store, key), using=using, robust=True)
