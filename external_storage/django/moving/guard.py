"""The object by which a store tells whose it is, and how far its alias had come when it was last heard of.

Without it a site could be pointed at another site's bucket, or be started with a database from before its last move:
it would then go on where its files are no more. The object holds no secret; it is not among the store's objects for
whoever walks through it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from ...errors import ObjectMissing, SettingsError, StorageError
from ...objects import Headers
from ...sentences import say
from ...stores.sources import BytesSource
from .. import conf
from ..names import GUARD_KEY
from .state import State, fresh_state_of

HEADERS = Headers("application/json", "private, no-store", public=False)


class NotOurs(SettingsError):
    """The store says that it belongs to another site or alias, or that the database is older than its files."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What a store says of itself."""

    site: str
    alias: str
    epoch: int
    active: str
    """The store that the alias used then."""


def guard_of(store: str) -> Guard | None:
    """Return what the store *store* says of itself; None if it was never part of a move."""
    try:
        with conf.store_named(store).open(GUARD_KEY) as source:
            told = json.loads(source.read())
            return Guard(str(told["site"]), str(told["alias"]), int(told["epoch"]), str(told["active"]))
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError) as problem:
        raise NotOurs(
            say(
                "The object {key!r} in the store {store!r} is not what was written there.",
                key=GUARD_KEY,
                store=store,
            ),
            remedy=_REMEDY,
        ) from problem


def check(state: State, store: str) -> None:
    """Raise `NotOurs` unless *store* may be used for the alias of *state*, by what the store says of itself."""
    found = guard_of(store)
    if found is None:
        return
    _refuse_another(state, store, found)
    if found.epoch > state.epoch:
        raise NotOurs(
            say(
                "The database is older than the files: it has {alias!r} in {active!r} at its step {epoch}, "
                "and the store {store!r} had heard of step {heard_of}, with the files in {where!r}.",
                alias=state.alias,
                active=state.active,
                epoch=state.epoch,
                store=store,
                heard_of=found.epoch,
                where=found.active,
            ),
            remedy=say(
                "Restore a database from after the last move. If there is none: storage_adopt {alias} {where}, which "
                "takes your word that the files are there. If this is another site with a copy of the files, remove "
                "the object {key!r} from its store.",
                alias=state.alias,
                where=found.active,
                key=GUARD_KEY,
            ),
        )


def _refuse_another(state: State, store: str, found: Guard) -> None:
    if state.identity and found.site != state.identity:
        raise NotOurs(say("The store {store!r} belongs to another site.", store=store), remedy=_REMEDY)
    if found.alias != state.alias:
        raise NotOurs(
            say("The store {store!r} belongs to the alias {alias!r}.", store=store, alias=found.alias),
            remedy=say("Choose another store."),
        )


def check_all(alias: str) -> None:
    """Raise `NotOurs` if any store of *alias* says that it is another's, or knows of steps the database does not.

    A store that cannot be asked says nothing. For whoever starts the site: it must not begin with an old database.
    """
    state = fresh_state_of(alias)
    for store in conf.configured_alias(alias).stores:
        try:
            check(state, store)
        except NotOurs:
            raise
        except StorageError:
            continue


def told_by_stores(state: State) -> dict[str, Guard]:
    """Return what each store of the alias of *state* says, of those that were part of a move and can be asked.

    Raise `NotOurs` if one is another site's or alias's.
    """
    found = {}
    for store in conf.configured_alias(state.alias).stores:
        try:
            if told := guard_of(store):
                _refuse_another(state, store, told)
                found[store] = told
        except NotOurs:
            raise
        except StorageError:
            continue
    return found


def write(state: State, store: str) -> None:
    """Let *store* say that it belongs to the alias of *state*, and how far that has come."""
    said = asdict(Guard(state.identity, state.alias, state.epoch, state.active))
    data = json.dumps(said, indent=1).encode()
    conf.store_named(store).put(GUARD_KEY, BytesSource(GUARD_KEY, data), HEADERS)


def write_where_possible(state: State) -> None:
    """Tell all stores of the alias how far it has come; one that is away just now is told at a later step."""
    for store in state.in_use:
        with suppress(StorageError):
            write(state, store)


def remove(store: str) -> None:
    """Let *store* belong to nobody, once nothing of the alias is in it."""
    with suppress(StorageError):
        conf.store_named(store).delete([GUARD_KEY])


_REMEDY = say(
    "Choose another store; or, if nobody uses it any more, remove the object {key!r} from it.",
    key=GUARD_KEY,
)
