"""What is done about exports in the background."""

from __future__ import annotations

from django_tasks import task

from . import making, removing


@task()
def make_export(export: str) -> None:
    """Make the archive of one `Export`."""
    making.make(export)


@task()
def remove_archive(store: str, key: str) -> None:
    """Remove an archive whose row is gone."""
    removing.remove(store, key)


@task()
def remove_outdated_exports() -> None:
    """Remove archives that are kept no longer. Queued by `bookwyrm.operate.schedule`."""
    removing.remove_outdated()
