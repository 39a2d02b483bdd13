"""Let two processes that are on different steps never choose one name for two files."""

from __future__ import annotations

import time

from django.db import IntegrityError

from ...errors import AlreadyExists
from ...sentences import say
from . import database


def reserve(alias: str, key: str) -> None:
    """Take *key* for a new file, for good. Raise `AlreadyExists` if somebody has it."""
    try:
        database.run(
            "INSERT INTO external_storage_reservedname (alias, key, reserved_at) VALUES (%s, %s, %s)",
            *(alias, key, time.time()),
        )
    except IntegrityError as taken:
        raise AlreadyExists(say("The name {key!r} was just given to another file.", key=key), key=key) from taken


def is_reserved(alias: str, key: str) -> bool:
    """Return whether somebody has taken *key* for a file of his, which may not be in any store yet."""
    return bool(database.rows("SELECT 1 FROM external_storage_reservedname WHERE alias = %s AND key = %s", alias, key))
