"""``check_storage``: the name under which owners know ``storage_doctor``."""

from __future__ import annotations

from .storage_doctor import Command

__all__ = ["Command"]
