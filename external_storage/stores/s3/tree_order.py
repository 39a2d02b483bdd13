"""List in key order what a store lists folder by folder.

SeaweedFS keeps objects as files in directories and lists a directory's whole tree where the directory's name stands:
``a/b`` before ``a-c``, although "-" comes before "/". The two orders differ only where a name continues the name of a
folder beside it with one of the characters below "/" (space to ".").

So a folder's content may be handed out while it is read if no such name is beside it, which one request tells. Only
where there is one, everything has to be read before it can be sorted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from ...errors import TransientStoreError
from ...objects import ObjectInfo, in_key_order
from ...sentences import say
from ..sorting import sorted_by_key

# A folder that holds more than so many objects is asked about; the content of smaller ones waits until they are read.
# About as many as a page has: the store is then at work on the next page while this one is gone through.
AT_A_TIME = 1_000

# Sorts after every name in a folder.
LAST = "\U0010ffff"

# Yields what the store lists with this prefix after this key, in the store's own order.
Listing = Callable[[str, str], Iterable[ObjectInfo]]

# Returns the first that the store lists with this prefix after this key.
First = Callable[[str, str], ObjectInfo | None]


def in_key_order_from_tree(
    listing: Listing, first: First, prefix: str, after: str, until: str | None
) -> Iterator[ObjectInfo]:
    """Yield the objects whose keys start with *prefix* and lie in (*after*, *until*], in key order."""
    begin = in_key_order(after)
    end = None if until is None else in_key_order(until)
    for info in _sorted_as_it_comes(_at_least(listing, prefix, after, until), first, prefix):
        order = in_key_order(info.key)
        if order > begin and (end is None or order <= end) and info.key.startswith(prefix):
            yield info


def _sorted_as_it_comes(listing: Iterable[ObjectInfo], first: First, prefix: str) -> Iterator[ObjectInfo]:
    """Yield in key order what comes in the tree's, each object as soon as nothing can come before it any more."""
    entries, waiting, told, undisturbed = iter(listing), [], b"", set()
    while read := list(islice(entries, AT_A_TIME)):
        waiting += read
        if len(read) < AT_A_TIME:
            break
        folders = [folder for folder in _folders_on_the_way(read[-1].key) if len(folder) >= len(prefix)]
        undisturbed.intersection_update(folders)
        for folder in folders:
            if folder not in undisturbed and read[0].key.startswith(f"{folder}/"):
                if _comes_late(first, folder):
                    yield from _later_than(told, sorted_by_key(chain(waiting, entries)))
                    return
                undisturbed.add(folder)
        doubtful = [folder for folder in folders if folder not in undisturbed]
        reached = in_key_order(min(doubtful, key=len) if doubtful else read[-1].key)
        waiting.sort(key=_order)
        ready = bisect_right(waiting, reached, key=_order)
        yield from _later_than(told, iter(waiting[:ready]))
        told = _order(waiting[ready - 1]) if ready else told
        del waiting[:ready]
    yield from _later_than(told, iter(sorted(waiting, key=_order)))


def _comes_late(first: First, folder: str) -> bool:
    """Return whether the tree has something after a folder that comes before its content in key order."""
    info = first(folder, f"{folder}/{LAST}")
    return info is not None and info.key[len(folder) :][:1] < "/"


def _later_than(told: bytes, infos: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Pass on what comes after all that was handed out. What does not was not there when the store was asked for it."""
    info = next(infos, None)
    if info is None:
        return
    if _order(info) <= told:
        raise TransientStoreError(
            say("Objects came into being beside {key!r} while the store was listed.", key=info.key)
        )
    yield info
    yield from infos


def _order(info: ObjectInfo) -> bytes:
    return in_key_order(info.key)


def _at_least(listing: Listing, prefix: str, after: str, until: str | None) -> Iterator[ObjectInfo]:
    """Yield, in the tree's order, all that is wanted and as little else as is easily left out."""
    for info in _listed_after(listing, prefix, _no_later_in_tree(after)):
        if until is not None and _tree_order(info.key) > _tree_order(until):
            break
        yield info
    else:
        return
    # Past the end in the tree's order, only names that continue the name of a folder on the way there are missing.
    for folder in _folders_on_the_way(until or ""):
        if not folder.startswith(prefix) and not _continues_below_slash(prefix, folder):
            continue
        for info in _listed_after(listing, max(folder, prefix, key=len), f"{folder}/{LAST}"):
            if info.key[len(folder) :][:1] >= "/":
                break
            yield info


def _continues_below_slash(prefix: str, folder: str) -> bool:
    """Return whether names with *prefix* continue that of the folder with a character that comes before "/"."""
    return prefix.startswith(folder) and prefix[len(folder) :][:1] < "/"


def _listed_after(listing: Listing, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """List after a key, which SeaweedFS cannot do from a folder that does not exist: it says that nothing is left."""
    found = False
    for info in listing(prefix, after):
        found = True
        yield info
    if after and not found:
        yield from (info for info in listing(prefix, "") if _tree_order(info.key) > _tree_order(after))


def _no_later_in_tree(after: str) -> str:
    """Return a key before which, in the tree's order, comes nothing that comes after *after* in key order."""
    if not after:
        return ""
    *folders, name = after.split("/")
    for depth, folder in enumerate(folders):
        if (short := _shortest_folder_name(folder)) != folder:
            return "/".join([*folders[:depth], _just_before(short)])
    return "/".join([*folders, _just_before(_shortest_folder_name(name))])


def _shortest_folder_name(name: str) -> str:
    """Return the shortest name of a folder whose content comes after *name* in key order, but not in the tree's."""
    return next((name[:place] for place in range(1, len(name)) if name[place] < "/"), name)


def _just_before(name: str) -> str:
    """Return a name just before *name*; the store would skip a folder of that very name with all that is in it."""
    if not name:
        return ""
    previous = chr(ord(name[-1]) - 1)
    if previous == "/":
        previous = "."  # no name has a slash in it
    return name[:-1] + previous + LAST if previous.isprintable() else name[:-1]


def _folders_on_the_way(key: str) -> list[str]:
    names = key.split("/")[:-1]
    return ["/".join(names[:depth]) for depth in range(len(names), 0, -1)]


def _tree_order(key: str) -> list[bytes]:
    return [in_key_order(name) for name in key.split("/")]
