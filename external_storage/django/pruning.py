"""Take away static files that no page has named for a while."""

from __future__ import annotations

import json
import os
import posixpath
import re
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from ..errors import ObjectMissing, SettingsError, StorageError
from ..stores import Store
from ..stores.retrying import RetryingStore
from . import conf
from .publishing import HASHED
from .staticfiles import StaticStorage

DAY = 86_400.0

# A hashed name inside a style sheet or a script, without its folder: what is written there is relative to the file.
HASHED_INSIDE = re.compile(r"[\w.-]+\.[0-9a-f]{12}\.\w+")
NAME_OTHERS = (".css", ".js", ".mjs", ".html", ".svg")


@dataclass(frozen=True, slots=True)
class Unused:
    """The files that no manifest names: those that are *due* to go, and since when each other one is unused."""

    due: list[str]
    waiting: dict[str, float]
    in_use: int


def unused_files(
    held: Iterable[str],
    named: Set[str],
    noted: Mapping[str, float],
    *,
    manifest_from: float,
    now: float,
    keep_for: float,
) -> Unused:
    """Tell which of the files *held* may go: hashed names, not *named*, and unused for *keep_for* seconds.

    *named* holds whole names, and the last parts of those that other files name. A name is unused at the latest since
    the manifest was written that does not name it (*manifest_from*), and since it was *noted* as unused in an earlier
    look. A plain name is never due: other pages may link to it.

    ===========  =====  ===============================  =======
    name         named  unused for *keep_for* seconds    it
    ===========  =====  ===============================  =======
    plain        any    any                              stays
    hashed       yes    —                                stays
    hashed       no     no                               waits
    hashed       no     yes                              is due
    ===========  =====  ===============================  =======
    """
    due, waiting, in_use = [], {}, 0
    for name in held:
        if {name, posixpath.basename(name)} & named or not HASHED.search(name):
            in_use += 1
            continue
        since = min(noted.get(name, now), manifest_from, now)
        if now - since >= keep_for:
            due.append(name)
        else:
            waiting[name] = since
    return Unused(due, waiting, in_use)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done: which files went, which wait, how many are in use, and what could not be removed."""

    removed: list[str]
    waiting: dict[str, float]
    in_use: int
    failed: dict[str, StorageError]


def prune(storage: StaticStorage, store_name: str, *, keep_for: float, dry_run: bool) -> Pruned:
    """Remove from the store the files that no page has named for *keep_for* seconds, and note those that wait.

    Raise `SettingsError` if nothing tells what pages name: then nothing may go.
    """
    store = RetryingStore(conf.store_named(store_name))
    now = time.time()
    named, manifest_from = _named_by_manifests(storage, store)
    named |= _named_inside(storage, named)
    notes = _Notes(store_name)
    keys = (info.key for info in store.list())
    found = unused_files(keys, named, notes.read(), manifest_from=manifest_from, now=now, keep_for=keep_for)
    if dry_run:
        return Pruned(found.due, found.waiting, found.in_use, {})
    results = store.delete(found.due) if found.due else {}
    failed = {name: problem for name, problem in results.items() if problem is not None}
    notes.write(found.waiting | dict.fromkeys(failed, now - keep_for))
    return Pruned([name for name in found.due if name not in failed], found.waiting, found.in_use, failed)


def _named_by_manifests(storage: StaticStorage, store: Store) -> tuple[set[str], float]:
    """Return every name in the manifest here and in the one there, and when the later of them was written."""
    here = Path(storage.path(storage.manifest_name))
    try:
        there, written_there = _manifest_in(storage, store)
        mine, written_here = here.read_text("utf-8"), here.stat().st_mtime
    except (FileNotFoundError, ObjectMissing) as missing:
        raise SettingsError(
            "There is no manifest that tells which static files pages name, so none of them may go.",
            remedy="Run collectstatic first.",
        ) from missing
    try:
        named = {name for text in (mine, there) for name in json.loads(text)["paths"].values()}
    except (ValueError, KeyError, AttributeError) as problem:
        raise SettingsError("A manifest cannot be read.", remedy="Run collectstatic first.") from problem
    return named, max(written_here, written_there)


def _named_inside(storage: StaticStorage, named: Iterable[str]) -> set[str]:
    """Return the last part of every hashed name that a file in use names."""
    found: set[str] = set()
    for name in named:
        path = Path(storage.path(name))
        if name.endswith(NAME_OTHERS) and path.is_file():
            found.update(HASHED_INSIDE.findall(path.read_text("utf-8", "replace")))
    return found


def _manifest_in(storage: StaticStorage, store: Store) -> tuple[str, float]:
    with store.open(storage.manifest_name) as source:
        return source.read().decode("utf-8", "replace"), source.info.modified or time.time()


class _Notes:
    """Since when which files of a store are unused, in STATE_DIR; without them the time only begins anew."""

    def __init__(self, store: str) -> None:
        folder = conf.configuration().state_dir
        self._path = folder / f"unused-static-{store}.json" if folder else None

    def read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            told = json.loads(self._path.read_text("utf-8"))
            return {str(name): float(since) for name, since in told.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write(self, unused: Mapping[str, float]) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(unused), encoding="utf-8")
        draft.replace(self._path)
