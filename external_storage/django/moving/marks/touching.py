"""Mark a key before a store is touched, and look at the mark again afterwards."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from ... import conf
from .. import database
from ..reserving import reserve
from ..state import State, fresh_state_of, locked_state_of
from .delivering import deliver
from .reading import true_holder
from .rows import of_key

LATE_SECONDS = 30.0
"""How long after its deadline a request that was given up may still change a store: until its sockets give up too."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A key that may now be touched, in the store *holder*, because it is marked; hand it to `end` afterwards."""

    state: State
    key: str
    holder: str
    deletes: bool
    creates: bool
    sequence: int = 0
    targets: tuple[str, ...] = ()


def begin(alias: str, key: str, *, deletes: bool = False, creates: bool = False) -> Touch:
    """Mark *key* for every store but the one it is to be written to, and return which one that is.

    Once this returns the marks are in the database, whatever becomes of the caller and of its transaction. *creates*
    promises that the key is new: stores that were left behind need not hear of it then, and nobody else is given its
    name. Raise `AlreadyExists` if somebody was.
    """
    state = fresh_state_of(alias)
    if creates and not state.is_moving and not state.is_alone:
        _forget_that_it_was_deleted(state, key)
    if state.is_alone or (creates and not state.is_moving):
        return Touch(state, key, state.active, deletes, creates)

    def mark() -> Touch:
        state = locked_state_of(alias)
        if creates:
            reserve(alias, key)
        writing_until = time.time() + conf.configuration().deadline + LATE_SECONDS
        return _marked(Touch(state, key, true_holder(state, key), deletes, creates), writing_until)

    return database.in_transaction(mark)


def end(touch: Touch, *, gave_up: bool = False) -> None:
    """Say that the key was touched, or that it may have been.

    The key is marked again if its marks are not what they were: because a step was taken, because another process
    touched it, or because a drainer came while the touch took longer than it may, as it does in a process that was
    frozen meanwhile. *gave_up* says that the touch was not waited for: its marks keep the drainer away until it can no
    longer happen.
    """
    now = fresh_state_of(touch.state.alias)
    if now.epoch != touch.state.epoch or (touch.targets and not gave_up and not _released(touch)):
        now = database.in_transaction(lambda: _mark_again(touch))
    if touch.holder not in now.in_use:
        _deliver_at_once(touch)


def _forget_that_it_was_deleted(state: State, key: str) -> None:
    """Let a key be a new one that was deleted elsewhere before the store in use took over: it is to be copied again."""
    database.run(
        "DELETE FROM external_storage_mark WHERE alias = %s AND key = %s AND target = %s AND delivered_at IS NOT NULL",
        *(state.alias, key, state.active),
    )


def _mark_again(touch: Touch) -> State:
    now = locked_state_of(touch.state.alias)
    _marked(Touch(now, touch.key, touch.holder, touch.deletes, touch.creates), writing_until=0)
    return now


def _deliver_at_once(touch: Touch) -> None:
    """Carry over what was written to a store that was left behind meanwhile: nobody reads from it any more."""
    for mark in of_key(touch.state.alias, touch.key):
        if mark.is_open and mark.holder == touch.holder:
            deliver(mark)


def _marked(touch: Touch, writing_until: float) -> Touch:
    """Mark the key as being at its holder, for every other store that has to hear of it."""
    state, sequence = touch.state, secrets.randbits(62)
    targets = tuple(store for store in (state.in_use if touch.creates else state.stores) if store != touch.holder)
    values = (touch.holder, sequence, state.epoch, time.time(), writing_until)
    for target in targets:
        _mark_one(state.alias, touch.key, target, touch.deletes, values)
    # What was marked the other way round is overtaken: the holder's version is the last one.
    database.run(
        "DELETE FROM external_storage_mark WHERE alias = %s AND key = %s AND target = %s",
        *(state.alias, touch.key, touch.holder),
    )
    return Touch(state, touch.key, touch.holder, touch.deletes, touch.creates, sequence, targets)


def _mark_one(alias: str, key: str, target: str, deletes: bool, values: tuple) -> None:
    # That it was deleted is forgotten only when the key is delivered as one that is there.
    changed = database.run(
        "UPDATE external_storage_mark SET holder = %s, sequence = %s, epoch = %s, made_at = %s, writing_until = %s,"
        " deleted = (deleted OR %s), delivered_at = NULL, attempts = 0, next_try_at = 0, last_error = ''"
        " WHERE alias = %s AND key = %s AND target = %s",
        *(*values, deletes, alias, key, target),
    )
    if not changed:
        database.run(
            "INSERT INTO external_storage_mark (holder, sequence, epoch, made_at, writing_until, deleted, alias, key,"
            " target, claimed_until, attempts, next_try_at, last_error)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, '')",
            *(*values, deletes, alias, key, target),
        )


def _released(touch: Touch) -> bool:
    """Let the drainer have the marks, if they are still those that were made; return whether they were."""
    # The number changes although nothing else does: a drainer that came too early must not clear what it did not see.
    released = database.run(
        "UPDATE external_storage_mark SET writing_until = 0, sequence = %s"
        " WHERE alias = %s AND key = %s AND sequence = %s AND delivered_at IS NULL",
        *(secrets.randbits(62), touch.state.alias, touch.key, touch.sequence),
    )
    return released == len(touch.targets)
