"""How text becomes words, and how well a book answers a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookwyrm.search.words import LONGEST_WORD, MOST_WORDS, confidence, folded, question, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Hobbit", ["the", "hobbit"]),
        ("L'Œuvre au Noir — Édition", ["l", "oeuvre", "au", "noir", "edition"]),
        ("ŒDIPE", ["oedipe"]),
        ("Straße", ["strasse"]),
        ("Ørsted & Łódź", ["orsted", "lodz"]),
        ("İstanbul", ["istanbul"]),
        ("café", ["cafe"]),
        ("Ñandú", ["nandu"]),
        ("ΠΟΛΙΣ", ["πολισ"]),
        ("Война и мир", ["воина", "и", "мир"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("snake_case and-dashes", ["snake", "case", "and", "dashes"]),
        ("1984", ["1984"]),
        ("  ", []),
        ("\x00\"'*():^-&|!<>\\", []),
    ],
)
def test_text_becomes_folded_words(text, expected):
    assert words(text) == expected


@given(st.text(max_size=200))
def test_words_are_letters_and_digits_whatever_the_text(text):
    """What the databases are asked is put together from these, so nothing else may be among them."""
    for word in words(text):
        assert word.isalnum()
        assert 0 < len(word) <= LONGEST_WORD


@given(st.text(max_size=50))
def test_folding_twice_changes_nothing_more(text):
    assert folded(folded(text)) == folded(text)


def test_a_question_without_end_is_cut():
    assert len(question("word " * 10_000)) == MOST_WORDS


@pytest.mark.parametrize(
    ("asked", "title", "authors", "expected"),
    [
        ("dune", "Dune", "Frank Herbert", 1.0),
        ("dune frank herbert", "Dune", "Frank Herbert", 1.0),
        ("frank herbert", "Dune", "Frank Herbert", 1.0),
        ("dune", "Dune Messiah", "Frank Herbert", 0.67),
        ("dune herbert", "Dune", "Frank Herbert", 0.8),
        ("dun", "Dune", "Frank Herbert", 0.5),
        ("subtitle", "Dune", "Frank Herbert", 0.1),
    ],
)
def test_confidence_falls_with_every_word_that_does_not_fit(asked, title, authors, expected):
    assert confidence(words(asked), words(title), words(authors)) == expected


@given(*[st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5)] * 3)
def test_confidence_stays_between_a_tenth_and_one(asked, title, authors):
    assert 0.1 <= confidence(asked, title, authors) <= 1.0
