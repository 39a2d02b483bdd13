"""Refuse names that would lead a storage astray, before any store sees them."""

from __future__ import annotations

import posixpath

from django.core.exceptions import SuspiciousFileOperation

from ..errors import KeyRefused
from ..objects import check_key

GUARD_KEY = ".external-storage.json"
"""The key of the object by which a store tells whose it is: see `external_storage.django.moving.guard`."""


def checked(name: object) -> str:
    """Return *name* as a key. Raise `SuspiciousFileOperation` for one that is absolute, climbs, or no key at all."""
    text = str(name)
    if text.startswith("/") or ".." in text.replace("\\", "/").split("/"):
        raise SuspiciousFileOperation(f"The name {text!r} is absolute or leads out of the storage.")
    try:
        key = check_key(posixpath.normpath(text) if text else text)
    except KeyRefused as refused:
        raise SuspiciousFileOperation(str(refused)) from refused
    if key == GUARD_KEY:
        raise SuspiciousFileOperation(f"The name {key!r} is not for the site's files.")
    return key


def checked_folder(name: object) -> str:
    """Return *name* as a folder's path; the storage's own root is ``""``."""
    text = str(name).rstrip("/")
    return "" if text in ("", ".") else checked(text)
