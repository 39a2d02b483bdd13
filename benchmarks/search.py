"""Time the search on a library of 100,000 books, on SQLite or on the PostgreSQL that TESTS_DATABASE_URL names.

    python benchmarks/search.py [--books N]
    TESTS_DATABASE_URL=postgres://… python benchmarks/search.py

Works in a database of its own and leaves none behind. Prints, for each kind of question, how many books it finds and
the median and 95th percentile in milliseconds of the search itself and of the whole page.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
on_postgresql = "TESTS_DATABASE_URL" in os.environ
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings_postgresql" if on_postgresql else "tests.settings"

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_databases, setup_test_environment, teardown_databases  # noqa: E402

from bookwyrm import search  # noqa: E402
from bookwyrm.books.models import Author, Edition, Work  # noqa: E402

SYLLABLES = [first + second for first in [*"bcdfghjklmnprstv", "ch", "st", "br"] for second in "aeioué"]
COMMON = ["the", "of", "and", "a", "in", "la", "le", "les", "des", "et"]
ROUNDS = 60


def make_library(books: int, chance: random.Random) -> None:
    """Titles whose words are as unevenly frequent as those of a language, one work and edition a book."""
    vocabulary = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _number in range(20_000)]
    weights = list(accumulate(1 / (place + 10) for place in range(len(vocabulary))))

    def words(how_many: int) -> list[str]:
        return chance.choices(vocabulary, cum_weights=weights, k=how_many)

    def title() -> str:
        return " ".join(
            word for pair in zip(chance.choices(COMMON, k=3), words(3), strict=True) for word in pair
        ).capitalize()

    authors = Author.objects.bulk_create([Author(name=" ".join(words(2)).title()) for _number in range(books // 5)])
    works = Work.objects.bulk_create([Work(title=title()) for _number in range(books)], batch_size=2000)
    Work.authors.through.objects.bulk_create(
        [Work.authors.through(work=work, author=chance.choice(authors)) for work in works], batch_size=2000
    )
    Edition.objects.bulk_create(
        [
            Edition(work=work, title=work.title, isbn_13=f"978{number:010}", published_year=1900 + number % 120)
            for number, work in enumerate(works)
        ],
        batch_size=2000,
    )


def questions(chance: random.Random) -> dict[str, list[str]]:
    some = list(Edition.objects.order_by("?").select_related("work").prefetch_related("work__authors")[:ROUNDS])
    return {
        "whole title": [edition.title for edition in some],
        "one word": [edition.title.split()[1] for edition in some],
        "word and author": [f"{edition.title.split()[3]} {edition.work.authors.all()[0].name}" for edition in some],
        "author": [edition.work.authors.all()[0].name for edition in some],
        "half a word": [edition.title.split()[1][:4] for edition in some],
        "two letters": [edition.title.split()[1][:2] for edition in some],
        "most common word": [COMMON[number % len(COMMON)] for number in range(ROUNDS)],
        "two common words": [" ".join(chance.sample(COMMON, 2)) for _number in range(ROUNDS)],
        "ISBN": [edition.isbn_13 for edition in some],
        "not there": [f"zzyx{number}" for number in range(ROUNDS)],
    }


def measured(function, asked: Iterable) -> tuple[float, float, float]:
    times, results = [], []
    for text in asked:
        started = time.perf_counter()
        results.append(function(text))
        times.append((time.perf_counter() - started) * 1000)
    return statistics.mean(results), statistics.median(times), statistics.quantiles(times, n=20)[-1]


def one_search(text: str) -> int:
    results = search.Results(text)
    results[:20]
    return len(results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--books", type=int, default=100_000)
    books = parser.parse_args().books
    chance = random.Random(1)
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        make_library(books, chance)
        started = time.perf_counter()
        search.reindex()
        print(f"{connection.vendor}: {books} books indexed in {time.perf_counter() - started:.1f} s")
        client = Client(headers={"host": "books.test"})
        asked = questions(chance)
        client.get("/search/", {"q": "warm"})
        print(f"{'':18}{'found':>10}{'search p50':>12}{'p95':>8}{'page p50':>12}{'p95':>8}   (ms)")
        for kind, texts in asked.items():
            found, median, high = measured(one_search, texts)
            _size, page_median, page_high = measured(
                lambda text: client.get("/search/", {"q": text}).status_code, texts
            )
            print(f"{kind:18}{found:10.0f}{median:12.1f}{high:8.1f}{page_median:12.1f}{page_high:8.1f}")
        _saved, median, high = measured(lambda edition: edition.save() or 1, Edition.objects.order_by("?")[:ROUNDS])
        print(f"saving one book, index and all: p50 {median:.1f}, p95 {high:.1f} ms")
    finally:
        teardown_databases(databases, verbosity=0)


if __name__ == "__main__":
    main()
