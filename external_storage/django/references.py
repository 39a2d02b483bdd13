"""Which files the database refers to, whatever the site's models are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from django.apps import apps
from django.db import models

from . import conf
from .backends import SiteStorage


def file_fields(alias: str) -> Iterator[models.FileField]:
    """Yield every file field, of every model with a table of its own, whose files belong to *alias*."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.FileField) and belongs_to(field, alias):
                yield field


def belongs_to(field: models.FileField, alias: str) -> bool:
    """Return whether *field* keeps its files in the storage *alias*."""
    return isinstance(field.storage, SiteStorage) and field.storage.alias == alias


def referenced_keys(alias: str) -> Iterator[str]:
    """Yield every key of *alias* that a row refers to, straight from the database; one that many rows share, often."""
    for field in file_fields(alias):
        named = field.model._base_manager.exclude(**{field.name: ""}).exclude(**{f"{field.name}__isnull": True})
        # Through `values_list` no instance is made, so no image is opened to find its size.
        yield from named.values_list(field.name, flat=True).iterator(chunk_size=2000)


class References:
    """The keys the database refers to, and those made from them, read at the first question."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @cached_property
    def originals(self) -> frozenset[str]:
        return frozenset(referenced_keys(self.alias))

    @cached_property
    def derived(self) -> frozenset[str]:
        """The keys of what is made from those that rows refer to."""
        derived_keys = conf.alias_named(self.alias).derived_keys
        return frozenset(made for key in self.originals for made in derived_keys(key))

    def __contains__(self, key: str) -> bool:
        return key in self.originals or key in self.derived

    def __len__(self) -> int:
        return len(self.originals)
