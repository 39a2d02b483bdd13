"""Let the doctor look while somebody waits for a page: in a thread, one at a time, and remembered for everybody."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from ..errors import StorageError
from ..health.findings import unknown
from ..sentences import packed
from ..stores.retrying import RetryingStore
from . import conf, reports

BEGAN = "checkup-began"

GIVEN_UP_SECONDS = 300.0
"""After that a look that has not ended was torn out together with its process."""


def look_in_background(alias: str = "default", static_alias: str = "staticfiles") -> bool:
    """Begin to look, and return at once; False if somebody is at it already, or the site has nowhere to remember."""
    folder = conf.configuration().state_dir
    if folder is None or is_looking():
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / BEGAN).write_text(str(time.time()))
    threading.Thread(target=_look, args=(folder, alias, static_alias), name="storage-doctor", daemon=True).start()
    return True


def is_looking() -> bool:
    """Return whether the doctor is looking now, in whichever process."""
    folder = conf.configuration().state_dir
    try:
        return folder is not None and time.time() - float((folder / BEGAN).read_text()) < GIVEN_UP_SECONDS
    except (OSError, ValueError):
        return False


def _look(folder: Path, alias: str, static_alias: str) -> None:
    from . import checkup  # loads the SDK, which a site on its own disk never needs

    try:
        try:
            found = list(checkup.examine(checkup.subject_of(alias, static_alias)))
        except StorageError as problem:
            found = [unknown("store.answers", problem.what, problem.remedy)]
        reports.keep(found, counted=[count for name in conf.configuration().aliases for count in counts_of(name)])
    finally:
        (folder / BEGAN).unlink(missing_ok=True)
        connections.close_all()  # those of this thread, which ends


@dataclass(frozen=True, slots=True)
class Count:
    """How much lies in one store of an alias, by the kind of file; *problem* says why that is not known."""

    alias: str
    store: str
    files: int = 0
    bytes: int = 0
    kinds: dict[str, int] | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, object]:
        told = {name: getattr(self, name) for name in ("alias", "store", "files", "bytes", "kinds")}
        return told | {"problem": packed(self.problem)}


def counts_of(alias: str) -> list[Count]:
    """Count what is in each store of *alias*."""
    return [_count(alias, store) for store in conf.alias_named(alias).stores]


def count_again(alias: str, store: str) -> None:
    """Count what is in *store* now, for the page, if somebody has looked before; files have just come there."""
    if reports.last() is not None:
        with suppress(OSError):  # a disk that is full; what was counted before stays
            reports.keep_count(_count(alias, store))


def _count(alias: str, store: str) -> Count:
    kinds: Counter[str] = Counter()
    total = 0
    try:
        for info in RetryingStore(conf.store_named(store)).list():
            kinds[info.key.partition("/")[0] if "/" in info.key else "."] += 1
            total += info.size
    except StorageError as problem:
        return Count(alias, store, problem=problem.what)
    return Count(alias, store, kinds.total(), total, dict(kinds.most_common()))
