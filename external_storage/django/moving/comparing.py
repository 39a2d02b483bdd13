"""Compare the two stores of an alias that is being moved, and name what keeps links from pointing at the new one.

What the site touched while it is being moved bears a mark and is the drainer's to deliver, so it is not judged here;
if it was delivered and differs all the same, it is delivered again. Everything else has to be the same in both stores.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from ... import transfer
from ...errors import KeyRefused, ObjectMissing, SourceUnreadable, VerificationFailed
from ...health.preflight import PROBES
from ...objects import HoldBack, ObjectInfo, PassedOver
from ...sentences import Sentence, joined, say
from ...stores.base import Store
from ...stores.passing_on import PassesReadingOn
from ...stores.retrying import RetryingStore
from ...transfer import Line, Rules
from ...transfer.side_by_side import side_by_side
from .. import conf
from ..references import References
from ..ways import rule_of
from . import marks
from .ladder import Blocker
from .state import fresh_state_of
from .watching import sparing

CALLED = {"+": "missing", "*": "different", "-": "target-only", "!": "unreadable"}

MOST_NAMED = 5

THREADS = 8

# So many of a kind are looked at a second time; beyond that nobody changed one just while it was compared.
LOOKED_AT_AGAIN = 200

_IN_WORDS = {
    "missing": (
        say("Files that are not in {target!r} ({count:,})"),
        say("Run storage_move again; it copies what is missing."),
    ),
    "different": (
        say("Files that differ between {source!r} and {target!r} ({count:,})"),
        say("Run storage_move again; it copies them once more. If they still differ, ask why with storage_verify."),
    ),
    "target-only": (
        say("Files that are in {target!r} alone, and the site does not know why ({count:,})"),
        say(
            "They may have been deleted before changes were carried there. storage_prune {alias} {target} shows them, "
            "and removes them if you agree."
        ),
    ),
    "unreadable": (
        say("Files that could not be compared ({count:,})"),
        say("See that they can be read, or remove them."),
    ),
    "held-back": (
        say("Files that the database refers to and that may not become public ({count:,})"),
        say("Let the publishing rule allow them, or remove the rows that refer to them."),
    ),
}


@dataclass(slots=True)
class Comparison:
    """What a comparison found: how many files are the same, and of each kind of trouble how many and which first."""

    same: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    """Keys that rows refer to and neither store has: lost before the move, and not in its way."""
    once_true_in_target: set[str] = field(default_factory=set)
    """Keys that were written in the target, carried over from there, and now are something else in it, or missing."""

    def add(self, kind: str, key: str, reason: str = "") -> None:
        self.counts[kind] += 1
        known = self.named.setdefault(kind, [])
        if len(known) < MOST_NAMED:
            known.append(of_key(key, reason) if reason else repr(key))


def rules_for(alias: str) -> Rules:
    """Return the rules by which the files of *alias* are compared and copied while it is moved."""
    return Rules(publish=rule_of(conf.configured_alias(alias)))


def copying_rules(alias: str, target: str, *, but_not: Collection[str] = ()) -> Rules:
    """Return the rules of a copy to *target*, which replaces what differs.

    A key that *target* holds the true version of, because it was the active store a while ago, is left alone: the
    drainer carries it the other way. So are those that it has carried, *but_not* what was seen to differ for longer
    than it takes to mark it: a process that was frozen since may be writing one of them just now.
    """
    state = fresh_state_of(alias)
    ahead = set(marks.keys_held_by(state, target, also_delivered=True)).difference(but_not)
    ahead.update(marks.keys_held_by(state, target, also_delivered=False))
    return sparing(rules_for(alias), ahead)


def compare(
    alias: str,
    source: str,
    target: str,
    *,
    counting: Callable[[Iterator[Line]], Iterator[Line]] = iter,
) -> Comparison:
    """Compare the store *source* with *target*, and return what was found. Files of this machine's disk are read."""
    return _Comparing(alias, source, target).carried_out(counting)


def open_again_what_differs(alias: str, source: str, target: str) -> int:
    """See that what was delivered, and differs all the same, is delivered once more; return how many keys that are.

    A copier that was killed may have had a request on its way, which arrived after what the drainer sent.
    """
    comparing = _Comparing(alias, source, target)
    delivered = marks.delivered_keys(alias, fresh_state_of(alias).standby)
    return sum(side_by_side(comparing.open_again, delivered, threads=THREADS))


def strays(
    alias: str,
    source: str,
    target: str,
    *,
    counting: Callable[[Iterator[Line]], Iterator[Line]] = iter,
) -> Iterator[str]:
    """Yield the keys that `compare` would call target-only, each looked at a second time."""
    return _Comparing(alias, source, target).strays(counting)


def blockers_in(found: Comparison, alias: str, source: str, target: str) -> list[Blocker]:
    """Return what was found as blockers, one for each kind."""
    return [
        Blocker(
            kind,
            _sentence(found, kind, source, target),
            Sentence(_IN_WORDS[kind][1], alias=alias, target=target),
            SourceUnreadable.exit_code if kind == "unreadable" else VerificationFailed.exit_code,
        )
        for kind in _IN_WORDS
        if found.counts[kind]
    ]


def _sentence(found: Comparison, kind: str, source: str, target: str) -> str:
    count, named = found.counts[kind], found.named[kind]
    said = Sentence(_IN_WORDS[kind][0], count=count, source=source, target=target)
    rest = ["…"] if count > len(named) else []
    return say("{what}: {named}.", what=said, named=joined([*named, *rest], "; "))


def of_key(key: str, reason: str) -> str:
    """Return what there is to say of *key*."""
    return say("{key!r} ({reason})", key=key, reason=reason)


class _Comparing:
    def __init__(self, alias: str, source: str, target: str) -> None:
        self._alias = alias
        self._target_name = target
        self._standby = fresh_state_of(alias).standby
        self._source, self._target = (RetryingStore(conf.store_named(name)) for name in (source, target))
        self._is_folder = conf.store_settings(target).is_on_this_machine
        self._rules = rules_for(alias)
        self._references = References(alias)
        self._found = Comparison()

    def carried_out(self, counting: Callable[[Iterator[Line]], Iterator[Line]]) -> Comparison:
        unseen = set(self._references.originals)
        for line in counting(transfer.verify(self._source, self._target, self._rules)):
            unseen.discard(line.key)
            self._judge(line)
        for key in sorted(unseen):
            self._judge_unseen(key)
        return self._found

    def strays(self, counting: Callable[[Iterator[Line]], Iterator[Line]]) -> Iterator[str]:
        for line in counting(transfer.verify(self._source, self._target, self._rules)):
            if line.symbol == "-" and not self._is_the_drainers(line.key) and self._is_stray(line.key):
                yield line.key

    def _is_stray(self, key: str) -> bool:
        line = self._line_of(key)
        return line is not None and line.symbol == "-" and not self._is_the_drainers(key) and self._counts(line)

    def _judge(self, line: Line) -> None:
        if line.symbol == "=":
            self._found.same += 1
        elif self._is_the_drainers(line.key):
            return
        elif self._found.counts[CALLED[line.symbol]] > LOOKED_AT_AGAIN:
            self._add(line, line.key)
        else:
            self._look_again(line.key)

    def _look_again(self, key: str) -> None:
        """Judge one file by itself: the two listings are not of one instant."""
        line = self._line_of(key)
        # The mark is made before the store is touched, so it is there by now if the site had a part in what was seen.
        if line is None or self._is_the_drainers(key):
            return
        if line.symbol == "=":
            self._found.same += 1
        elif self._counts(line):
            self._add(line, key)

    def _add(self, line: Line, key: str) -> None:
        self._found.add(CALLED[line.symbol], key, line.reason)
        if line.symbol in "+*" and any(mark.holder == self._target_name for mark in marks.of_key(self._alias, key)):
            self._found.once_true_in_target.add(key)

    def _line_of(self, key: str) -> Line | None:
        """Compare one file; None if neither store has it."""
        alone = dataclasses.replace(self._rules, prefix=key)
        one, other = _OneObject(self._source), _OneObject(self._target)
        return next(transfer.verify(one, other, alone, concurrency=1), None)

    def _is_the_drainers(self, key: str) -> bool:
        """Return whether a mark says that the store kept in step has, or had, to catch up with the key; or an open one.

        What the *active* store was sent while it was the standby is to be there by now.
        """
        return any(mark.is_open or mark.target == self._standby for mark in marks.of_key(self._alias, key))

    def open_again(self, key: str) -> bool:
        """See that a key that was delivered, and differs, is delivered once more; return whether that is so."""
        line = self._line_of(key)
        is_same = line is None or line.symbol == "="
        if is_same or any(mark.is_open for mark in marks.of_key(self._alias, key)):
            return False
        marks.open_again(self._alias, key, self._standby)
        return True

    def _counts(self, line: Line) -> bool:
        """Return whether what was found is trouble for visitors: not what no row refers to, or what never left here."""
        if line.symbol == "!":
            return line.key in self._references or not len(self._references)
        if line.symbol == "-":
            if line.key in self._references or line.key.startswith(PROBES):
                return False
            return not (self._is_folder and self._is_held_back(self._target, line.key))
        return True

    def _judge_unseen(self, key: str) -> None:
        """Judge a file that a row refers to, and that neither listing offered for comparison."""
        if self._is_the_drainers(key):
            return
        if _has(self._source, key):
            self._found.add("held-back", key, self._reason(key))
        elif not _has(self._target, key):
            self._found.lost.append(key)

    def _reason(self, key: str) -> str:
        answer = self._answer(self._source, key)
        return answer.reason if isinstance(answer, HoldBack) else ""

    def _is_held_back(self, store: Store, key: str) -> bool:
        return isinstance(self._answer(store, key), HoldBack)

    def _answer(self, store: Store, key: str) -> object:
        answer = self._rules.publish(key, None)
        if isinstance(answer, HoldBack):
            return answer
        with store.open(key) as opened:
            return self._rules.publish(key, opened.read(4096))


class _OneObject(PassesReadingOn):
    """A store of which a single object is looked at, without a walk through the folder that it shares with others."""

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        try:
            yield self.describe(prefix)
        except ObjectMissing:
            return
        except (SourceUnreadable, KeyRefused) as problem:
            yield PassedOver(prefix, problem)


def _has(store: Store, key: str) -> bool:
    try:
        store.describe(key)
    except ObjectMissing:
        return False
    return True
