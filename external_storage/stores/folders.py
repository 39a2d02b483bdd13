"""Walk a tree of folders in the order of its keys, whatever tells what lies in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from ..objects import ObjectInfo, PassedOver, in_key_order


class Entry(Protocol):
    """One name in a folder; the *key* of a folder ends with a slash."""

    @property
    def key(self) -> str: ...

    @property
    def is_folder(self) -> bool: ...


AnEntry = TypeVar("AnEntry", bound=Entry)


def walk_folders(
    entries: Callable[[str], Iterator[AnEntry | PassedOver]],
    look_at: Callable[[AnEntry], ObjectInfo | PassedOver | None],
    prefix: str,
    after: str,
    until: str | None,
) -> Iterator[ObjectInfo | PassedOver]:
    """Yield what *look_at* makes of the files whose keys start with *prefix* and lie in (*after*, *until*].

    *entries* yields what lies in a folder ("" or with a final slash) in key order. What was passed over there is passed
    on.
    """
    # A stack of half-read folders instead of recursion: trees may be deeper than Python's call stack.
    walk = [entries("")]
    holds_all = not prefix and not after and until is None
    while walk:
        entry = next(walk[-1], None)
        if entry is None:
            walk.pop()
        elif isinstance(entry, PassedOver):
            yield entry
        elif holds_all or _may_hold(entry.key, prefix, after, until):
            if entry.is_folder:
                walk.append(entries(entry.key))
            elif (seen := look_at(entry)) is not None:
                yield seen


def _may_hold(key: str, prefix: str, after: str, until: str | None) -> bool:
    """Return whether *key*, or anything below it if it ends in "/", starts with *prefix* and lies in the range."""
    if not key.startswith(prefix) and not (key.endswith("/") and prefix.startswith(key)):
        return False
    if until is not None and in_key_order(key) > in_key_order(until):
        return False
    return in_key_order(key) > in_key_order(after) or (key.endswith("/") and after.startswith(key))
