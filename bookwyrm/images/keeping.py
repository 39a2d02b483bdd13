"""Keep the storage in step with the rows: thumbnails of what they refer to, nothing of what they gave up."""

from __future__ import annotations

import logging

from django.apps import apps
from django.core.files.storage import Storage, default_storage

from external_storage.errors import ObjectMissing

from .fields import PictureField, picture_fields
from .sanitising import PictureRefused
from .thumbnails import derived_keys, make_thumbnail, measure, thumbnail_key, widths_for

logger = logging.getLogger(__name__)


def make_thumbnails(model_label: str, pk: int, field_name: str, *, again: bool = False) -> list[int]:
    """Store the thumbnails of one row's picture and record their widths in the row; return the widths.

    A thumbnail that is there already is made again only with *again*. A picture that was replaced meanwhile keeps none.
    """
    model = apps.get_model(model_label)
    instance = model._base_manager.filter(pk=pk).first()
    picture = getattr(instance, field_name) if instance else None
    if not picture:
        return []
    name, field = picture.name, picture.field
    try:
        with picture.storage.open(name) as file:
            data = file.read()
        width, height = measure(data)
        widths = widths_for(name, width)
        for narrower in widths:
            store_thumbnail(picture.storage, name, data, narrower, again=again)
    except (FileNotFoundError, ObjectMissing, PictureRefused) as problem:
        logger.warning("No thumbnails of %r, the %s of %s %s: %s", name, field_name, model_label, pk, problem)
        return []
    recorded = {f"{field.name}_widths": widths, f"{field.name}_width": width, f"{field.name}_height": height}
    if not model._base_manager.filter(pk=pk, **{field.name: name}).update(**recorded):
        remove_if_unused(name)
        return []
    return widths


def store_thumbnail(storage: Storage, name: str, data: bytes, width: int, *, again: bool = False) -> None:
    """Store one thumbnail of the picture *name*, whose bytes are *data*, under exactly the key it is looked for."""
    key = thumbnail_key(name, width)
    if again or not storage.exists(key):
        # `save` would choose another name if another worker has just stored this one.
        with storage.open(key, "wb") as file:
            file.write(make_thumbnail(data, width))


def is_used(name: str) -> bool:
    """Return whether any row of any model refers to the file *name*."""
    return any(field.model._base_manager.filter(**{field.name: name}).exists() for field in picture_fields())


def remove_if_unused(name: str) -> None:
    """Remove the picture *name* and everything made from it, unless a row refers to it."""
    if is_used(name):
        return
    for key in (name, *derived_keys(name)):
        default_storage.delete(key)


def all_pictures() -> list[tuple[PictureField, int]]:
    """Return (field, primary key) of every row that has a picture."""
    return [
        (field, pk)
        for field in picture_fields()
        for pk in field.model._base_manager.exclude(**{field.name: ""}).order_by("pk").values_list("pk", flat=True)
    ]
