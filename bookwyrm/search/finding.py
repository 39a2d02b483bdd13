"""Ask the index, and put the books that were found in order."""

from __future__ import annotations

import re
from functools import cached_property

from django.db import connection
from django.db.models import Q, QuerySet

from ..books.isbn import isbn_10, isbn_13
from ..books.models import Edition
from .engines import Candidate, engine_of
from .words import confidence, question

PUT_IN_ORDER = 200
"""So many of the database's best are sorted by confidence; the pages beyond follow the database's own measure."""

_PRINTED_BEFORE_IT = re.compile(r"\A\s*ISBN(-1[03])?[:\s]\s*", re.IGNORECASE)
_DIGITS_IN_GROUPS = re.compile(r"\s*[0-9][0-9\s-]{8,16}[0-9Xx]\s*")


Scored = tuple[Candidate, float]


def find(text: str, limit: int = 10, offset: int = 0) -> list[tuple[Edition, float]]:
    """The editions that *text* asks for, best first, each with a confidence from 0.1 to 1.0.

    *text* is an ISBN (10 or 13 digits, with or without hyphens), or words of a title, subtitle, series or author; all
    must occur, the last one may be half typed; case and accents do not matter. Whatever else is typed finds nothing.
    Work and authors are loaded with the editions.
    """
    return Results(text).found(limit, offset)


def find_isbn(text: str) -> list[tuple[Edition, float]]:
    """The editions whose ISBN *text* is, in whichever form; [] when it is none."""
    return [(edition, 1.0) for edition in _with_isbn(text)]


class Results:
    """What one question finds, page by page, for a `Paginator`; each edition has a ``confidence``."""

    def __init__(self, text: str) -> None:
        self.with_isbn = _with_isbn(text)
        self.asked = [] if self.with_isbn else _asked(text)

    @cached_property
    def count_of_all(self) -> int:
        if self.with_isbn or len(self._best) < PUT_IN_ORDER:
            return len(self.with_isbn or self._best)
        return engine_of(connection).count(connection, self.asked)

    def __len__(self) -> int:
        return self.count_of_all

    def __getitem__(self, part: slice) -> list[Edition]:
        start, stop, _step = part.indices(len(self))
        editions = []
        for edition, how_sure in self.found(stop - start, start):
            edition.confidence = how_sure
            editions.append(edition)
        return editions

    def found(self, limit: int, offset: int) -> list[tuple[Edition, float]]:
        if self.with_isbn:
            return [(edition, 1.0) for edition in self.with_isbn[offset : offset + limit]]
        scored = self._scored(limit, offset)
        editions = _complete(Edition.objects.all()).in_bulk([candidate.edition_id for candidate, _how_sure in scored])
        # An entry whose edition went past the models has none.
        known = [(editions.get(candidate.edition_id), how_sure) for candidate, how_sure in scored]
        return [(edition, how_sure) for edition, how_sure in known if edition]

    def _scored(self, limit: int, offset: int) -> list[Scored]:
        scored = self._best[offset : offset + limit]
        beyond = max(offset, PUT_IN_ORDER)
        if offset + limit > beyond and len(self._best) == PUT_IN_ORDER:
            scored += self._candidates(offset + limit - beyond, beyond)
        return scored

    @cached_property
    def _best(self) -> list[Scored]:
        return sorted(self._candidates(PUT_IN_ORDER, 0), key=lambda scored: -scored[1])

    def _candidates(self, limit: int, offset: int) -> list[Scored]:
        if not self.asked:
            return []
        candidates = engine_of(connection).candidates(connection, self.asked, limit, offset)
        return [(candidate, confidence(self.asked, candidate.title, candidate.authors)) for candidate in candidates]


def _complete(editions: QuerySet[Edition]) -> QuerySet[Edition]:
    return editions.select_related("work").prefetch_related("work__authors")


def _with_isbn(text: str) -> list[Edition]:
    text = _PRINTED_BEFORE_IT.sub("", text, count=1)
    long_form = isbn_13(text)
    if long_form is None:
        return []
    short_form = isbn_10(text)
    wanted = Q(isbn_13=long_form)
    if short_form:
        wanted |= Q(isbn_10=short_form)
    return list(_complete(Edition.objects.filter(wanted)))


def _asked(text: str) -> list[str]:
    """The words of a question; digits in groups are one word, as some ISBNs are printed wrong and catalogued so."""
    if _DIGITS_IN_GROUPS.fullmatch(text):
        return question(re.sub(r"[\s-]", "", text))
    return question(text)
