"""ISBNs as people and catalogues write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookwyrm.books.isbn import isbn_10, isbn_13, with_check_digit


@pytest.mark.parametrize(
    ("text", "long_form", "short_form"),
    [
        ("9780261102217", "9780261102217", "0261102214"),
        ("978-0-261-10221-7", "9780261102217", "0261102214"),
        ("978 0 261 10221 7", "9780261102217", "0261102214"),
        (" 0-261-10221-4 ", "9780261102217", "0261102214"),
        ("978‐0‐261‐10221‐7", "9780261102217", "0261102214"),
        ("080442957x", "9780804429573", "080442957X"),
        ("979-10-90636-07-1", "9791090636071", None),
        ("9780261102218", None, None),
        ("0261102215", None, None),
        ("978026110221", None, None),
        ("4006381333931", None, None),
        ("X261102214", None, None),
        ("02611X2214", None, None),
        ("the hobbit", None, None),
        ("", None, None),
        ("٠٢٦١١٠٢٢١٤", None, None),
    ],
)
def test_both_forms_of_an_isbn_are_read(text, long_form, short_form):
    assert isbn_13(text) == long_form
    assert isbn_10(text) == short_form


@given(st.from_regex(r"978[0-9]{9}", fullmatch=True))
def test_the_short_form_leads_back_to_the_long_one(first_twelve):
    long_form = with_check_digit(first_twelve)
    assert isbn_13(isbn_10(long_form)) == long_form


@given(st.text(max_size=40))
def test_any_text_is_an_isbn_or_none(text):
    found = isbn_13(text)
    assert found is None or (len(found) == 13 and found.isdigit())
