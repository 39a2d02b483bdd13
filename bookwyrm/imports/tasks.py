"""What is done about imports in the background."""

from __future__ import annotations

from django_tasks import task

from . import bringing


@task()
def bring_archive(import_id: str) -> None:
    """Bring what one `Import` holds to its owner's account."""
    bringing.bring(import_id)
