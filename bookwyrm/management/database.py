"""What the site's commands say while the database is not there yet, or not up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError


@contextmanager
def database_at_hand() -> Iterator[None]:
    """End a command with a sentence, and no traceback, if the database cannot do what the block asks."""
    try:
        yield
    except DatabaseError as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise CommandError(f"The database cannot be used: {said}. Run ./bw-dev up -d first.") from error
