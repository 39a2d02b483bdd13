"""Invent a library: authors, books, people, what they shelve and what they think. Pure, and the same for one seed.

Every thing is drawn from a generator of its own, so book 17 stays book 17 when the library grows, and none depends on
how many came before.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...books.isbn import with_check_digit
from .words import LANGUAGES, PLACE_BEGINNINGS, PLACE_ENDINGS, WEIGHTS, Language

OPENED = datetime(2024, 3, 1, 9, tzinfo=UTC)
OWN_SHELVES = ("Sea stories", "Pour l’été", "Borrowed", "Kurz und gut", "For the train", "À offrir")


@dataclass(frozen=True, slots=True)
class DemoAuthor:
    name: str
    bio: str
    born: int
    died: int | None


@dataclass(frozen=True, slots=True)
class DemoBook:
    """One edition. A reprint has the number of the book it is another edition of."""

    number: int
    reprint_of: int | None
    title: str
    subtitle: str
    series: str
    description: str
    language: str
    publisher: str
    published_year: int
    pages: int
    isbn_13: str
    authors: tuple[DemoAuthor, ...]
    added_at: datetime
    has_cover: bool


@dataclass(frozen=True, slots=True)
class DemoReview:
    book: int
    rating: int | None
    title: str
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class DemoPerson:
    number: int
    username: str
    display_name: str
    bio: str
    joined_at: datetime
    has_avatar: bool
    shelves: dict[str, tuple[int, ...]]
    """Book numbers by shelf: the four identifiers everyone has, and at most one name of the person's own."""
    reviews: tuple[DemoReview, ...]


class DemoLibrary:
    """A library of *size* editions, drawn from *seed*."""

    def __init__(self, size: int = 300, seed: int = 1) -> None:
        self.size = size
        self.seed = seed

    def books(self, start: int = 0) -> Iterator[DemoBook]:
        return (self.book(number) for number in range(start, self.size))

    def people(self) -> Iterator[DemoPerson]:
        return (self.person(number) for number in range(min(60, 12 + self.size // 50)))

    def book(self, number: int) -> DemoBook:
        draw = self._draw("book", number)
        if number >= 10 and draw.random() < 0.08:
            original = self._first_edition(draw.randrange(number))
            return self._reprint(number, original, draw)
        return self._first_edition(number)

    def _first_edition(self, number: int) -> DemoBook:
        draw = self._draw("text", number)
        authors = self._authors_of(number, draw)
        language = self._language_of_author(self._author_number(number))
        return DemoBook(
            number=number,
            reprint_of=None,
            title=_title(language, draw),
            subtitle=draw.choice(language.subtitles) if draw.random() < 0.35 else "",
            series=f"{draw.choice(language.series)} {draw.randint(1, 6)}" if draw.random() < 0.15 else "",
            description=_description(language, draw),
            language=language.code,
            publisher=draw.choice(language.publishers),
            published_year=int(draw.triangular(1921, 2024, 2012)),
            pages=int(draw.triangular(64, 820, 260)),
            isbn_13=self.isbn(number),
            authors=authors,
            added_at=self._added_at(number),
            has_cover=draw.random() > 0.04,
        )

    def _reprint(self, number: int, original: DemoBook, draw: random.Random) -> DemoBook:
        language = next(language for language in LANGUAGES if language.code == original.language)
        return DemoBook(
            number=number,
            reprint_of=original.number,
            title=original.title,
            subtitle=original.subtitle,
            series=original.series,
            description=original.description,
            language=original.language,
            publisher=draw.choice(language.publishers),
            published_year=min(2024, original.published_year + draw.randint(1, 30)),
            pages=original.pages + draw.randint(-12, 40),
            isbn_13=self.isbn(number),
            authors=original.authors,
            added_at=self._added_at(number),
            has_cover=True,
        )

    def _draw(self, kind: str, number: int) -> random.Random:
        return random.Random(f"{self.seed}/{kind}/{number}")  # noqa: S311

    def isbn(self, number: int) -> str:
        # No country was given the numbers that begin with 978-69, so no real book has one.
        return with_check_digit(f"97869{(number * 7919 + self.seed * 104_729) % 10_000_000:07}")

    def _added_at(self, number: int) -> datetime:
        return OPENED + timedelta(hours=7 * number, minutes=number * 37 % 60)

    def _author_number(self, book: int) -> int:
        # The earlier authors have more books, as in any library; about three on average.
        return int(self._draw("authorship", book).random() ** 1.4 * (6 + book / 2.2))

    def _authors_of(self, book: int, draw: random.Random) -> tuple[DemoAuthor, ...]:
        first = self._author_number(book)
        numbers = [first, first + 1] if draw.random() < 0.07 else [first]
        return tuple({author.name: author for author in map(self.author, numbers)}.values())

    def _language_of_author(self, number: int) -> Language:
        return self._draw("language", number).choices(LANGUAGES, WEIGHTS)[0]

    def author(self, number: int) -> DemoAuthor:
        draw = self._draw("author", number)
        language = self._language_of_author(number)
        name = f"{draw.choice(language.given_names)} {draw.choice(language.family_names)}"
        if number >= 80:
            # Two initials keep the many authors of a large library apart.
            initials = f"{draw.choice('ABCDEFGHJKLMNPRSTVW')}. {draw.choice('ABCDEFGHJKLMNPRSTVW')}."
            name = name.replace(" ", f" {initials} ", 1)
        born = draw.randint(1890, 1992)
        died = min(2023, born + draw.randint(48, 95)) if born < 1950 and draw.random() < 0.7 else None
        bio = draw.choice(language.biographies).format(name=name) if draw.random() < 0.6 else ""
        return DemoAuthor(name, bio, born, died)

    def person(self, number: int) -> DemoPerson:
        draw = self._draw("person", number)
        language = draw.choices(LANGUAGES, WEIGHTS)[0]
        given, family = draw.choice(language.given_names), draw.choice(language.family_names).split()[0]
        return DemoPerson(
            number=number,
            username="demo" if number == 0 else f"{_plain(given)}.{_plain(family)}{number}",
            display_name=f"{given} {family}",
            bio=draw.choice(language.afterthoughts) if draw.random() < 0.7 else "",
            joined_at=OPENED + timedelta(days=number * 3, hours=draw.randrange(12)),
            has_avatar=number == 0 or draw.random() < 0.85,
            shelves=self._shelves_of(draw),
            reviews=tuple(self._reviews_by(draw)),
        )

    def _shelves_of(self, draw: random.Random) -> dict[str, tuple[int, ...]]:
        taken = draw.sample(range(self.size), min(self.size, draw.randint(10, 45)))
        ends = [*sorted(draw.sample(range(len(taken) + 1), min(3, len(taken) + 1))), len(taken)]
        starts = [0, *ends[:-1]]
        names = ("to-read", "reading", "read", "stopped-reading")
        shelves = {name: tuple(taken[a:b]) for name, a, b in zip(names, starts, ends, strict=False)}
        if draw.random() < 0.4:
            shelves[draw.choice(OWN_SHELVES)] = tuple(draw.sample(taken, len(taken) // 3))
        return shelves

    def _reviews_by(self, draw: random.Random) -> Iterator[DemoReview]:
        for book in draw.sample(range(self.size), min(self.size, draw.randint(3, 18))):
            language = next(one for one in LANGUAGES if one.code == self.book(book).language)
            rating = draw.choices((1, 2, 3, 4, 5), (1, 2, 6, 9, 7))[0]
            text = "" if draw.random() < 0.35 else _opinion(language, rating, draw)
            title = draw.choice(language.afterthoughts).rstrip(".") if text and draw.random() < 0.4 else ""
            written_at = self._added_at(book) + timedelta(days=draw.randint(1, 60), minutes=draw.randrange(1440))
            yield DemoReview(book, rating, title, text, written_at)


def _title(language: Language, draw: random.Random) -> str:
    one, two = draw.sample(language.things, 2)
    place = draw.choice(PLACE_BEGINNINGS) + draw.choice(PLACE_ENDINGS)
    return draw.choice(language.titles).format(one=one, one_low=_low(one), two=_low(two), place=place)


def _low(thing: str) -> str:
    """Return *thing* as it stands inside a sentence: its article is not written large there."""
    return thing[0].lower() + thing[1:]


def _description(language: Language, draw: random.Random) -> str:
    who = draw.choice(language.given_names)
    parts = [draw.choice(language.openings).format(who=who), draw.choice(language.turns)]
    if draw.random() < 0.7:
        parts.append(draw.choice(language.endings))
    return " ".join(parts)


def _opinion(language: Language, rating: int, draw: random.Random) -> str:
    first = draw.choice(language.praise if rating >= 3 else language.doubts)
    second = draw.choice(language.doubts) if rating in (3, 4) and draw.random() < 0.4 else ""
    return " ".join(part for part in (first, second, draw.choice(language.afterthoughts)) if part)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.replace("ı", "i")).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum())
