"""What happens to a picture after the commit: its thumbnails are made, or its files are removed."""

from __future__ import annotations

from django_tasks import task

from . import keeping


@task()
def make_thumbnails(model: str, pk: int, field: str) -> None:
    """Make the missing thumbnails of one row's picture and record their widths."""
    keeping.make_thumbnails(model, pk, field)


@task()
def remove_picture(name: str) -> None:
    """Remove a picture and its thumbnails, unless a row refers to it."""
    keeping.remove_if_unused(name)
