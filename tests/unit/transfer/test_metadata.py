"""How objects are served is compared point by point, and mended with proof."""

from __future__ import annotations

import pytest

from external_storage import transfer
from external_storage.objects import Headers, HoldBack, Publish
from external_storage.stores import MemoryStore
from external_storage.testing.contract import put
from external_storage.transfer.metadata import Access, differences, look_at_metadata

WANTED = Headers("image/png", "public, max-age=300", public=True)
OPEN, CLOSED, UNSEEN = Access(True, "answered 200."), Access(False, "answered 403."), Access(None, "no answer.")


@pytest.mark.parametrize(
    ("found", "access", "told"),
    [
        (Headers("image/png", "public, max-age=300"), OPEN, []),
        (Headers("IMAGE/PNG", "max-age=300,public"), OPEN, []),
        (Headers("image/png", "public, max-age=300"), UNSEEN, []),
        (Headers("text/plain", "public, max-age=300"), OPEN, ["content type"]),
        (Headers("image/png", ""), OPEN, ["cache control"]),
        (Headers("image/png", "public, max-age=3"), OPEN, ["cache control"]),
        (Headers("image/png", "public, max-age=300"), CLOSED, ["should be public"]),
        (Headers("", ""), CLOSED, ["content type", "cache control", "should be public"]),
    ],
)
def test_each_point_that_differs_is_told(found, access, told):
    sentences = differences(WANTED, found, access)
    assert len(sentences) == len(told)
    assert all(words in sentence for words, sentence in zip(told, sentences, strict=True))


def test_what_strangers_can_read_and_should_not_is_told():
    assert "should be private" in differences(Headers("a/b", "", public=False), Headers("a/b"), OPEN)[0]
    assert differences(Headers("a/b", "", public=False), Headers("a/b"), CLOSED) == []


def publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    if first_bytes is not None and first_bytes.startswith(b"secret"):
        return HoldBack("It begins like a secret.")
    return Publish(WANTED)


RULES = transfer.Rules(publish)


def pair(*names: str, headers: Headers = WANTED, data: bytes = b"data") -> tuple[MemoryStore, MemoryStore]:
    source, target = MemoryStore("source"), MemoryStore("target")
    for name in names:
        put(source, name, data)
        put(target, name, data, headers)
    return source, target


def inspected(source, target, access=OPEN, **options) -> list[tuple[str, str, str]]:
    lines = transfer.verify(source, target, RULES)
    looked = look_at_metadata(lines, source, target, RULES, lambda key: access, **options)
    return [(line.symbol, line.key, line.reason) for line in looked]


def test_only_what_is_served_as_wanted_stays_the_same():
    source, target = pair("a", "b")
    put(target, "b", b"data", Headers("text/plain"))
    same, different = inspected(source, target)
    assert same == ("=", "a", "")
    assert (different[0], "text/plain" in different[2]) == ("*", True)


def test_what_nobody_could_see_is_no_success():
    assert inspected(*pair("a"), access=UNSEEN) == [("!", "a", "no answer.")]


def test_what_the_rule_holds_back_by_its_content_should_not_be_there():
    source, target = pair("a", data=b"secret plans")
    assert inspected(source, target)[0][0] == "-"


def test_a_repair_changes_headers_and_leaves_the_content():
    source, target = pair("a", headers=Headers("text/plain"))
    ((symbol, _, reason),) = inspected(source, target, mend=True)
    assert (symbol, reason.startswith("Repaired.")) == ("=", True)
    assert target.describe("a").headers == WANTED
    assert {line.symbol for line in transfer.verify(source, target, RULES)} == {"="}


class ChangesNothing(MemoryStore):
    """Says yes to a repair and does not do it."""

    def republish(self, info, headers):
        pass


class LosesContent(MemoryStore):
    """Does a repair by storing nothing under the name."""

    def republish(self, info, headers):
        put(self, info.key, b"", headers)


class ChangesContent(MemoryStore):
    """Does a repair by storing as many other bytes."""

    def republish(self, info, headers):
        put(self, info.key, b"d4t4", headers)


@pytest.mark.parametrize("kind", [ChangesNothing, LosesContent, ChangesContent])
def test_a_store_that_botches_the_repair_gets_the_object_again(kind):
    source, target = MemoryStore("source"), kind("target")
    put(source, "a", b"data")
    put(target, "a", b"data", Headers("text/plain"))
    assert inspected(source, target, mend=True)[0][0] == "="
    with target.open("a") as opened:
        assert opened.read() == b"data"
    assert target.describe("a").headers == WANTED


def test_a_repair_that_did_not_help_is_not_called_one():
    ((symbol, _, reason),) = inspected(*pair("a"), access=CLOSED, mend=True)
    assert (symbol, reason.startswith("The repair did not help.")) == ("*", True)


def test_other_lines_pass_untouched():
    source, target = pair("a")
    put(source, "b", b"new")
    put(target, "c", b"old")
    assert [line[0] for line in inspected(source, target, mend=True)] == ["=", "+", "-"]
