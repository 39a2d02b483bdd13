"""Prove what is in the target, with other requests than the ones that wrote it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import ObjectMissing, StorageError, StoreRefused
from ..objects import HoldBack, ObjectInfo
from ..sentences import say
from ..stores.base import Store
from ..stores.contents import CHUNK, RecordedDigests, md5_of, same_content
from ..stores.retrying import RetryingStore
from .plan import Rules, Verdict, decide
from .scan import Pair, scan
from .side_by_side import side_by_side

# A listing page shows this many objects for the price of one HEAD.
PER_PAGE = 1000

# How many objects are asked for at once where no listing tells their digests.
ASKING = 8

# Some stores show an object in a HEAD or a listing only a moment after they took it.
LAG_SECONDS = (0.0, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Line:
    """What verification found under one key.

    *symbol* is ``=`` same, ``+`` only in the source, ``-`` only in the target, ``*`` differs, ``!`` could not be read.
    """

    symbol: str
    key: str
    reason: str = ""


def verify(
    source: Store, target: Store, rules: Rules, *, read_data: bool = False, concurrency: int = 8
) -> Iterator[Line]:
    """Yield a line for each key of either store, in key order; with *read_data* every target object is read back.

    What the site's rule holds back is not expected in the target: absent it gets no line, present a ``-``.
    """
    source, target = RetryingStore(source), RetryingStore(target)
    recorded = RecordedDigests()

    def look_at(pair: Pair) -> Line | None:
        try:
            return _line(source, target, pair, rules, read_data, recorded)
        except StoreRefused:
            raise
        except StorageError as error:
            return Line("!", pair.key, error.what)

    for line in side_by_side(look_at, scan(source, target, prefix=rules.prefix), threads=concurrency):
        if line is not None:
            yield line


def _line(
    source: Store, target: Store, pair: Pair, rules: Rules, read_data: bool, recorded: RecordedDigests
) -> Line | None:
    decision = decide(pair, rules)
    match decision.verdict:
        case Verdict.OUT_OF_SCOPE:
            return None
        case Verdict.UNUSABLE:
            return Line("!", pair.key, decision.reason)
        case Verdict.ONLY_IN_TARGET:
            return Line("-", pair.key, decision.reason)
        case Verdict.HOLD_BACK:
            return _held_back_line(pair, decision.reason)
    if pair.target is None:
        return _absent_line(source, pair.key, rules)
    if decision.verdict is Verdict.COMPARE:
        decision = decide(pair, rules, same=same_content(source, target, pair.source, pair.target, recorded))
    if decision.verdict is not Verdict.ALREADY_THERE:
        return Line("*", pair.key, decision.reason)
    if read_data and md5_of(target, pair.key) != (pair.source.md5 or md5_of(source, pair.key)):
        return Line("*", pair.key, say("The target says it is the same, but gives out other bytes."))
    return Line("=", pair.key)


def _held_back_line(pair: Pair, reason: str) -> Line | None:
    if pair.target is None:
        return None
    return Line("-", pair.key, say("It should not be in the target: {reason}", reason=reason))


def _absent_line(source: Store, key: str, rules: Rules) -> Line | None:
    """Return ``+``, unless the first bytes show that the rule holds the object back."""
    with source.open(key) as opened:
        answer = rules.publish(key, opened.read(CHUNK))
    return None if isinstance(answer, HoldBack) else Line("+", key, say("The target lacks it."))


# What a run has just sent


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the key space, (*after*, *until*] below *prefix*, and how many objects the target had there before."""

    prefix: str
    after: str
    until: str
    objects_before: float

    @classmethod
    def without_listing(cls) -> Stretch:
        """Return one so full that each object is asked for by itself."""
        return cls("", "", "", math.inf)


def find_unproven(
    target: Store,
    sent: Sequence[ObjectInfo],
    stretch: Stretch,
    *,
    recorded: RecordedDigests | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, str]:
    """Ask the target for the objects just sent; return the reason for each that it does not show whole.

    One listing of their stretch, or a HEAD each where other objects would make the listing longer than that.
    """
    recorded = recorded or RecordedDigests()
    pages = (stretch.objects_before + len(sent)) / PER_PAGE
    doubtful = _not_listed_as_sent(target, sent, stretch, recorded) if pages < len(sent) else sent
    trouble: dict[str, str] = {}
    for seconds in LAG_SECONDS:
        if doubtful:
            sleep(seconds)
        if not doubtful:
            break
        reasons = side_by_side(lambda each: _trouble_with(target, each, recorded), doubtful, threads=ASKING)
        trouble = {each.key: reason for each, reason in zip(doubtful, reasons, strict=True) if reason}
        doubtful = [each for each in doubtful if each.key in trouble]
    return trouble


def _not_listed_as_sent(
    target: Store, sent: Sequence[ObjectInfo], stretch: Stretch, recorded: RecordedDigests
) -> Sequence[ObjectInfo]:
    expected = {each.key: each for each in sent}
    for seen in target.list(stretch.prefix, after=stretch.after, until=stretch.until):
        if seen.key in expected and _is_as_sent(seen, expected[seen.key]):
            if seen.md5 is not None:
                recorded.saw_etag_that_is_the_digest()
            del expected[seen.key]
    return list(expected.values())


def _trouble_with(target: Store, sent: ObjectInfo, recorded: RecordedDigests) -> str:
    """Ask for one object; return what is wrong with it, "" if nothing is."""
    try:
        seen = target.describe(sent.key)
        if _is_as_sent(seen, sent) or (seen.size == sent.size and _holds(target, seen, sent.md5, recorded)):
            return ""
    except ObjectMissing:
        return say("The store took it and does not hold it.")
    return say("The store took it and holds something else.")


def _holds(target: Store, seen: ObjectInfo, md5: str | None, recorded: RecordedDigests) -> bool:
    if md5 is None:
        return False
    return recorded.tell(target, seen, md5) if seen.recorded_md5 == md5 else md5_of(target, seen.key) == md5


def _is_as_sent(seen: ObjectInfo, sent: ObjectInfo) -> bool:
    if seen.size != sent.size:
        return False
    if sent.md5 is not None and sent.md5 == seen.md5:
        return True
    return (sent.part_size is not None or sent.etag_proves) and seen.etag == sent.etag
