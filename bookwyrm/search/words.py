"""Turn text into the words that are compared, and say how well a book answers a question. Pure.

Both databases index the words made here and are asked with words made here, so they find the same books, and nothing
that a person types is ever read as the query syntax of one of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Letters that are written otherwise and that Unicode does not take apart.
LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)

# A run of letters and digits is a word; a Chinese or Japanese character is one by itself, as no spaces part the words.
ALONE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{ALONE}]|[^\W_{ALONE}]+")

LONGEST_WORD = 64
MOST_WORDS = 16
"""A longer question is cut: nobody asks it, and each word costs the database a look."""


def folded(text: str) -> str:
    """Write *text* in small letters without accents: ``Œuvres complètes`` → ``oeuvres completes``."""
    if text.isascii():
        return text.lower()
    # Taking apart can bring forth capitals (Ⓐ, 🄐), so they are made small after it.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold().translate(LIGATURES))
    return "".join(character for character in apart if not unicodedata.combining(character))


def words(text: str) -> list[str]:
    """The folded words of *text*, in order."""
    return [word[:LONGEST_WORD] for word in WORD.findall(folded(text))]


def question(text: str) -> list[str]:
    """The words to look for when a person types *text*; empty when there is nothing to look for."""
    return words(text[:500])[:MOST_WORDS]


def confidence(asked: Sequence[str], title: Sequence[str], authors: Sequence[str]) -> float:
    """Say from 0.1 to 1.0 how well a book that has all the *asked* words answers the question.

    1.0 is a title (or a title and its authors, or an author) that says just what was asked; every word more or less
    brings it down. It depends on the book alone, so that sites can compare what they found.

    >>> confidence(["dune"], ["dune"], ["frank", "herbert"])
    1.0
    >>> confidence(["dune"], ["dune", "messiah"], ["frank", "herbert"])
    0.67
    """
    best = max(_likeness(asked, title), _likeness(asked, [*title, *authors]), _likeness(asked, authors))
    return round(max(best, 0.1), 2)


def _likeness(asked: Sequence[str], said: Sequence[str]) -> float:
    """The share of words that two texts have in common (Dice's coefficient); a last word half typed counts half."""
    first, second = set(asked), set(said)
    if not first or not second:
        return 0.0
    shared = float(len(first & second))
    if asked[-1] not in second and any(word.startswith(asked[-1]) for word in second):
        shared += 0.5
    return 2 * shared / (len(first) + len(second))
