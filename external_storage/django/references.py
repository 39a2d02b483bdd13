"""Which files the database refers to, whatever the site's models are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from django.apps import apps
from django.db import models

from ..objects import in_key_order
from ..stores.sorting import sorted_on_disk
from . import conf
from .backends import SiteStorage

CHUNK = 2000


@runtime_checkable
class TellsWhatIsMade(Protocol):
    """A file field whose rows tell which files should have been made from theirs.

    Of other fields every file is expected that ``DERIVED_KEYS`` names.
    """

    telling_columns: Sequence[str]
    """The columns of the row that tell."""

    def made_from(self, key: str, *told: Any) -> list[str]:
        """Return what should have been made from *key* by what those columns hold."""
        ...


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
        # Through `values_list` no instance is made, so no image is opened to find its size.
        yield from _rows_with_a_file(field).values_list(field.name, flat=True).iterator(chunk_size=CHUNK)


def _rows_with_a_file(field: models.FileField) -> models.QuerySet:
    return field.model._base_manager.exclude(**{field.name: ""}).exclude(**{f"{field.name}__isnull": True})


def are_referred_to(alias: str, keys: Sequence[str]) -> set[str]:
    """Return those of *keys* that a row refers to at this moment."""
    found: set[str] = set()
    for field in file_fields(alias):
        rows = field.model._base_manager.filter(**{f"{field.name}__in": keys})
        found.update(rows.values_list(field.name, flat=True))
    return found


@dataclass(frozen=True, slots=True)
class Reference:
    """What one row has to do with the file *key*: it refers to it, or to the file *made_from*, of which *key* is made.

    *is_expected* is false of what may be made from a file, and need not be: a small picture has no smaller version.
    """

    key: str
    model: str
    row: str
    field: str
    made_from: str = ""
    is_expected: bool = True

    def __str__(self) -> str:
        return f"{self.model} {self.row}, {self.field}"


def references_in_order(alias: str) -> Iterator[Reference]:
    """Yield what every row refers to, and what is or may be made from that, in key order; memory stays flat."""
    return sorted_on_disk(
        _references(alias),
        order=lambda reference: in_key_order(reference.key),
        packed=lambda reference: list(astuple(reference)),
        unpacked=lambda fields: Reference(*fields),
    )


def _references(alias: str) -> Iterator[Reference]:
    derived_keys = conf.configured_alias(alias).derived_keys
    for field in file_fields(alias):
        model = field.model._meta.label
        for row, key, *told in _told_by_rows(field):
            yield Reference(key, model, str(row), field.name)
            possible = derived_keys(key)
            expected = field.made_from(key, *told) if isinstance(field, TellsWhatIsMade) else possible
            for made in possible:
                yield Reference(made, model, str(row), field.name, made_from=key, is_expected=made in expected)


def _told_by_rows(field: models.FileField) -> Iterator[tuple[Any, ...]]:
    columns = field.telling_columns if isinstance(field, TellsWhatIsMade) else ()
    return _rows_with_a_file(field).values_list("pk", field.name, *columns).iterator(chunk_size=CHUNK)


class References:
    """The keys the database refers to, and those made from them, read at the first question."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @cached_property
    def originals(self) -> frozenset[str]:
        return frozenset(referenced_keys(self.alias))

    @cached_property
    def derived(self) -> frozenset[str]:
        """The keys of what may be made from those that rows refer to."""
        derived_keys = conf.alias_named(self.alias).derived_keys
        return frozenset(made for key in self.originals for made in derived_keys(key))

    def __contains__(self, key: str) -> bool:
        return key in self.originals or key in self.derived

    def __len__(self) -> int:
        return len(self.originals)
