"""Which part of a file a request asks for."""

from __future__ import annotations

import pytest

from external_storage.django.serving.ranges import Part, part_asked_for, still_holds

SIZE = 10
NOTHING = ""


@pytest.mark.parametrize(
    ("wanted", "answered"),
    [
        ("bytes=0-0", "bytes 0-0/10"),
        ("bytes=2-4", "bytes 2-4/10"),
        ("bytes=2-", "bytes 2-9/10"),
        ("bytes=-2", "bytes 8-9/10"),
        ("bytes=0-9", "bytes 0-9/10"),
        ("bytes=5-1000", "bytes 5-9/10"),
        ("bytes=-1000", "bytes 0-9/10"),
        (" bytes = 2 - 4 ", "bytes 2-4/10"),
        ("bytes=10-", "bytes */10"),
        ("bytes=99-100", "bytes */10"),
        ("bytes=-0", "bytes */10"),
        ("bytes=4-2", NOTHING),
        ("bytes=0-1,4-5", NOTHING),
        ("bytes=-", NOTHING),
        ("bytes=a-b", NOTHING),
        ("bytes=1-2-3", NOTHING),
        ("bytes=٣-", NOTHING),
        ("lines=1-2", NOTHING),
        ("bytes=" + "9" * 5000 + "-", NOTHING),
        ("", NOTHING),
    ],
)
def test_one_range_is_answered_and_everything_else_is_as_if_nobody_had_asked(wanted, answered):
    part = part_asked_for(wanted, SIZE)
    assert (part.content_range if part else NOTHING) == answered


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_an_empty_file_has_no_part(wanted):
    assert part_asked_for(wanted, 0) == Part(0, 0, 0)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('"abc"', True),
        ('"abd"', False),
        ('W/"abc"', False),
        ("abc", False),
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sun, 06 Nov 1994 08:49:38 GMT", False),
        ("yesterday", False),
    ],
)
def test_a_part_is_given_only_of_the_version_that_the_visitor_has(condition, holds):
    assert still_holds(condition, '"abc"', 784111777) is holds


def test_a_file_without_version_is_never_continued():
    assert not still_holds('""', "", None)
