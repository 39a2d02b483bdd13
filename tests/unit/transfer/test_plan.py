"""The plan's truth table, line by line."""

from __future__ import annotations

import pytest

from external_storage.errors import SourceUnreadable
from external_storage.objects import Headers, HoldBack, ObjectInfo, PassedOver, Publish
from external_storage.transfer import Pair, Rules, Verdict, decide

OF_FOUR = ObjectInfo("a.jpg", 4, md5="a" * 32)
OF_FOUR_UNKNOWN = ObjectInfo("a.jpg", 4)
OTHER_OF_FOUR = ObjectInfo("a.jpg", 4, md5="b" * 32)
OF_FIVE = ObjectInfo("a.jpg", 5, md5="c" * 32)
SOCKET = PassedOver("a.jpg", SourceUnreadable("It is a socket.", remedy="Remove it."))


def publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    return HoldBack("Archives stay private.") if key.endswith(".zip") else Publish(Headers("image/jpeg"))


REPLACE = Rules(publish)
KEEP = Rules(publish, on_difference="keep")
ONLY_REFERRED = Rules(publish, may_send=lambda key: key != "a.jpg")
NOTHING_NEW = Rules(publish, may_send=lambda key: False)
ONLY_PNG = Rules(publish, include=["*.png"])
NO_JPG = Rules(publish, exclude=["*.jpg"])


@pytest.mark.parametrize(
    ("source", "target", "rules", "same", "verdict"),
    [
        (OF_FOUR, None, REPLACE, None, Verdict.COPY),
        (OF_FOUR, None, KEEP, None, Verdict.COPY),
        (OF_FOUR, None, ONLY_REFERRED, None, Verdict.LEAVE_OUT),
        (OF_FOUR, OTHER_OF_FOUR, NOTHING_NEW, False, Verdict.COPY),
        (OF_FOUR, OF_FOUR, REPLACE, None, Verdict.ALREADY_THERE),
        (OF_FOUR, OF_FOUR, KEEP, None, Verdict.ALREADY_THERE),
        (OF_FOUR, OF_FIVE, REPLACE, None, Verdict.COPY),
        (OF_FOUR, OF_FIVE, KEEP, None, Verdict.CONFLICT),
        (OF_FOUR, OTHER_OF_FOUR, REPLACE, None, Verdict.COMPARE),
        (OF_FOUR, OF_FOUR_UNKNOWN, REPLACE, None, Verdict.COMPARE),
        (OF_FOUR_UNKNOWN, OF_FOUR, REPLACE, None, Verdict.COMPARE),
        (OF_FOUR_UNKNOWN, OF_FOUR_UNKNOWN, REPLACE, None, Verdict.COMPARE),
        (OF_FOUR_UNKNOWN, OF_FOUR, REPLACE, True, Verdict.ALREADY_THERE),
        (OF_FOUR_UNKNOWN, OF_FOUR, REPLACE, False, Verdict.COPY),
        (OF_FOUR_UNKNOWN, OF_FOUR, KEEP, False, Verdict.CONFLICT),
        (None, OF_FOUR, REPLACE, None, Verdict.ONLY_IN_TARGET),
        (SOCKET, None, REPLACE, None, Verdict.UNUSABLE),
        (SOCKET, OF_FOUR, REPLACE, None, Verdict.UNUSABLE),
        (OF_FOUR, SOCKET, REPLACE, None, Verdict.COPY),
        (OF_FOUR, SOCKET, KEEP, None, Verdict.CONFLICT),
        (OF_FOUR, None, ONLY_PNG, None, Verdict.OUT_OF_SCOPE),
        (OF_FOUR, None, NO_JPG, None, Verdict.OUT_OF_SCOPE),
        (None, OF_FOUR, NO_JPG, None, Verdict.OUT_OF_SCOPE),
    ],
)
def test_each_line_of_the_table_decides(source, target, rules, same, verdict):
    assert decide(Pair("a.jpg", source, target), rules, same=same).verdict is verdict


def test_what_the_rule_holds_back_by_name_is_held_back_with_its_reason():
    archive = ObjectInfo("export.zip", 4)
    for target in (None, archive):
        decision = decide(Pair("export.zip", archive, target), REPLACE)
        assert (decision.verdict, decision.reason) == (Verdict.HOLD_BACK, "Archives stay private.")


@pytest.mark.parametrize("key", ["a//b.jpg", "../a.jpg", "/a.jpg", "a\n.jpg", "a\\b.jpg"])
def test_a_name_no_store_should_hold_is_passed_over(key):
    decision = decide(Pair(key, ObjectInfo(key, 1), None), REPLACE)
    assert decision.verdict is Verdict.UNUSABLE
    assert repr(key) in decision.reason


def test_the_time_of_change_decides_nothing():
    older, newer = ObjectInfo("a", 1, "a" * 32, modified=1.0), ObjectInfo("a", 1, "a" * 32, modified=2.0)
    other_newer = ObjectInfo("a", 1, "b" * 32, modified=2.0)
    assert decide(Pair("a", older, newer), REPLACE).verdict is Verdict.ALREADY_THERE
    assert decide(Pair("a", newer, older), REPLACE).verdict is Verdict.ALREADY_THERE
    assert decide(Pair("a", older, other_newer), REPLACE, same=False).verdict is Verdict.COPY


def test_a_walks_reason_reaches_the_owner():
    decision = decide(Pair("a.jpg", SOCKET, None), REPLACE)
    assert (decision.reason, decision.remedy) == ("It is a socket.", "Remove it.")
