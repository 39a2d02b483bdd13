"""The steps of a move: each changes one thing, in one transaction, and begins an epoch.

=============  ==================================  ===========================  ======================================
step           reads of an unmarked key            writes and deletes           links point at
=============  ==================================  ===========================  ======================================
settled        active                              active                       active
mirroring      active, else standby                active, marked               active
handover       active, else standby                active, marked               the site itself
unconfirmed    active, else standby                active, marked               the site itself
switched       active, else standby                active, marked               active
settled        active                              active; marked for retired   active
=============  ==================================  ===========================  ======================================

Between handover and unconfirmed, active and standby change places. `climb_down` (`cancel`) takes the steps in the other
order. Before each step the one before has to be complete: see `wait_until_complete`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ...errors import SettingsError, StorageError, TransientStoreError, VerificationFailed
from ...sentences import say
from .. import conf
from ..places import Place, refuse_overlap
from . import database, guard, marks
from .state import TRUSTED_SECONDS, State, Step, forget, fresh_state_of, locked_state_of


class StepRefused(StorageError):
    """The alias is not where this step can be taken from, or something has to happen first; *what* says what."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that keeps a step from being taken: its *name* (for ``--force``), what was seen, what to do.

    *exit_code* is for a command that it is in the way of.
    """

    name: str
    what: str
    remedy: str = ""
    exit_code: int = VerificationFailed.exit_code


# The steps. Each returns the state it led to.


def begin_mirroring(alias: str, target: str) -> State:
    """Let every change be carried to *target* too, from now on: settled → mirroring.

    Raise `SettingsError` if *target* is none of the alias's stores, overlaps with the active one, or is another's, and
    if the settings do not tell where the site itself serves the files.
    """

    def step(state: State) -> State:
        if target == state.active:
            raise StepRefused(
                say("The files of {alias!r} are in the store {target!r} already.", alias=alias, target=target)
            )
        retired = tuple(name for name in state.retired if name != target)
        return replace(state, step=Step.MIRRORING, standby=target, retired=retired)

    check_target(fresh_state_of(alias), target)
    after = _climb(alias, {Step.SETTLED}, step)
    for store in after.in_use:
        guard.write(after, store)
    return after


def begin_handover(alias: str, *, despite_marks: bool = False) -> State:
    """Let links point at the site itself, so that writes may go elsewhere: mirroring → handover.

    Here and below, *despite_marks* takes the step although changes have not reached their store: their keys are then
    read and written where they are, but links to the active store may find something older there, or nothing.
    """
    return _climb(
        alias, {Step.MIRRORING}, lambda state: replace(state, step=Step.HANDOVER), despite_marks=despite_marks
    )


def exchange(alias: str, *, despite_marks: bool = False) -> State:
    """Let new writes go to the standby, which becomes the active store: handover → unconfirmed."""
    return _climb(
        alias, {Step.HANDOVER}, lambda state: _exchanged(state, Step.UNCONFIRMED), despite_marks=despite_marks
    )


def confirm(alias: str, *, despite_marks: bool = False) -> State:
    """Let links point at the active store: unconfirmed → switched."""
    return _climb(
        alias, {Step.UNCONFIRMED}, lambda state: replace(state, step=Step.SWITCHED), despite_marks=despite_marks
    )


def settle(alias: str, *, despite_marks: bool = False) -> State:
    """Let the store that was left behind go; it only hears of deletes and overwrites: switched → settled.

    It may be dead: what it has yet to hear of waits for it. *despite_marks* also gives up what the active store has yet
    to catch up with: nobody looks for that in the other one any more.
    """
    return _climb(alias, {Step.SWITCHED}, _settled, up=False, despite_marks=despite_marks)


def cancel(alias: str, *, despite_marks: bool = False) -> State:
    """Climb down one step: mirroring → settled, handover → mirroring, unconfirmed → handover, switched → unconfirmed.

    Wait until that step is complete before the next one, as on the way up. *despite_marks* as in `settle`.
    """

    def step(state: State) -> State:
        if state.step is Step.MIRRORING:
            return _settled(state)
        if state.step is Step.UNCONFIRMED:
            return _exchanged(state, Step.HANDOVER)
        return replace(state, step={Step.HANDOVER: Step.MIRRORING, Step.SWITCHED: Step.UNCONFIRMED}[state.step])

    return _climb(alias, set(Step) - {Step.SETTLED}, step, up=False, despite_marks=despite_marks)


def purged(alias: str, store: str) -> State:
    """Forget a retired store: nothing of the alias is in it any more, so it needs to hear of nothing."""

    def step(state: State) -> State:
        if store not in state.retired:
            raise StepRefused(
                say("The store {store!r} is not one that {alias!r} has left behind.", store=store, alias=alias)
            )
        database.run("DELETE FROM external_storage_mark WHERE alias = %s AND target = %s", alias, store)
        return replace(state, retired=tuple(name for name in state.retired if name != store))

    after = _climb(alias, {Step.SETTLED}, step, up=False)
    guard.remove(store)
    return after


def adopt(alias: str, store: str) -> State:
    """Take the owner's word that the files are in *store*, where the database is older than the stores: → settled.

    What only the newer database knew is forgotten: which changes had not reached their store yet. Other stores that had
    a part in a move count as left behind. Raise `StepRefused` if the database is as new as what the stores say, and
    `SettingsError` if *store* is none of the alias's.
    """
    if store not in conf.configured_alias(alias).stores:
        raise _not_of(alias, store)
    with database.transaction():
        before = locked_state_of(alias)
        told = guard.told_by_stores(before)
        newest = max(told.values(), key=lambda each: each.epoch, default=None)
        if newest is None or newest.epoch <= before.epoch:
            raise StepRefused(
                say(
                    "The database knows that the files of {alias!r} are in {store!r}.", alias=alias, store=before.active
                ),
                remedy=say("storage_status shows it; storage_move brings them elsewhere."),
            )
        after = State(
            alias,
            epoch=newest.epoch + 1,
            step=Step.SETTLED,
            active=store,
            retired=tuple(name for name in told if name != store),
            since=time.time(),
            identity=newest.site,
            linked=store,
        )
        database.run("DELETE FROM external_storage_mark WHERE alias = %s", alias)
        database.run("DELETE FROM external_storage_reservedname WHERE alias = %s", alias)
        _write(after, is_new=not before.epoch)
    forget()
    for name in {store, *told}:
        with suppress(StorageError):  # one that is away is told at a later step
            guard.write(after, name)
    return after


# Between the steps


def seconds_to_wait(state: State) -> float:
    """Return how long it takes from now until no process goes by an older state, nor is still writing by one."""
    whole = TRUSTED_SECONDS + conf.configuration().deadline
    return 0.0 if not state.epoch else min(max(0.0, state.since + whole - time.time()), whole)


def unfinished(state: State) -> marks.Waiting:
    """Return the marks that keep the step of *state* from being complete: those of older epochs, not delivered."""
    return _waiting(state.alias, dict.fromkeys(state.in_use, state.epoch))


def behind(state: State) -> marks.Waiting:
    """Return the marks that keep links to the active store from being right, and those that keep its step incomplete.

    Browsers do not ask us which store has a key, so for links no mark is too young.
    """
    return _waiting(state.alias, dict.fromkeys(state.in_use, state.epoch) | {state.active: None})


def _waiting(alias: str, before: dict[str, int | None]) -> marks.Waiting:
    """Return the open marks for each store that were made before its epoch; all of them where none is given."""
    each = (marks.waiting_for(alias, target, before_epoch=epoch) for target, epoch in before.items())
    return sum(each, marks.Waiting())


def wait_until_complete(
    alias: str,
    *,
    at_most: float | None = None,
    drain: Callable[[], object] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> State:
    """Wait until everybody goes by the current step, and return it.

    That is when two seconds and the web deadline have passed and no mark of an older epoch is open. *drain* is called
    again and again meanwhile, for callers that are not sure of a drainer at work elsewhere. Raise `StepRefused`, naming
    the first mark in the way, if that takes longer than *at_most* seconds.
    """
    began = time.monotonic()
    while True:
        state = fresh_state_of(alias)
        wait, marked = seconds_to_wait(state), unfinished(state)
        if not wait and not marked:
            return state
        if at_most is not None and time.monotonic() - began + wait > at_most:
            raise _not_complete(state, marked)
        if drain is not None:
            drain()
        sleep(min(max(wait, 0.2), 1.0))


def blockers(alias: str) -> list[Blocker]:
    """Return what keeps the next step up from being taken now, as far as the database knows; nothing if it may be."""
    state = fresh_state_of(alias)
    found = []
    if seconds := seconds_to_wait(state):
        what = say(
            "The step {step} began a moment ago; some processes may still go by the one before.", step=state.step
        )
        found.append(Blocker("too-soon", what, say("Wait {seconds:.0f} seconds.", seconds=seconds)))
    if marked := behind(state):
        found.append(blocker_of(marked))
    return found


def blocker_of(marked: marks.Waiting) -> Blocker:
    """Return the open marks that are in the way as a blocker."""
    return Blocker("open-marks", _described(marked), _REMEDY_FOR_MARKS, TransientStoreError.exit_code)


def _described(marked: marks.Waiting) -> str:
    if marked.example is None:  # it was delivered while they were counted
        return say("A moment ago, changes had not reached their store ({count:,}).", count=marked.count)
    key, target, reason = marked.example.key, marked.example.target, marked.example.last_error
    return say(
        "Changes have not reached their store yet ({count:,}), {key!r} in {target!r} for one: {reason}",
        count=marked.count,
        key=key,
        target=target,
        reason=reason or say("it has not been tried yet"),
    )


_REMEDY_FOR_MARKS = say("See that the store answers, and that the site's background worker runs.")


def _not_complete(state: State, marked: marks.Waiting) -> StepRefused:
    if marked:
        return StepRefused(_described(marked), remedy=_REMEDY_FOR_MARKS)
    return StepRefused(
        say("The step {step} of {alias!r} began only a moment ago.", step=state.step, alias=state.alias),
        remedy=say("Try again."),
    )


def check_target(state: State, target: str) -> None:
    """Raise `SettingsError` if *target* cannot be a store of the alias, or says that it is another's."""
    if target not in conf.configured_alias(state.alias).stores:
        raise _not_of(state.alias, target)
    conf.served_at(state.alias)  # raises if nobody said where links are to point in the middle of the way
    if target != state.active:
        refuse_overlap(*(Place(conf.store_settings(name), conf.store_named(name)) for name in (state.active, target)))
    for store in (state.active, target):
        guard.check(state, store)


def _not_of(alias: str, store: str) -> SettingsError:
    known = ", ".join(conf.configured_alias(alias).stores)
    return SettingsError(
        say("The store {target!r} is none of the stores of {alias!r}.", target=store, alias=alias),
        remedy=say("Its stores: {known}.", known=known),
    )


# One transaction, one epoch


def _climb(
    alias: str,
    from_steps: set[Step],
    step: Callable[[State], State],
    *,
    up: bool = True,
    despite_marks: bool = False,
) -> State:
    with database.transaction():
        before = locked_state_of(alias)
        if before.step not in from_steps:
            where = ", ".join(sorted(from_steps))
            raise StepRefused(
                say(
                    "The alias {alias!r} is {step}; this step is taken from: {where}.",
                    alias=alias,
                    step=before.step,
                    where=where,
                )
            )
        identity = before.identity or uuid.uuid4().hex
        after = replace(step(before), epoch=before.epoch + 1, since=time.time(), identity=identity)
        after = replace(after, linked=_linked(before, after))
        _check_complete(before, after, up=up, despite_marks=despite_marks)
        if after.step is Step.SETTLED:
            _forget_what_is_over(after)
        _write(after, is_new=not before.epoch)
    forget()
    guard.write_where_possible(after)
    return after


def _check_complete(before: State, after: State, *, up: bool, despite_marks: bool) -> None:
    """Raise `StepRefused` unless the step that is to be left is complete, as far as the next one needs it.

    Nobody can make a mark meanwhile. On the way down, and where a store is left, one that is dead must not be in the
    way, so there only the store that links will point at has to have everything.
    """
    before_epoch: dict[str, int | None] = dict.fromkeys(before.in_use, before.epoch) if up else {}
    if not after.links_to_the_site:
        before_epoch[after.active] = None
    in_the_way = marks.Waiting() if despite_marks else _waiting(before.alias, before_epoch)
    if seconds_to_wait(before) or in_the_way:
        raise _not_complete(before, in_the_way)


def _forget_what_is_over(settled: State) -> None:
    """Delete what only mattered while two stores were in use. Deletions are remembered until the store is purged."""
    alias = settled.alias
    database.run(
        "DELETE FROM external_storage_mark WHERE alias = %s AND delivered_at IS NOT NULL AND deleted = %s", alias, False
    )
    # There is none unless it was given up: else writes would still follow such a key to the store that was left.
    database.run(
        "DELETE FROM external_storage_mark WHERE alias = %s AND delivered_at IS NULL AND target = %s",
        *(alias, settled.active),
    )
    database.run("DELETE FROM external_storage_reservedname WHERE alias = %s", alias)


def _write(state: State, *, is_new: bool) -> None:
    where = (str(state.step), state.active, state.standby, json.dumps(state.retired), state.linked)
    values = (state.epoch, state.since, *where)
    if is_new:
        database.run(
            "INSERT INTO external_storage_aliasstate"
            " (epoch, since, step, active, standby, retired, linked, alias, identity)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            *(*values, state.alias, state.identity),
        )
    else:
        database.run(
            "UPDATE external_storage_aliasstate SET epoch = %s, since = %s, step = %s, active = %s, standby = %s,"
            " retired = %s, linked = %s WHERE alias = %s",
            *(*values, state.alias),
        )


def _linked(before: State, after: State) -> str:
    for state in (after, before):
        if not state.links_to_the_site:
            return state.active
    return before.linked


def _exchanged(state: State, step: Step) -> State:
    return replace(state, step=step, active=state.standby, standby=state.active)


def _settled(state: State) -> State:
    return replace(state, step=Step.SETTLED, standby="", retired=(*state.retired, state.standby))
