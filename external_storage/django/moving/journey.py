"""Bring an alias to another store while the site runs: check → mirror → copy → verify → switch → watch → settle.

=========  =======================================================  ==========================================
stage      where the alias is                                       what is done to reach the next one
=========  =======================================================  ==========================================
apart      settled on another store                                 the target is tried; mirroring begins
behind     the target is the standby, links point at the other      copy, verify; then links point at the site
handed     the target is the standby, links point at the site       what is left is copied; stores change places
taken      the target is active, links point at the site            last scan, strangers ask; links point there
there      the target is active, and links point at it              watch; then, if wanted, settle
here       settled on the target                                    nothing
=========  =======================================================  ==========================================

The stage is read from the row of the alias alone, so whoever was killed is followed by anybody who calls `move` again.
The way back is the same one: a target that is the standby of a finished move is reached by taking its steps backwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ... import transfer
from ...errors import SettingsError, StorageError, VerificationFailed
from ...health.preflight import preflight
from ...stores.retrying import RetryingStore
from .. import conf
from ..locking import only_run_on
from . import comparing, guard, ladder, marks, requests, strangers
from .ladder import Blocker, StepRefused
from .locks import Lock, only_one
from .state import State, Step, fresh_state_of
from .telling import Copying, Counting, Recorded, Unseen, View
from .watching import watched

PATIENCE_SECONDS = 600.0
"""How long a step is waited for while changes cannot be carried to a store."""

ROUNDS = 3
"""How often files are copied before what still differs is named as being in the way."""


class Stage(Enum):
    """How far an alias is on its way to a store."""

    APART = auto()
    BEHIND = auto()
    HANDED = auto()
    TAKEN = auto()
    THERE = auto()
    HERE = auto()


class Blocked(VerificationFailed):
    """Something is in the way of the next step; *blockers* says what. The alias stays, and is safe, where it is."""

    def __init__(self, blockers: list[Blocker]) -> None:
        self.blockers = blockers
        super().__init__(
            " ".join(f"{each.name}: {each.what.rstrip('.')}." for each in blockers), remedy=blockers[0].remedy
        )


@dataclass(slots=True)
class Arrival:
    """Where a journey ended, and what was done on the way."""

    alias: str
    target: str
    state: State
    copied: int = 0
    bytes: int = 0
    delivered: int = 0
    compared: int = 0
    asked: int = 0
    mended: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        counts = ("alias", "target", "copied", "bytes", "delivered", "compared", "asked", "mended", "lost", "forced")
        return {name: getattr(self, name) for name in counts} | {
            "step": str(self.state.step),
            "active": self.state.active,
            "standby": self.state.standby,
            "retired": list(self.state.retired),
            "seconds": round(self.seconds, 1),
        }


def stage_of(state: State, target: str) -> Stage:
    """Return how far the alias of *state* is on its way to *target*. Raise `StepRefused` if it is on another one."""
    if not state.is_moving:
        return Stage.HERE if state.active == target else Stage.APART
    if target not in state.in_use:
        raise StepRefused(
            f"The files of {state.alias!r} are on their way between {state.active!r} and {state.standby!r}.",
            remedy=f"Finish that first: storage_settle {state.alias}, or storage_move to one of the two.",
        )
    if state.active == target:
        return Stage.TAKEN if state.links_to_the_site else Stage.THERE
    return Stage.HANDED if state.links_to_the_site else Stage.BEHIND


def move(
    alias: str,
    target: str,
    *,
    view: View | None = None,
    settles: bool = False,
    asked_by: str = "",
    force: Collection[str] = (),
    until: Stage = Stage.HERE,
    patience: float = PATIENCE_SECONDS,
    sleep: Callable[[float], object] = time.sleep,
) -> Arrival:
    """Bring the files of *alias* to the store *target*, and return once links point there and that was watched.

    Call it again after it was stopped, at whatever moment: it goes on where the alias is. With *settles* the old store
    is left behind at the end; without, it is kept in step, so that the way back is short. *force* names blockers to
    overrule. Raise `Blocked` for what is in the way, `LockHeld` if another process is at it, and what a store raises.
    """
    with only_one(alias) as lock:
        stage_of(fresh_state_of(alias), target)
        requests.ask(alias, target, asked_by=asked_by, settles=settles, lock=lock)
        journey = Journey(alias, target, Recorded(alias, view or Unseen()), lock, force, patience, sleep)
        try:
            with _alone_on_folders(alias):
                arrival = journey.go(settles=settles)
        except StorageError as error:
            requests.note_problem(alias, str(error))
            raise
        requests.note_finished(alias)
        return arrival


@contextmanager
def _alone_on_folders(alias: str):
    """Keep commands that copy without a look at the marks away from the alias's folders."""
    with ExitStack() as held:
        described = map(conf.store_settings, conf.configured_alias(alias).stores)
        folders = {each.root.resolve() for each in described if isinstance(each, conf.LocalSettings)}
        for folder in sorted(folder for folder in folders if folder.is_dir()):
            held.enter_context(only_run_on(folder))
        yield


class Journey:
    """One process's way through the stages."""

    def __init__(
        self,
        alias: str,
        target: str,
        view: View,
        lock: Lock,
        force: Collection[str] = (),
        patience: float = PATIENCE_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.alias = alias
        self.target = target
        self._view = view
        self._lock = lock
        self._force = force
        self._patience = patience
        self._sleep = sleep
        self._files: int | None = None
        self._arrival = Arrival(alias, target, fresh_state_of(alias))

    def go(self, *, settles: bool = False) -> Arrival:
        """Take one stage after the other until the target is reached."""
        began = time.monotonic()
        leave = {
            Stage.APART: self._begin,
            Stage.BEHIND: self._catch_up,
            Stage.HANDED: self._take_over,
            Stage.TAKEN: self._confirm,
        }
        while (stage := self._stage()) in leave:
            leave[stage]()
        if stage is Stage.THERE:
            self._watch()
            if settles:
                self._settle()
        self._arrival.state = fresh_state_of(self.alias)
        self._arrival.seconds = time.monotonic() - began
        return self._arrival

    def _stage(self) -> Stage:
        self._lock.check()
        return stage_of(fresh_state_of(self.alias), self.target)

    @property
    def _other(self) -> str:
        """The store that the files come from."""
        state = fresh_state_of(self.alias)
        return next(name for name in state.in_use if name != self.target)

    # The stages

    def _begin(self) -> None:
        state = fresh_state_of(self.alias)
        self._view.begins("check", f"Trying the store {self.target!r} before anything changes.")
        self._refuse(check(self.alias, self.target))
        self._wait("check")  # the journey before this one may have ended a moment ago
        self._view.begins(
            "mirror", f"From now on every change is carried from {state.active!r} to {self.target!r} too."
        )
        ladder.begin_mirroring(self.alias, self.target)

    def _catch_up(self) -> None:
        self._wait("mirror")
        self._make_equal("verify")
        self._view.begins("switch", "Links point at the site itself from now on.")
        self._step(ladder.begin_handover)

    def _take_over(self) -> None:
        self._wait("switch")
        self._copy("switch")
        self._view.begins("switch", f"New files go to {self.target!r} from now on.")
        self._step(ladder.exchange)

    def _confirm(self) -> None:
        self._wait("switch")
        self._view.begins("verify", "The last look at everything before links point there.")
        self._refuse([*self._compared("verify"), *self._asked()])
        self._wait("switch")
        self._view.begins("switch", f"Links point at {self.target!r} from now on.")
        self._step(ladder.confirm)

    def _watch(self) -> None:
        self._view.begins("watch", "Seeing that everything goes well where it is now.")
        self._wait("watch")

    def _settle(self) -> None:
        self._view.begins("settle", f"The store {self._other!r} is left behind; its files stay there.")
        self._step(ladder.settle)

    def _step(self, up: Callable[[str], State]) -> None:
        """Take the step *up*, or the one back where the target is the store that the alias came from."""
        self._lock.check()
        state = fresh_state_of(self.alias)
        is_before_the_exchange = state.step in (Step.MIRRORING, Step.HANDOVER)
        (up if is_before_the_exchange is (state.active != self.target) else ladder.cancel)(self.alias)

    # What they are made of

    def _wait(self, chapter: str) -> None:
        """Wait until everybody goes by the current step and everything is carried over, at work on that meanwhile."""

        def drain() -> None:
            self._lock.check()
            drained = marks.drain(self.alias)
            self._arrival.delivered += drained.delivered
            left = len(marks.open_marks(self.alias))
            wait = ladder.seconds_to_wait(fresh_state_of(self.alias))
            reasons = "".join(f" {store}: {why}" for store, why in drained.reasons.items())
            self._view.goes_on(chapter, f"waiting {wait:.0f} s, {left:,} changes to carry over.{reasons}")

        try:
            ladder.wait_until_complete(self.alias, at_most=self._patience, drain=drain, sleep=self._sleep)
        except StepRefused as refused:
            raise Blocked([Blocker("open-marks", refused.what, refused.remedy)]) from refused

    def _make_equal(self, chapter: str) -> None:
        """Copy until the two stores are the same. Raise `Blocked` if they do not become so."""
        for _ in range(ROUNDS):
            self._copy("copy")
            self._view.begins(chapter, f"Comparing {self.target!r} with {self._other!r}, file by file.")
            found = self._compared(chapter)
            if not {each.name for each in found} & {"missing", "different"}:
                break
        self._refuse(found)

    def _copy(self, chapter: str) -> None:
        source = self._other
        self._view.begins(chapter, f"Copying what {self.target!r} lacks or holds differently.")
        report = transfer.copy(
            conf.store_named(source),
            watched(self.alias, self.target),
            comparing.rules_for(self.alias),
            progress=Copying(self._view, chapter),
            state_dir=conf.configuration().state_dir,
        )
        self._files = report.seen
        self._arrival.copied += report.copied
        self._arrival.bytes += report.bytes
        for note in report.notes:
            self._view.says(chapter, note)

    def _compared(self, chapter: str) -> list[Blocker]:
        counting = Counting(self._view, chapter, "compared", self._files)
        found = comparing.compare(self.alias, self._other, self.target, counting=counting.over)
        self._files = self._arrival.compared = counting.count
        self._arrival.lost = found.lost
        return comparing.blockers_in(found, self._other, self.target)

    def _asked(self) -> list[Blocker]:
        """Ask for the files as strangers; a folder's are served by the site, as they were before."""
        described = conf.store_settings(self.target)
        if isinstance(described, conf.LocalSettings) or conf.configured_alias(self.alias).private:
            return []
        counting = Counting(self._view, "verify", f"asked for at {described.public_url}", self._files)
        asked = strangers.ask_for_all(self.alias, self.target, self._other, counting=counting.over)
        self._arrival.asked = asked.fine + asked.wrong
        self._arrival.mended += asked.mended
        return asked.blockers()

    def _refuse(self, blockers: list[Blocker]) -> None:
        """Raise `Blocked` unless each of *blockers* was overruled by its name."""
        for each in blockers:
            if each.name in self._force:
                self._arrival.forced.append(each.name)
                self._view.says("force", f"{each.name}: {each.what}")
        if left := [each for each in blockers if each.name not in self._force]:
            raise Blocked(left)


def check(alias: str, target: str) -> list[Blocker]:
    """Try the store *target* on a probe, and return what keeps the files of *alias* from going there."""
    comparing.rules_for(alias)
    conf.served_at(alias)
    guard.check(fresh_state_of(alias), target)
    described = conf.store_settings(target)
    if isinstance(described, conf.LocalSettings):
        if not described.root.is_dir():
            raise SettingsError(
                f"The folder {described.root} does not exist.",
                remedy="Check the path, and that its disk is mounted; a folder is not made for you.",
            )
        return []
    public = not conf.configured_alias(alias).private
    tried = preflight(RetryingStore(conf.store_named(target)), described.public_url, public=public)
    return [Blocker(finding.id, finding.seen, finding.remedy) for finding in tried.failures]
