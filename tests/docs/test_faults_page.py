"""The pages that list what may go wrong, and the tests that prove each row: neither has an id that the other lacks."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGES = {"faults.md": "sft", "attacks.md": "a"}
"""Which letters the ids of a page begin with."""

THERE = [page for page in PAGES if (TREE / "docs/develop" / page).exists()]
IDS_IN_NAME = re.compile(r"^ *def test_((?:[a-z]\d+_)+)", re.MULTILINE)


def rows_of(page: str) -> list[str]:
    """Return the id of each row of the page's tables, in small letters."""
    text = (TREE / "docs/develop" / page).read_text("utf-8")
    return [each.lower() for each in re.findall(r"^\| *([A-Z]\d+) *\|", text, re.MULTILINE)]


@cache
def ids_in_tests() -> Counter[str]:
    """Return how many tests carry each id in their name; the cases of the contract are tests of every store."""
    files = [*(TREE / "tests").rglob("*.py"), *(TREE / "external_storage/testing").rglob("*.py")]
    found: Counter[str] = Counter()
    for path in files:
        for ids in IDS_IN_NAME.findall(path.read_text("utf-8")):
            found.update(ids.rstrip("_").split("_"))
    return found


@pytest.mark.parametrize("page", THERE)
def test_each_row_has_a_test_that_carries_its_id(page):
    rows = rows_of(page)
    assert rows
    assert [row for row, count in Counter(rows).items() if count > 1] == [], "two rows have one id"
    assert [row for row in rows if row[0] not in PAGES[page]] == []
    assert [row for row in rows if row not in ids_in_tests()] == [], "no test proves these"


@pytest.mark.parametrize("page", THERE)
def test_no_test_carries_an_id_that_is_not_on_the_page(page):
    rows = rows_of(page)
    assert [each for each in ids_in_tests() if each[0] in PAGES[page] and each not in rows] == []


def test_the_page_of_faults_is_there():
    assert "faults.md" in THERE
