"""Refuse names that would lead a storage astray, before any store sees them."""

from __future__ import annotations

import posixpath

from django.core.exceptions import SuspiciousFileOperation

from ..errors import KeyRefused
from ..objects import check_key


def checked(name: object) -> str:
    """Return *name* as a key. Raise `SuspiciousFileOperation` for one that is absolute, climbs, or no key at all."""
    text = str(name)
    if text.startswith("/") or ".." in text.replace("\\", "/").split("/"):
        raise SuspiciousFileOperation(f"The name {text!r} is absolute or leads out of the storage.")
    try:
        return check_key(posixpath.normpath(text) if text else text)
    except KeyRefused as refused:
        raise SuspiciousFileOperation(str(refused)) from refused


def checked_folder(name: object) -> str:
    """Return *name* as a folder's path; the storage's own root is ``""``."""
    text = str(name).rstrip("/")
    return "" if text in ("", ".") else checked(text)
