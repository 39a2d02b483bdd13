"""Give everyone the four shelves that every reader needs."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Shelf


def give_default_shelves(person) -> None:
    """Make the four shelves *person* does not have yet."""
    Shelf.objects.bulk_create(
        [Shelf(owner=person, identifier=identifier) for identifier, _ in Shelf.DEFAULTS], ignore_conflicts=True
    )


@receiver(post_save, sender=get_user_model(), dispatch_uid="give default shelves")
def _welcome(instance, created: bool, raw: bool, **kwargs) -> None:
    if created and not raw:
        give_default_shelves(instance)
