"""Write down where an alias is before anything was moved: in the store that has the files the database refers to.

Settings cannot tell: a file of settings may be edited, restored or copied from another host at any time, and files do
not move by that. So they are believed only as long as nothing contradicts them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from django.db import IntegrityError

from ...errors import ObjectMissing, SettingsError, StorageError, TransientStoreError
from ...sentences import joined, say
from ...stores.base import Store
from .. import conf
from ..deadline import within
from ..references import referenced_keys
from . import database, guard
from .state import State, Step, forget, fresh_state_of

LOOKED_FOR = 100
"""How many of the files that the database refers to are looked for in each store."""

ANSWER_SECONDS = 30.0


def begin(alias: str, *, known: str = "") -> State:
    """See that the database says where *alias* is, and return it. *known* is the store that is in use for certain.

    Raise `SettingsError` if no store has all that another one has of the files that the database refers to, and
    `guard.NotOurs` if a store knows of steps that the database does not.
    """
    _refuse_what_is_not_ours(alias)
    state = fresh_state_of(alias)
    if not state.epoch:
        _write(alias, known or where_files_are(alias))
        forget()
    return fresh_state_of(alias)


def where_files_are(alias: str) -> str:
    """Return the store that has the files of *alias* that the database refers to; the configured one if that says all.

    ================================================  =====================================
    of the files looked for                           it is
    ================================================  =====================================
    there are none, or no store has any of them       the configured one
    one store has all that any other has, and more    that one
    several have the same                             the configured one, if among these
    none has all that the others have                 refused, with the counts
    ================================================  =====================================
    """
    described = conf.configured_alias(alias)
    keys = list(islice(dict.fromkeys(referenced_keys(alias)), LOOKED_FOR))
    if len(described.stores) == 1 or not keys:
        return described.active
    found = {name: _present(name, keys) for name in described.stores}
    everything = set[str]().union(*(have for have in found.values() if have is not None))
    complete = [name for name, have in found.items() if have == everything]
    if described.active in complete or not everything:
        return described.active
    if len(complete) == 1 and None not in found.values():
        return complete[0]
    raise SettingsError(
        say(
            "It is not clear where the files of {alias!r} are. Of {count} that the database refers to, {named}.",
            alias=alias,
            count=len(keys),
            named=joined(_counted(name, have) for name, have in found.items()),
        ),
        setting=conf.configuration().known_as("ACTIVE"),
        remedy=say("Bring them together with storage_copy, or let the settings name the store that has them."),
    )


def _refuse_what_is_not_ours(alias: str) -> None:
    with suppress(TransientStoreError):  # a store that hangs says nothing of itself
        within(conf.configuration().deadline, f"A store of {alias!r}", guard.check_all, alias)


def _present(name: str, keys: Iterable[str]) -> set[str] | None:
    """Return which of *keys* the store has; None if it cannot be asked."""
    store = conf.store_named(name)
    try:
        return within(ANSWER_SECONDS, f"The store {name!r}", lambda: {key for key in keys if _has(store, key)})
    except StorageError:
        return None


def _has(store: Store, key: str) -> bool:
    try:
        store.describe(key)
    except ObjectMissing:
        return False
    return True


def _counted(name: str, have: set[str] | None) -> str:
    if have is None:
        return say("{name!r} cannot be asked", name=name)
    return say("{name!r} has {count}", name=name, count=len(have))


def _write(alias: str, active: str) -> None:
    with suppress(IntegrityError):  # another host was quicker
        database.run(
            "INSERT INTO external_storage_aliasstate"
            " (epoch, step, active, standby, retired, since, linked, alias, identity)"
            " VALUES (1, %s, %s, '', '[]', 0, %s, %s, %s)",
            *(str(Step.SETTLED), active, active, alias, uuid.uuid4().hex),
        )
