"""Tell which store has the true version of a key."""

from __future__ import annotations

from ..state import State
from .rows import found, of_key


def true_holder(state: State, key: str) -> str:
    """Return the store whose version of *key* is the true one: the active store, unless that has to catch up itself."""
    behind = next((mark for mark in of_key(state.alias, key) if mark.is_open and mark.target == state.active), None)
    return behind.holder if behind else state.active


def readable_in(state: State, key: str) -> list[str]:
    """Return the stores that *key* may be read from, in this order, each only if the one before definitely lacks it.

    A marked key is read from its holder alone; one that was deleted is never looked for in a second store.
    """
    if not state.is_moving:
        return [state.active]
    known = [mark for mark in of_key(state.alias, key) if mark.target in state.in_use]
    behind = next((mark for mark in known if mark.is_open and mark.target == state.active), None)
    if behind:
        return [behind.holder]
    if any(mark.is_open or mark.deleted for mark in known):
        return [state.active]
    return list(state.in_use)


def not_yet_in_active(state: State) -> list[str]:
    """Return the keys that the active store has to catch up with."""
    if not state.is_moving:
        return []
    behind = found("WHERE alias = %s AND target = %s AND delivered_at IS NULL", state.alias, state.active)
    return [mark.key for mark in behind]
