"""Try a store before an alias is moved to it: nothing changes for the site until all of this went well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ...errors import SettingsError, StoreFull
from ...health.findings import Finding, Verdict
from ...health.preflight import preflight
from ...health.strangers import examine_private_store
from ...sentences import say
from ...stores.retrying import RetryingStore
from ...transfer.progress import bytes_in_words
from .. import conf
from ..places import refuse_folder_that_cannot_be_written
from . import comparing, ladder
from .ladder import Blocker
from .state import fresh_state_of


def try_target(alias: str, target: str, *, write: bool = True) -> list[Blocker]:
    """Return what keeps the files of *alias* from going to the store *target*, with ``write=False`` without a probe.

    Raise `SettingsError` for settings that no move can be made with, and `StoreRefused` for a store that cannot be
    worked with at all.
    """
    state = fresh_state_of(alias)
    comparing.rules_for(alias)
    conf.served_at(alias)
    ladder.check_target(state, target)
    described = conf.store_settings(target)
    if described.is_on_this_machine:
        return list(_try_folder(alias, described))
    private = conf.configured_alias(alias).private
    store = RetryingStore(conf.store_named(target))
    linked = bool(described.public_url) and not private and conf.configured_alias(alias).serving != conf.PROXY
    tried = preflight(store, described.public_url, public=linked, write=write)
    findings = tried.failures
    if private and described.public_url and write and not findings:
        findings = _closed(examine_private_store(store, (described.public_url,)))
    return [Blocker(finding.id, finding.seen, finding.remedy) for finding in findings]


def _closed(finding: Finding) -> list[Finding]:
    return [] if finding.verdict is Verdict.OK else [finding]


def _try_folder(alias: str, folder: conf.LocalSettings) -> Iterator[Blocker]:
    """Look whether the folder is there, and its disk has room for what it lacks."""
    if not folder.root.is_dir():
        raise SettingsError(
            say("The folder {root} does not exist.", root=folder.root),
            remedy=say("Check the path, and that its disk is mounted; a folder is not made for you."),
        )
    refuse_folder_that_cannot_be_written(folder.root)
    state = fresh_state_of(alias)
    needed = max((_size_of(store) for store in state.in_use if store != folder.name), default=0) - _size_of(folder.name)
    free = shutil.disk_usage(folder.root).free
    if needed > free:
        what = say(
            "{root} has room for {free}, and {needed} are to come.",
            root=folder.root,
            free=bytes_in_words(free),
            needed=bytes_in_words(needed),
        )
        yield Blocker(
            "room", what, say("Make room on that disk, or let the folder be on a larger one."), StoreFull.exit_code
        )


def _size_of(store: str) -> int:
    return sum(info.size for info in RetryingStore(conf.store_named(store)).list())
