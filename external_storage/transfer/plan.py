"""Decide what is to be done with one pair. No reading, no clock, no log: a pair and the rules in, a decision out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

from ..errors import KeyRefused
from ..objects import HoldBack, ObjectInfo, PassedOver, PublishingRule, check_key
from ..sentences import say
from .scan import Pair


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner wants of a run.

    *publish* is the site's rule for what may be stored, and how it is served. *on_difference* says whether a target
    object that differs is replaced or kept (and named as a conflict). *may_send*, where given, is asked about keys that
    the target lacks. *include* and *exclude* are shell patterns over whole keys (``*`` matches ``/`` too); *prefix*
    narrows both listings.
    """

    publish: PublishingRule
    on_difference: Literal["replace", "keep"] = "replace"
    may_send: Callable[[str], bool] | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    prefix: str = ""

    def cover(self, key: str) -> bool:
        """Return whether the run has anything to do with *key*."""
        if self.exclude and any(fnmatchcase(key, pattern) for pattern in self.exclude):
            return False
        return not self.include or any(fnmatchcase(key, pattern) for pattern in self.include)


class Verdict(StrEnum):
    """What is to be, or was, done with one key."""

    COPY = "copy"
    COMPARE = "compare"
    ALREADY_THERE = "already there"
    HOLD_BACK = "held back"
    CONFLICT = "conflict"
    LEAVE_OUT = "left out"
    ONLY_IN_TARGET = "only in target"
    UNUSABLE = "passed over"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its reason, in words for the owner."""

    verdict: Verdict
    reason: str = ""
    remedy: str = ""


def decide(pair: Pair, rules: Rules, *, same: bool | None = None) -> Decision:
    """Return what is to be done with *pair*; the first line that fits decides.

    ============================  ============================  =========================================
    source                        target                        decision
    ============================  ============================  =========================================
    not covered by the patterns   anything                      out of scope
    passed over by the walk       anything                      pass over, for the walk's reason
    –                             object                        only in target
    a key no store should hold    anything                      pass over
    held back by its name         anything                      hold back, for the rule's reason
    object                        –                             copy, or leave out if ``may_send`` says so
    object                        other size                    copy, or conflict if differences are kept
    object                        same size, same MD5           already there
    object                        same size, no or other MD5    compare; with *same* known, it decides
    ============================  ============================  =========================================

    An other MD5 is compared too, because what looks like one need not be one: stores that encrypt give ETags of the
    same form. Modification times play no part.
    """
    if not rules.cover(pair.key):
        return Decision(Verdict.OUT_OF_SCOPE)
    if isinstance(pair.source, PassedOver):
        return Decision(Verdict.UNUSABLE, pair.source.error.what, pair.source.error.remedy)
    if pair.source is None:
        return Decision(Verdict.ONLY_IN_TARGET, say("The source has no such object."))
    try:
        check_key(pair.key)
    except KeyRefused as error:
        return Decision(Verdict.UNUSABLE, error.what, error.remedy)
    by_name = rules.publish(pair.key, None)
    if isinstance(by_name, HoldBack):
        return Decision(Verdict.HOLD_BACK, by_name.reason)
    if pair.target is None:
        return _decide_absent(pair.key, rules)
    if isinstance(pair.target, PassedOver):
        return _decide_difference(rules, pair.target.error.what)
    return _decide_present(pair.source, pair.target, rules, same)


def _decide_absent(key: str, rules: Rules) -> Decision:
    if rules.may_send is not None and not rules.may_send(key):
        return Decision(Verdict.LEAVE_OUT, say("The target lacks it, and nothing refers to it."))
    return _COPY_WHAT_IS_ABSENT


_COPY_WHAT_IS_ABSENT = Decision(Verdict.COPY, say("The target lacks it."))


def _decide_present(source: ObjectInfo, target: ObjectInfo, rules: Rules, same: bool | None) -> Decision:
    if source.size != target.size:
        reason = say("The target holds {found} bytes instead of {wanted}.", found=target.size, wanted=source.size)
        return _decide_difference(rules, reason)
    if same or (source.md5 is not None and source.md5 == target.md5):
        return Decision(Verdict.ALREADY_THERE)
    if same is None:
        return Decision(Verdict.COMPARE, say("The sizes agree; the contents must be compared."))
    return _decide_difference(rules, say("The target holds other bytes of the same number."))


def _decide_difference(rules: Rules, reason: str) -> Decision:
    if rules.on_difference == "keep":
        return Decision(Verdict.CONFLICT, reason, say("It was kept. Decide which of the two is right."))
    return Decision(Verdict.COPY, reason)
