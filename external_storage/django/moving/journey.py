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

import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any

from ... import transfer
from ...errors import Interrupted, StorageError, StoreRefused, TransientStoreError, VerificationFailed
from ...sentences import joined, say
from .. import conf, looking
from ..locking import only_run_on
from . import beginning, comparing, ladder, marks, requests, strangers, trying
from .ladder import Blocker, StepRefused
from .locks import Lock, only_one
from .state import State, Step, fresh_state_of
from .telling import Copying, Counting, Recorded, Unseen, View
from .watching import watched

PATIENCE_SECONDS = 600.0
"""How long a step is waited for while changes cannot be carried to a store."""

SHORT_PATIENCE = 30.0
"""The same for who is asked to take a single step, and says what is in the way."""

ROUNDS = 3
"""How often files are copied before what still differs is named as being in the way."""

IF_IT_IS_DEAD = say(
    "See that it answers. If it never will again, --force not-compared leaves it all the same, with whatever only it "
    "has."
)

THAWING_SECONDS = 2.0
"""By then a process that came to itself in the middle of a write has said what it wrote."""

TRIES = 5
"""How often a step is tried that a straggler made impossible at the last moment."""

CAN_BE_COPIED = {"missing", "different"}
"""The blockers that another copy may take away."""


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
            joined((say("{name}: {what}", name=each.name, what=each.what) for each in blockers), " "),
            remedy=blockers[0].remedy,
        )


@dataclass(slots=True)
class Arrival:
    """Where a journey ended, and what was done on the way."""

    alias: str
    target: str
    state: State
    copied: int = 0
    would_copy: int = 0
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
        counts = "alias target copied would_copy bytes delivered compared asked mended lost forced"
        return {name: getattr(self, name) for name in counts.split()} | {
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
            say(
                "The files of {alias!r} are on their way between {active!r} and {standby!r}.",
                alias=state.alias,
                active=state.active,
                standby=state.standby,
            ),
            remedy=say(
                "Finish that first: storage_settle {alias}, or storage_move to one of the two.", alias=state.alias
            ),
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
    patience: float = PATIENCE_SECONDS,
    sleep: Callable[[float], object] = time.sleep,
) -> Arrival:
    """Bring the files of *alias* to the store *target*, and return once links point there and all is well.

    Call it again after it was stopped, at whatever moment: it goes on where the alias is. With *settles* the old store
    is left behind at the end; without, it is kept in step, so that the way back is short. *force* names blockers to
    overrule. Raise `Blocked` for what is in the way, `LockHeld` if another process is at it, and what a store raises.
    """
    with only_one(alias) as lock:
        stage_of(fresh_state_of(alias), target)
        requests.ask(alias, target, asked_by=asked_by, settles=settles, lock=lock)
        view = Recorded(alias, view or Unseen())
        with _remembered(alias), alone_on_folders(alias):
            journey = Journey(alias, target, lock, view=view, force=force, patience=patience, sleep=sleep)
            arrival = journey.go()
            looking.count_again(alias, target)
            return journey.settle() if settles and arrival.state.is_moving else arrival


def mirror(alias: str, target: str, *, view: View | None = None, force: Collection[str] = ()) -> Arrival:
    """Take the first step of `move` alone: from now on every change is carried to *target* too."""
    with only_one(alias) as lock, alone_on_folders(alias):
        return Journey(alias, target, lock, view=view or Unseen(), force=force).go(until=set(Stage) - {Stage.APART})


def switch(alias: str, target: str, *, view: View | None = None, force: Collection[str] = ()) -> Arrival:
    """Let links point at *target*, which is mirrored and has every file already. Nothing is copied.

    Raise `Blocked` with everything that is in the way, but for what *force* names, and `StepRefused` if *target* is
    not being mirrored.
    """
    with only_one(alias) as lock, alone_on_folders(alias):
        if stage_of(fresh_state_of(alias), target) is Stage.APART:
            raise StepRefused(
                say("The changes of {alias!r} are not carried to {target!r} yet.", alias=alias, target=target),
                remedy=say(
                    "Begin with storage_mirror {alias} {target}, or let storage_move do it all.",
                    alias=alias,
                    target=target,
                ),
            )
        journey = Journey(
            alias, target, lock, view=view or Unseen(), force=force, patience=SHORT_PATIENCE, copies=False
        )
        return journey.go()


def settle(alias: str, *, view: View | None = None, force: Collection[str] = ()) -> Arrival:
    """Leave behind the store that links do not point at; raise `Blocked` if it has what the other one lacks.

    It need not answer if *force* names ``not-compared``; what it has yet to hear of waits for it.
    """
    with only_one(alias) as lock, alone_on_folders(alias):
        state = fresh_state_of(alias)
        journey = Journey(alias, state.active, lock, view=view or Unseen(), force=force, patience=SHORT_PATIENCE)
        return journey.settle()


def adopt(alias: str, store: str) -> State:
    """Begin again with the files in *store*, by the owner's word: see `ladder.adopt`. What was asked for is withdrawn.

    Raise `LockHeld` if another process is moving the alias.
    """
    with only_one(alias):
        state = ladder.adopt(alias, store)
        requests.withdraw(alias)
        return state


@contextmanager
def _remembered(alias: str) -> Iterator[None]:
    """Keep the request for the move in step with what becomes of it."""
    try:
        yield
    except Interrupted as stopped:
        # Whoever presses Ctrl-C wants it to stop; whoever ends a process for a restart does not.
        if stopped.exit_code == 128 + signal.SIGINT:
            requests.withdraw(alias)
        raise
    except StorageError as error:
        requests.note_problem(alias, str(error))
        raise
    requests.note_finished(alias)


@contextmanager
def alone_on_folders(alias: str) -> Iterator[None]:
    """Keep the commands away from the alias's folders that copy without a look at the marks."""
    with ExitStack() as held:
        described = map(conf.store_settings, conf.configured_alias(alias).stores)
        folders = {each.root.resolve() for each in described if each.is_on_this_machine}
        for folder in sorted(folder for folder in folders if folder.is_dir()):
            held.enter_context(only_run_on(folder))
        yield


class Journey:
    """One process's way through the stages. It holds the alias's *lock*, and loses it to nobody unnoticed."""

    def __init__(
        self,
        alias: str,
        target: str,
        lock: Lock,
        *,
        view: View,
        force: Collection[str] = (),
        patience: float = PATIENCE_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
        copies: bool = True,
    ) -> None:
        self.alias = alias
        self.target = target
        self._lock = lock
        self._view = view
        self._force = frozenset(force)
        self._patience = patience
        self._sleep = sleep
        self._copies = copies
        self._is_leaving = False
        self._rounds_left = ROUNDS
        self._seen_to_differ: Collection[str] = ()
        self._written: set[int] = set()  # hashes, because a site may have millions of keys
        self._files: int | None = None
        self._arrival = Arrival(alias, target, fresh_state_of(alias))

    def go(self, *, until: Collection[Stage] = (Stage.THERE, Stage.HERE)) -> Arrival:
        """Take one stage after the other until one of *until* is reached."""
        began = time.monotonic()
        leave = {
            Stage.APART: self._begin,
            Stage.BEHIND: self._catch_up,
            Stage.HANDED: self._take_over,
            Stage.TAKEN: self._confirm,
        }
        while (stage := self._stage()) not in until:
            leave[stage]()
        if stage is Stage.THERE:
            self._watch()
        self._arrival.state = fresh_state_of(self.alias)
        self._arrival.seconds = time.monotonic() - began
        return self._arrival

    def settle(self) -> Arrival:
        """Leave the other store behind, once the target has everything that is asked of it."""
        if self._stage() is not Stage.THERE:
            raise StepRefused(
                say("The links of {alias!r} do not point at a store for good yet.", alias=self.alias),
                remedy=say("Finish the move, or go back, with storage_move."),
            )
        left, self._is_leaving = self._other, True
        self._wait("settle")
        # What only the store that is left has is lost to visitors from now on. Elsewhere the target was right already.
        self._refuse(self._found_in_what_is_left(left))
        self._view.begins("settle", say("The store {store!r} is left behind; its files stay there.", store=left))
        leave = ladder.settle if self._goes_up else ladder.cancel
        self._arrival.state = self._step("settle", partial(leave, despite_marks="open-marks" in self._force))
        return self._arrival

    def _found_in_what_is_left(self, left: str) -> list[Blocker]:
        """Return what would be out of reach without the store that is left; it may be dead, and then nobody knows."""
        try:
            found = self._looked_at(
                "settle", say("Comparing {one!r} with {other!r} once more.", one=self.target, other=left)
            )
        except (StoreRefused, TransientStoreError) as error:
            what = say("What only {left!r} has could not be seen: {what}", left=left, what=error.what)
            return [Blocker("not-compared", what, IF_IT_IS_DEAD, error.exit_code)]
        return [each for each in found if each.name in ("missing", "held-back")]

    def _stage(self) -> Stage:
        self._lock.check()
        return stage_of(fresh_state_of(self.alias), self.target)

    @property
    def _other(self) -> str:
        """The store that the files come from."""
        state = fresh_state_of(self.alias)
        return next(name for name in state.in_use if name != self.target)

    @property
    def _turned_back(self) -> bool:
        """Whether links never pointed elsewhere since they pointed at the target.

        Then the files come from nowhere: it has all that bears no mark, and nothing of the other store may replace it.
        """
        return fresh_state_of(self.alias).linked == self.target

    # The stages

    def _begin(self) -> None:
        if not fresh_state_of(self.alias).epoch:
            # The files may be elsewhere than the settings say; even in the target, and then nothing is left to do.
            beginning.begin(self.alias)
            return
        self._refuse(self._tried())
        self._wait("check")  # the journey before this one may have ended a moment ago
        active = fresh_state_of(self.alias).active
        self._view.begins(
            "mirror",
            say(
                "From now on every change in {active!r} is carried to {target!r} too.",
                active=active,
                target=self.target,
            ),
        )
        ladder.begin_mirroring(self.alias, self.target)

    def _catch_up(self) -> None:
        self._wait("mirror")
        found = self._made_equal()
        self._refuse(found if self._copies else [*found, *self._tried(), *self._asked()])
        self._view.begins("switch", say("Links point at the site itself from now on."))
        self._step("switch", self._forward(ladder.begin_handover))

    def _take_over(self) -> None:
        self._wait("switch")
        if self._turned_back:
            pass
        elif fresh_state_of(self.alias).step is Step.UNCONFIRMED:
            self._refuse(self._made_equal())  # on the way down: nobody has looked at it since it was the standby
        elif self._copies:
            self._copy("switch")
        self._deliver_again("switch")
        self._view.begins("switch", say("New files go to {store!r} from now on.", store=self.target))
        self._step("switch", self._forward(ladder.exchange))

    def _confirm(self) -> None:
        self._wait("switch")
        if not self._turned_back:
            found = self._looked_at("verify", say("The last look at everything before links point there."))
            if self._may_copy_again(found):
                self._view.begins("copy", say("One step back, to copy what is missing there."))
                self._step("copy", ladder.cancel if self._goes_up else ladder.exchange)
                return
            self._refuse([*found, *self._asked()])
        self._view.begins("switch", say("Links point at {store!r} from now on.", store=self.target))
        self._step("switch", self._forward(ladder.confirm))

    def _watch(self) -> None:
        """Wait until every process gives out the new links, and follow a few of them."""
        self._view.begins("watch", say("Seeing that everything goes well where it is now."))
        self._wait("watch")
        if self._is_asked_by_strangers:
            self._refuse(strangers.ask_for_some(self.alias, self.target, self._other).blockers())

    # Taking a step

    @property
    def _goes_up(self) -> bool:
        """Whether the next step towards the target is one up the ladder: not if the alias came from there."""
        state = fresh_state_of(self.alias)
        return (state.step in (Step.MIRRORING, Step.HANDOVER)) is (state.active != self.target)

    def _forward(self, up: Callable[..., State]) -> Callable[[str], State]:
        """Return the step *up*, or the one back where the target is the store that the alias came from."""
        if not self._goes_up:
            return ladder.cancel
        return partial(up, despite_marks=True) if "open-marks" in self._force else up

    def _step(self, chapter: str, step: Callable[[str], State]) -> State:
        for tries_left in reversed(range(TRIES)):
            self._lock.check()
            try:
                return step(self.alias)
            except StepRefused:
                if not tries_left:
                    raise
                # A process that was frozen since long ago has just come to itself, and told of what it wrote.
                self._wait(chapter)
        raise AssertionError("the last try returns or raises")

    def _wait(self, chapter: str) -> None:
        """Wait until everybody goes by the current step and all is carried over that has to be, at work on that."""
        patience_ends = time.monotonic() + self._patience
        while True:
            self._lock.check()
            drained = marks.drain(self.alias)
            self._arrival.delivered += drained.delivered
            state = fresh_state_of(self.alias)
            seconds, in_the_way = ladder.seconds_to_wait(state), self._in_the_way(state)
            if not seconds and not in_the_way:
                return
            if in_the_way and time.monotonic() > patience_ends:
                raise Blocked([ladder.blocker_of(in_the_way)])
            to_wait = say(
                "{seconds:.0f} s to wait; changes to carry over: {count:,}.", seconds=seconds, count=in_the_way.count
            )
            reasons = [say("{store}: {why}", store=store, why=why) for store, why in drained.reasons.items()]
            self._view.goes_on(chapter, joined([to_wait, *reasons], " "))
            self._sleep(min(max(seconds, 0.2), 1.0))

    def _in_the_way(self, state: State) -> marks.Waiting:
        """Return the open marks the next step has to wait for; on the way back the store that is left may be dead."""
        if "open-marks" in self._force:
            return marks.Waiting()
        if self._goes_up and not self._is_leaving:
            return ladder.behind(state)
        # While others write to the store that is left, there is always a change on its way; only the older ones count.
        is_there = state.active == self.target
        return marks.waiting_for(self.alias, self.target, before_epoch=None if is_there else state.epoch)

    # Looking at the files

    def _made_equal(self) -> list[Blocker]:
        """Copy until nothing is left that a copy may help, and return what is in the way then."""
        while True:
            if self._copies:
                self._copy("copy")
            found = self._looked_at(
                "verify", say("Comparing {one!r} with {other!r}, file by file.", one=self.target, other=self._other)
            )
            if not self._may_copy_again(found):
                return found

    def _copy(self, chapter: str) -> None:
        source = self._other
        self._view.begins(chapter, say("Copying what {store!r} lacks or holds differently.", store=self.target))
        report = transfer.copy(
            conf.store_named(source),
            watched(self.alias, self.target, wrote=lambda key: self._written.add(hash(key))),
            comparing.copying_rules(self.alias, self.target, but_not=self._seen_to_differ),
            progress=Copying(self._view, chapter),
            state_dir=conf.configuration().state_dir,
        )
        self._files = report.seen
        self._arrival.copied += report.copied
        self._arrival.bytes += report.bytes
        for note in report.notes:
            self._view.says(chapter, note)

    def _looked_at(self, chapter: str, text: str) -> list[Blocker]:
        self._view.begins(chapter, text)
        found = self._compared(chapter)
        self._deliver_again(chapter)
        return found

    def _compared(self, chapter: str) -> list[Blocker]:
        counting = Counting(self._view, chapter, say("compared"), self._files)
        found = comparing.compare(self.alias, self._other, self.target, counting=counting.over)
        self._seen_to_differ = found.once_true_in_target
        self._files = self._arrival.compared = counting.count
        self._arrival.lost = found.lost
        return comparing.blockers_in(found, self.alias, self._other, self.target)

    def _deliver_again(self, chapter: str) -> None:
        for _ in range(ROUNDS):
            if not comparing.open_again_what_differs(self.alias, self._other, self.target):
                return
            self._wait(chapter)

    def _may_copy_again(self, found: list[Blocker]) -> bool:
        """Return whether another copy may help, and count it."""
        names = {each.name for each in found}
        if not self._copies or not self._rounds_left or not names & CAN_BE_COPIED - self._force:
            return False
        self._rounds_left -= 1
        if self._seen_to_differ:
            self._sleep(THAWING_SECONDS)
        return True

    def _tried(self) -> list[Blocker]:
        self._view.begins("check", say("Trying the store {store!r}.", store=self.target))
        return trying.try_target(self.alias, self.target)

    def _asked(self) -> list[Blocker]:
        """Ask for the files as strangers; what the site itself serves is served as it was before."""
        if not self._is_asked_by_strangers:
            return []
        public_url = conf.store_settings(self.target).public_url
        self._view.begins("verify", say("Asking for files at {url} as visitors do.", url=public_url))
        left = None if self._files is None else max(self._files - len(self._written), 0)
        counting = Counting(self._view, "verify", say("asked for"), left)
        asked = strangers.ask_for_all(
            self.alias,
            self.target,
            self._other,
            skip=lambda key: hash(key) in self._written,
            counting=counting.over,
        )
        self._arrival.asked += asked.fine + asked.wrong
        self._arrival.mended += asked.mended
        return asked.blockers()

    @property
    def _is_asked_by_strangers(self) -> bool:
        """Whether visitors read from the target itself, and not from the site."""
        target = conf.store_settings(self.target)
        is_linked = bool(target.public_url) and conf.configured_alias(self.alias).serving != conf.PROXY
        return is_linked and not target.is_on_this_machine and not conf.configured_alias(self.alias).private

    def _refuse(self, blockers: list[Blocker]) -> None:
        """Raise `Blocked` unless each of *blockers* was overruled by its name."""
        for each in blockers:
            if each.name in self._force:
                self._arrival.forced.append(each.name)
                self._view.says("force", say("{name}: {what}", name=each.name, what=each.what))
        if left := [each for each in blockers if each.name not in self._force]:
            raise Blocked(left)
