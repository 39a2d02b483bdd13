"""Know where an alias stands: which step of the ladder, which store is in use, which one is kept in step with it."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from django.core.signals import setting_changed

from .. import conf
from . import database

TRUSTED_SECONDS = 2.0
"""How long a process may go by what it once read. A step of the ladder is not complete before that."""

# Read anew well before that, so that no request has to wait for another's reading.
REFRESHED_SECONDS = 1.0


class Step(StrEnum):
    """One rung: from each to the next, one thing changes."""

    SETTLED = "settled"
    MIRRORING = "mirroring"
    HANDOVER = "handover"
    UNCONFIRMED = "unconfirmed"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True)
class State:
    """Where one alias stands. *active* takes new writes, *standby* ("" if none) is kept in step with it.

    *retired* names the stores left behind and not yet purged; they still get deletes and overwrites. *since* is when
    the step began, in seconds since 1970; *epoch* counts the steps, and is 0 where nothing was ever moved.
    """

    alias: str
    epoch: int
    step: Step
    active: str
    standby: str = ""
    retired: tuple[str, ...] = ()
    since: float = 0.0
    identity: str = ""
    linked: str = ""
    """The store that links point at, or pointed at before they came to point at the site; "" if nobody knows.

    Of keys without a mark it has the true version: it had that then, and since then every change was marked.
    """

    @property
    def is_moving(self) -> bool:
        """Whether there are two stores that the site's reads and writes concern."""
        return self.step is not Step.SETTLED

    @property
    def is_alone(self) -> bool:
        """Whether one store is all there is, so that nothing needs to be marked."""
        return not self.standby and not self.retired

    @property
    def in_use(self) -> tuple[str, ...]:
        """The stores that a reader may be sent to, the active one first."""
        return (self.active, self.standby) if self.standby else (self.active,)

    @property
    def stores(self) -> tuple[str, ...]:
        """Every store that has to hear of a change, the active one first."""
        return (*self.in_use, *self.retired)

    @property
    def links_to_the_site(self) -> bool:
        """Whether links point at the site itself, because browsers could not know which of two stores to ask."""
        return self.step in (Step.HANDOVER, Step.UNCONFIRMED)


def state_of(alias: str) -> State:
    """Return where *alias* stands, as this process knows it: at most two seconds old, and mostly without a question."""
    known = _known.get(alias)
    if known and known.age < REFRESHED_SECONDS:
        return known.state
    # One thread asks; the others go by what is known while that may be trusted, and wait for the answer afterwards.
    if not _asking.acquire(blocking=not known or known.age >= TRUSTED_SECONDS):
        return known.state
    try:
        known = _known.get(alias)
        return known.state if known and known.age < REFRESHED_SECONDS else fresh_state_of(alias)
    finally:
        _asking.release()


def fresh_state_of(alias: str) -> State:
    """Return where *alias* stands in the database at this moment."""
    asked_at = time.monotonic()
    found = database.rows(_SELECT, alias)
    state = _read(found[0]) if found else at_the_beginning(alias)
    _known[alias] = _Known(state, asked_at)
    return state


def at_the_beginning(alias: str) -> State:
    """Return what holds of an alias that was never moved: it is where the settings say."""
    return State(alias, 0, Step.SETTLED, conf.configured_alias(alias).active)


def locked_state_of(alias: str) -> State:
    """Return where *alias* stands, and let nobody change it or mark a key until the transaction ends."""
    found = database.rows(_SELECT + database.for_update(), alias)
    return _read(found[0]) if found else at_the_beginning(alias)


def forget() -> None:
    """Ask the database at the next question."""
    _known.clear()


_SELECT = (
    "SELECT alias, epoch, step, active, standby, retired, since, identity, linked"
    " FROM external_storage_aliasstate WHERE alias = %s"
)


@dataclass(frozen=True, slots=True)
class _Known:
    state: State
    asked_at: float

    @property
    def age(self) -> float:
        return time.monotonic() - self.asked_at


_known: dict[str, _Known] = {}
_asking = threading.Lock()


def _after_fork() -> None:
    """Whoever held the lock does not run in this process."""
    global _asking
    _asking = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _read(row: tuple) -> State:
    alias, epoch, step, active, standby, retired, since, identity, linked = row
    return State(alias, epoch, Step(step), active, standby, tuple(json.loads(retired)), since, identity, linked)


def _forget_when_changed(*, setting: str, **_: object) -> None:
    if setting in (conf.SETTING, "DATABASES"):
        forget()


setting_changed.connect(_forget_when_changed)
