"""Gather what the page to watch the storage on shows. It asks no store: only the settings, the database, the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.core.files.storage import InvalidStorageError, storages
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ..health.findings import GRAVEST_FIRST, Finding, Verdict, gathered
from ..sentences import Sentence, in_language, is_said_in, joined, unpacked
from ..transfer.cost import GB
from ..transfer.progress import bytes_in_words
from . import conf, looking, reports
from .moving import ladder, locks, marks, requests
from .moving.journey import Stage, stage_of
from .moving.state import State, Step, fresh_state_of
from .remedies import as_typed
from .staticfiles import StaticStorage

MOST_MARKS_SHOWN = 20

IN_WORDS = {
    Step.SETTLED: _("All files are in one store."),
    Step.MIRRORING: _("Every change is carried to the other store too. Links point at the old one."),
    Step.HANDOVER: _("Links point at the site itself, which finds each file where it is."),
    Step.UNCONFIRMED: _("New files go to the new store. Links still point at the site itself."),
    Step.SWITCHED: _("Links point at the new store. The old one is kept in step, so there is a way back."),
}
VERDICTS = {
    Verdict.OK: _("ok"),
    Verdict.WARNING: _("warning"),
    Verdict.FAILURE: _("failure"),
    Verdict.UNKNOWN: _("could not tell"),
}


CHAPTERS = {
    "check": _("Check"),
    "mirror": _("Mirror"),
    "copy": _("Copy"),
    "verify": _("Comparison"),
    "switch": _("Switch"),
    "watch": _("Watch"),
    "settle": _("Settle"),
    "force": _("Overruled"),
}
"""The chapters of a move, as `moving.journey` names them."""

WAY = (
    (_("Check"), {Stage.APART}),
    (_("Copy and compare"), {Stage.BEHIND}),
    (_("Switch"), {Stage.HANDED, Stage.TAKEN}),
    (_("Watch"), {Stage.THERE}),
)
"""The way to another store, and the stages of a move that each part of it is made of."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text in the reader's language, or in English where a server or a library said it; *language* tells which."""

    text: str
    language: str

    @classmethod
    def to_the_reader(cls, text: str) -> Said:
        language = get_language() or "en"
        return cls(as_typed(in_language(text, language)), language if is_said_in(text, language) else "en")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Action:
    """A button: what it does to an alias, and what somebody should know who presses it."""

    name: str
    label: str | Promise
    explained: str | Promise
    choices: tuple[str, ...] = ()
    """The stores to choose from, for an action that needs one."""


MIRROR = (
    "mirror",
    _("Mirror"),
    _("From now on every change is carried to the other store too. Nothing moves yet, and no link changes."),
)
MOVE = (
    "move",
    _("Move"),
    _(
        "The site's background worker copies what is missing, compares both stores, and lets them change places once "
        "nothing is in the way. The site goes on meanwhile. Choose the store that the files came from to go back."
    ),
)
SWITCH = (
    "switch",
    _("Switch"),
    _(
        "The site's background worker copies what the other store still lacks, compares both, and lets them change "
        "places once nothing is in the way. The site goes on meanwhile."
    ),
)
BACK = (
    "back",
    _("Go back"),
    _(
        "The same journey the other way: the store that the files came from is brought up to date, compared, and in "
        "use again. No file is lost, and the site goes on meanwhile."
    ),
)
STOP = (
    "stop",
    _("Stop mirroring"),
    _("Changes go to one store alone again, the one in use. No file is lost."),
)
SETTLE = (
    "settle",
    _("Settle"),
    _("The old store is left behind: it only hears of deletions and replaced files. Its files stay there."),
)


@dataclass(frozen=True, slots=True)
class StoreShown:
    """One store of an alias, as a box of the picture: its *role* is active, standby, retired or unused."""

    name: str
    place: str
    public_url: str
    role: str
    service: str | Promise
    files: int | None
    """How many there are; None if nobody has counted them."""
    count: Said
    """The same as people read it."""
    size: Said
    kinds: Sequence[tuple[str, Said]]
    monthly: str
    problem: Said | None


@dataclass(frozen=True, slots=True)
class PartShown:
    """A part of the way to another store; *when* is done, now or later."""

    name: str | Promise
    when: str


@dataclass(frozen=True, slots=True)
class MoveShown:
    """A move that somebody asked for, and how far it is; *share* is how much of the present chapter is behind."""

    target: str
    asked_by: str
    asked_at: datetime
    way: Sequence[PartShown]
    chapter: str | Promise
    text: Said | None
    share: float | None
    said: Sequence[Said]
    problem: Said | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class AliasShown:
    """One alias: where it stands, its stores, what is under way, and what may be done."""

    name: str
    state: State
    step: str | Promise
    since: datetime | None
    stores: Sequence[StoreShown]
    open_marks: int
    marks: Sequence[tuple[marks.Mark, Said | None]]
    blockers: Sequence[Said]
    move: MoveShown | None
    actions: Sequence[Action]


def aliases() -> list[AliasShown]:
    """Return every alias of the settings."""
    report = reports.last()
    counted = {(each["alias"], each["store"]): each for each in report.counted} if report else {}
    return [_alias(name, counted) for name in conf.configuration().aliases]


def is_live(shown: Sequence[AliasShown]) -> bool:
    """Return whether something is under way, so that the page should be looked at again soon."""
    moves = any(alias.state.is_moving or (alias.move and not alias.move.is_over) for alias in shown)
    return moves or looking.is_looking()


def actions_for(state: State) -> list[Action]:
    """Return what may be asked for where an alias stands; whether it may be done *now* is seen when it is.

    ============  ==================================
    step          may be asked for
    ============  ==================================
    settled       mirror, move to another store (static files, which every release sends anew, are only moved)
    mirroring     switch, stop mirroring
    handover      move to either store
    unconfirmed   move to either store
    switched      go back, settle
    ============  ==================================
    """
    others = tuple(name for name in conf.configured_alias(state.alias).stores if name != state.active)
    match state.step:
        case Step.SETTLED:
            offered = (MOVE,) if _is_of_static_files(state.alias) else (MIRROR, MOVE)
            return [Action(*each, choices=others) for each in offered] if others else []
        case Step.MIRRORING:
            return [Action(*SWITCH, choices=(state.standby,)), Action(*STOP)]
        case Step.SWITCHED:
            return [Action(*BACK, choices=(state.standby,)), Action(*SETTLE)]
    return [Action(*MOVE, choices=(state.standby, state.active))]


def carry_out(alias: str, action: str, target: str = "", *, asked_by: str = "") -> State:
    """Take one step, or ask for a move. Raise `StorageError`, saying why, if it may not be now."""
    match action:
        case "mirror":
            return ladder.begin_mirroring(alias, target)
        case "move" | "switch" | "back":
            requests.ask(alias, target, asked_by=asked_by)
        case "settle":
            return ladder.settle(alias)
        case "stop":
            locks.refuse_if_held(alias)
            requests.withdraw(alias)  # or the worker would begin again
            return ladder.cancel(alias)
    return fresh_state_of(alias)


def findings() -> dict[str, Any]:
    """Return the last report for the page: the findings, those that need somebody first, and how many are of a kind."""
    report = reports.last()
    if report is None:
        return {"report": None}
    ordered = sorted(report.findings, key=lambda finding: GRAVEST_FIRST.index(finding.verdict))
    language = get_language() or "en"
    shown = [
        {
            "questions": [finding.id for finding in group],
            "finding": _as_typed(group[0].said_in(language)),
            "verdict": VERDICTS[group[0].verdict],
            "kind": group[0].verdict.name.lower(),
            # What a server or a library said is in no language of ours.
            "language": language if is_said_in(group[0].seen, language) else "en",
        }
        for group in gathered(ordered)
    ]
    return {
        "report": report,
        "made_at": datetime.fromtimestamp(report.made_at, UTC),
        "is_of_before": any(fresh_state_of(name).since > report.made_at for name in conf.configuration().aliases),
        "findings": [each for each in shown if each["kind"] != "ok"],
        "fine": [each for each in shown if each["kind"] == "ok"],
    }


def _as_typed(finding: Finding) -> Finding:
    return replace(finding, remedy=as_typed(finding.remedy))


def _is_of_static_files(alias: str) -> bool:
    try:
        return isinstance(storages[alias], StaticStorage)
    except InvalidStorageError:
        return False


def _alias(name: str, counted: dict[tuple[str, str], dict[str, Any]]) -> AliasShown:
    state = fresh_state_of(name)
    return AliasShown(
        name=name,
        state=state,
        step=IN_WORDS[state.step],
        since=datetime.fromtimestamp(state.since, UTC) if state.since else None,
        stores=[_store(state, store, counted.get((name, store))) for store in _in_order(state)],
        open_marks=marks.count_open(name),
        marks=[(mark, _said(mark.last_error)) for mark in marks.open_marks(name, at_most=MOST_MARKS_SHOWN)],
        blockers=_blockers(name) if state.is_moving else (),
        move=_move(name),
        actions=actions_for(state),
    )


def _blockers(alias: str) -> list[Said]:
    return [Said.to_the_reader(joined([each.what, each.remedy], " ")) for each in ladder.blockers(alias)]


def _said(text: str) -> Said | None:
    return Said.to_the_reader(text) if text else None


def _in_order(state: State) -> list[str]:
    """Return the alias's stores, the one in use first, then the one kept in step with it."""
    return list(dict.fromkeys([*state.stores, *conf.configured_alias(state.alias).stores]))


def _role(state: State, store: str) -> str:
    if store == state.active:
        return "active"
    if store == state.standby:
        return "standby"
    return "retired" if store in state.retired else "unused"


def _store(state: State, name: str, count: dict[str, Any] | None) -> StoreShown:
    described, count = conf.store_settings(name), count or {}
    is_counted = bool(count) and not count["problem"]
    return StoreShown(
        name=name,
        place=conf.store_named(name).place,
        public_url=described.public_url,
        role=_role(state, name),
        service=_service(described),
        files=count["files"] if is_counted else None,
        count=_number(count.get("files", 0)),
        size=Said.to_the_reader(bytes_in_words(count.get("bytes", 0))),
        kinds=[(kind, _number(files)) for kind, files in (count.get("kinds") or {}).items()],
        monthly=_monthly(described, count["bytes"]) if is_counted else "",
        problem=_said(unpacked(count.get("problem", ""))),
    )


def _number(count: int) -> Said:
    return Said.to_the_reader(Sentence("{count:,}", count=count))


def _service(described: conf.StoreSettings) -> str | Promise:
    if described.service is None:
        return ""
    # The only one whose name is a description.
    return _("an S3-compatible service") if described.service.id == "generic" else described.service.name


def _monthly(described: conf.StoreSettings, size: int) -> str:
    """Return what keeping so many bytes costs a month at the list price, "" where none is known."""
    prices = described.service.prices if described.service else None
    if prices is None:
        return ""
    return f"{size / GB * prices.month:.2f} {prices.currency}"


def _move(alias: str) -> MoveShown | None:
    asked = requests.request_for(alias)
    if asked is None:
        return None
    progress = asked.progress
    return MoveShown(
        target=asked.target,
        asked_by=asked.asked_by,
        asked_at=datetime.fromtimestamp(asked.asked_at, UTC),
        way=_way(asked),
        chapter=CHAPTERS.get(progress.chapter, progress.chapter),
        text=_said(progress.text),
        share=progress.share,
        said=[Said.to_the_reader(each) for each in progress.said],
        problem=_said(asked.problem),
        is_over=not asked.is_open,
    )


def _way(asked: requests.Request) -> list[PartShown]:
    """Return the parts of the way that is being gone; none where the alias is on another one, or nobody goes on."""
    try:
        stage = stage_of(fresh_state_of(asked.alias), asked.target)
    except ladder.StepRefused:
        return []
    if not asked.is_open or stage is Stage.HERE:
        return []
    present = next(number for number, (_name, stages) in enumerate(WAY) if stage in stages)
    parts = [
        PartShown(name, "done" if number < present else "now" if number == present else "later")
        for number, (name, _stages) in enumerate(WAY)
    ]
    return [*parts, PartShown(CHAPTERS["settle"], "later")] if asked.settles else parts
