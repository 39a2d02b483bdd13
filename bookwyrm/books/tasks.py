"""What is done about books in the background."""

from __future__ import annotations

from django_tasks import task

from . import covers


@task()
def fetch_cover(wish: int) -> None:
    """Fetch the cover that the `CoverRequest` *wish* asks for."""
    covers.fulfil(wish)
