"""Open a file for an answer: in its folder, as the copy kept of it on this machine, or in the store it lives in."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ObjectMissing, StorageError, StoreUnreachable, TransientStoreError
from ...objects import ObjectInfo
from .. import conf
from ..deadline import within
from .answers import TRY_AGAIN_SECONDS
from .keeping import KeptCopy, KeptFiles, kept_files
from .opened import OpenedFile

TRUSTED_SECONDS = 60.0
"""How long a copy is served without asking the store whether it still holds the same.

What changes through the site is forgotten at once; this is for what changes behind its back, or on another machine.
"""

logger = logging.getLogger(__name__)

# Until when a store is not asked, because somebody has just waited for it in vain.
_spared_until: dict[str, float] = {}


def open_file(store: str, key: str) -> OpenedFile:
    """Open *key* in the store *store* itself. Raise `ObjectMissing` if there is none."""
    if is_here(store):
        return OpenedFile(_called(store), lambda: conf.store_named(store).open(key))
    with _patience_with(store):
        return OpenedFile(_called(store), lambda: conf.store_named(store).open(key), conf.configuration().deadline)


def open_copy(store: str, key: str) -> OpenedFile:
    """Open *key* of the store *store*, or the copy of it that is kept here, or becomes one by this.

    A store in trouble is spared, and what was kept of it is good enough. Raise what `open_file` raises if nothing is.
    """
    kept = None if is_here(store) else kept_files()
    if kept is None:
        return open_file(store, key)
    copy = kept.find(store, key)
    if copy and 0 <= time.time() - copy.checked_at < TRUSTED_SECONDS:
        return _answering(copy)
    try:
        return _current(kept, store, key, copy)
    except ObjectMissing:
        if copy:
            copy.close()
            kept.forget(store, key)
        raise
    except StorageError:
        if copy is None:
            raise
        return _answering(copy)
    except OSError as error:
        logger.warning("No copy of %r could be kept: %s.", key, error.strerror)
        return open_file(store, key)


def spare_nobody() -> None:
    """Ask every store again."""
    _spared_until.clear()


def is_here(store: str) -> bool:
    """Return whether the files of *store* are on this machine's disk."""
    return conf.store_settings(store).is_on_this_machine


def _current(kept: KeptFiles, store: str, key: str, copy: KeptCopy | None) -> OpenedFile:
    """Open what the store holds now, of which *copy* was kept some time ago."""
    patience = 0 if copy else conf.configuration().deadline / 2
    with kept.turn(store, key, patience) as is_ours:
        if not is_ours:
            return _answering(copy) if copy else open_file(store, key)
        if copy is None and (fetched_meanwhile := kept.find(store, key)):
            return _answering(fetched_meanwhile)
        if copy and _is_same(copy.info, _described(store, key)):
            copy.confirm()
            return _answering(copy)
        opened = _fetched(kept, store, key)
        if copy:
            copy.close()
        return opened


def _fetched(kept: KeptFiles, store: str, key: str) -> OpenedFile:
    with kept.room(store, key) as room:
        opened = open_file(store, key)
        if opened.info.size > kept.largest:
            kept.forget(store, key)  # it may have been smaller once
            return opened
        with opened:
            return _answering(room.take(opened))


def _answering(copy: KeptCopy) -> OpenedFile:
    return OpenedFile("The folder of copies", lambda: copy)


def _described(store: str, key: str) -> ObjectInfo:
    with _patience_with(store):
        return within(conf.configuration().deadline, _called(store), conf.store_named(store).describe, key)


def _is_same(kept: ObjectInfo, now: ObjectInfo) -> bool:
    """Return whether both are one version; of a store that tells no versions nobody knows."""
    is_told = now.md5 or now.etag or now.modified is not None
    return bool(is_told) and all(
        getattr(kept, each) == getattr(now, each) for each in ("size", "md5", "etag", "modified")
    )


def _called(store: str) -> str:
    return f"The store {store!r}"


@contextmanager
def _patience_with(store: str) -> Iterator[None]:
    """Raise at once, for some seconds, where somebody has just waited in vain: else all of the site would wait."""
    began = time.monotonic()
    if began < _spared_until.get(store, 0):
        raise TransientStoreError(f"{_called(store)} did not answer a moment ago.", remedy="Please try again later.")
    try:
        yield
    except (TransientStoreError, StoreUnreachable):
        if time.monotonic() - began > conf.configuration().deadline / 2:
            _spared_until[store] = time.monotonic() + TRY_AGAIN_SECONDS
        raise
