"""Walk two sorted listings side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import StorageError
from ..objects import ObjectInfo, PassedOver, in_key_order
from ..sentences import say
from ..stores.base import Store, walk_of

Entry = ObjectInfo | PassedOver


@dataclass(frozen=True, slots=True)
class Pair:
    """One key with what the source and the target hold under it; None where one of them holds nothing."""

    key: str
    source: Entry | None
    target: Entry | None


def scan(
    source: Store, target: Store, *, prefix: str = "", after: str = "", until: str | None = None
) -> Iterator[Pair]:
    """Yield every key of either store that starts with *prefix* and lies in (*after*, *until*], in key order.

    Memory stays flat: only one entry of each listing is held at a time.
    """
    from_source = _entries(source, prefix, after, until)
    from_target = _entries(target, prefix, after, until)
    left, right = next(from_source, None), next(from_target, None)
    while left is not None or right is not None:
        if right is None or (left is not None and _comes_before(left, right)):
            yield Pair(left.key, left, None)
            left = next(from_source, None)
        elif left is None or _comes_before(right, left):
            yield Pair(right.key, None, right)
            right = next(from_target, None)
        else:
            yield Pair(left.key, left, right)
            left, right = next(from_source, None), next(from_target, None)


def _comes_before(one: Entry, other: Entry) -> bool:
    return one.key != other.key and in_key_order(one.key) < in_key_order(other.key)


def _entries(store: Store, prefix: str, after: str, until: str | None) -> Iterator[Entry]:
    """List what the store holds, and refuse to go on if it does not keep to the order that the merge relies on."""
    last, last_in_order = "", b""
    for entry in walk_of(store)(prefix, after=after, until=until):
        if _is_folder_marker(entry):
            continue
        in_order = in_key_order(entry.key)
        if last and in_order <= last_in_order:
            raise StorageError(
                say(
                    "{place} lists {key!r} after {last!r}, which is not in key order.",
                    place=store.place,
                    key=entry.key,
                    last=last,
                ),
                remedy=say("This store cannot be compared as it is; please report it."),
            )
        last, last_in_order = entry.key, in_order
        yield entry


def _is_folder_marker(entry: Entry) -> bool:
    """Return whether this is one of the empty objects by which some consoles draw folders."""
    return (entry.key.endswith("/") or not entry.key) and isinstance(entry, ObjectInfo) and entry.size == 0
