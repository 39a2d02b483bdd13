"""What a store has is compared with what the database refers to, however much of either there is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from external_storage.health.findings import Verdict
from external_storage.health.inventory import (
    Inventory,
    Wanted,
    judge_references,
    judge_thumbnails,
    judge_unreferenced,
)
from external_storage.health.preflight import PROBES


def referred_to(key: str) -> Wanted:
    return Wanted(key, is_referred_to=True, is_expected=True)


def made(key: str, *, is_expected: bool) -> Wanted:
    return Wanted(key, is_referred_to=False, is_expected=is_expected)


def test_each_key_is_what_the_database_and_the_store_together_say_of_it():
    wanted = [
        referred_to("covers/a.png"),
        made("covers/b-large.png", is_expected=True),
        made("covers/b-small.png", is_expected=False),
        referred_to("covers/b.png"),
        made("covers/c-small.png", is_expected=False),
    ]
    held = [f"{PROBES}x", "a.txt", "covers/a.png", "covers/b-small.png", "covers/d.png", "z.txt"]
    found = Inventory.made_of(wanted, sorted(held))
    assert found.referenced == 2
    assert found.missing.named == ["covers/b.png"]
    assert found.missing_derived.named == ["covers/b-large.png"]
    assert found.unreferenced.named == ["a.txt", "covers/d.png", "z.txt"]


def test_where_all_is_there_nothing_is_said_against_it():
    found = Inventory.made_of([referred_to("a.png")], ["a.png"])
    judged = [
        judge_references(found.missing, found.referenced, "here"),
        judge_unreferenced(found.unreferenced, "here"),
        judge_thumbnails(found.missing_derived, "here", remade_by="rebuild_thumbnails"),
    ]
    assert [each.verdict for each in judged] == [Verdict.OK] * 3


def test_two_hundred_thousand_names_take_no_more_memory_than_a_few():
    count = 200_000

    def wanted() -> Iterator[Wanted]:
        return (referred_to(f"covers/{number:07}.png") for number in range(0, 2 * count, 2))

    held = (f"covers/{number:07}.png" for number in range(1, 2 * count, 2))
    tracemalloc.start()
    try:
        found = Inventory.made_of(wanted(), held)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.referenced, found.missing.count, found.unreferenced.count) == (count, count, count)
    assert most < 200_000
    told = judge_references(found.missing, found.referenced, "here").seen
    assert told.endswith("'covers/0000000.png', 'covers/0000002.png', 'covers/0000004.png' and 199997 more.")
