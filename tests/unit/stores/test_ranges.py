"""A long listing cut into ranges is the same as one page after the other, whatever the names are like."""

from __future__ import annotations

import random
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from external_storage.errors import TransientStoreError
from external_storage.objects import ObjectInfo, in_key_order
from external_storage.stores.s3 import ranges
from external_storage.stores.s3.listing import Page
from external_storage.stores.s3.ranges import list_in_ranges

CHANCE = random.Random(20_000)


class Bucket:
    """Lists names in short pages, and counts how many are asked for, and at once."""

    def __init__(self, names, *, page: int = 20, seconds: float = 0.0, fails_after: str | None = None) -> None:
        self.names = sorted(set(names), key=in_key_order)
        self.asked = self.at_once = self.most_at_once = 0
        self._page = page
        self._seconds = seconds
        self._fails_after = fails_after
        self._lock = threading.Lock()

    def pages(self, prefix: str, after: str) -> Iterator[Page]:
        names = [name for name in self.names if name.startswith(prefix)]
        while True:
            with self._lock:
                self.asked += 1
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            time.sleep(self._seconds)
            with self._lock:
                self.at_once -= 1
            if self._fails_after is not None and after >= self._fails_after:
                raise TransientStoreError("The connection was lost.")
            start = bisect_right(names, in_key_order(after), key=in_key_order)
            page = names[start : start + self._page]
            more = start + self._page < len(names)
            yield Page([ObjectInfo(name, 1) for name in page], "more" if more else "")
            if not more:
                return
            after = page[-1]

    def listed(self, prefix: str = "", after: str = "", until: str | None = None) -> list[str]:
        return [info.key for info in list_in_ranges(self.pages, prefix, after, until)]

    def wanted(self, prefix: str = "", after: str = "", until: str | None = None) -> list[str]:
        first, last = in_key_order(after), until if until is None else in_key_order(until)
        return [
            name
            for name in self.names
            if name.startswith(prefix) and in_key_order(name) > first and (last is None or in_key_order(name) <= last)
        ]


def uuid() -> str:
    return str(UUID(int=CHANCE.getrandbits(128), version=4))


COVERS = [f"covers/{uuid()}.jpg" for _ in range(3_000)]
NAMES = {
    "uuids": COVERS,
    "numbers": [f"{n:07}.jpg" for n in range(3_000)],
    "numbers of any length": [f"img_{n}.jpg" for n in range(3_000)],
    "two folders": COVERS[:1_500] + [f"thumbnails/{uuid()}-{width}.webp" for _ in range(700) for width in (160, 320)],
    "many folders": [f"{n % 40}/{n % 7}/{uuid()[:6]}" for n in range(3_000)],
    "a crowd after a few": [f"a{n:05}" for n in range(100)] + [f"z{uuid()}" for _ in range(2_000)],
    "a few after a crowd": [f"a{n:09}" for n in range(2_000)] + [f"z{uuid()}" for _ in range(100)],
    "any characters": ["".join(CHANCE.choices("abé日😀 -/.", k=CHANCE.randint(1, 9))) for _ in range(3_000)],
    "one after another": [f"x/{'a' * n}" for n in range(1, 400)],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_every_object_comes_once_and_in_order(names):
    bucket = Bucket(names)
    assert bucket.listed() == bucket.names
    for prefix, after, until in [
        ("", bucket.names[50], bucket.names[-50]),
        (bucket.names[0][:3], "", None),
        (bucket.names[-1][:2], bucket.names[10], None),
        ("", "", bucket.names[-1] + "x"),
        ("none", "", None),
        ("", bucket.names[-1], None),
    ]:
        assert bucket.listed(prefix, after, until) == bucket.wanted(prefix, after, until), (prefix, after, until)


@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6), max_size=300),
    after=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=2),
    until=st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=2),
)
def test_any_range_of_any_names_is_listed(names, after, until):
    bucket = Bucket(names, page=3)
    assert bucket.listed("", after, until) == bucket.wanted("", after, until)


def test_few_more_pages_are_asked_for_than_there_are():
    bucket = Bucket(COVERS)
    bucket.listed()
    assert bucket.asked < 1.3 * len(bucket.names) / 20


def test_ranges_are_listed_side_by_side():
    bucket = Bucket(COVERS, seconds=0.005)
    bucket.listed()
    assert 4 <= bucket.most_at_once <= ranges.AT_ONCE + 1


def test_a_listing_that_is_left_early_asks_for_little():
    bucket = Bucket(COVERS)
    assert len(list(islice(list_in_ranges(bucket.pages, "", "", None), 30))) == 30
    assert bucket.asked <= 1 + (ranges.AT_ONCE + 1) * ranges.MOST_PAGES_IN_RANGE
    short = Bucket(COVERS)
    next(list_in_ranges(short.pages, "", "", None))
    assert short.asked == 1


def test_an_error_in_a_range_is_raised_where_the_range_is_due():
    bucket = Bucket(COVERS, fails_after="covers/8")
    seen: list[str] = []
    with pytest.raises(TransientStoreError):
        seen.extend(info.key for info in list_in_ranges(bucket.pages, "", "", None))
    listing, seen = list_in_ranges(bucket.pages, "", "", None), []
    with pytest.raises(TransientStoreError):
        while True:
            seen.append(next(listing).key)
    assert seen == bucket.names[: len(seen)]
    assert seen[-1] < "covers/9"
    assert seen[-1] > "covers/6"
