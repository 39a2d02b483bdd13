"""Read ISBNs as people write them, and turn each form into the other."""

from __future__ import annotations

import re

_BESIDE_DIGITS = re.compile(r"[\s\-‐‑–]+")


def digits(text: str) -> str:
    """Return *text* without the hyphens and spaces of an ISBN, a final x in upper case. Checks nothing."""
    return _BESIDE_DIGITS.sub("", text).upper()


def isbn_13(text: str) -> str | None:
    """Return the ISBN-13 that *text* names in either form, or None if it names none.

    >>> isbn_13("2-07-036822-X"), isbn_13("2-07-036822-1")
    ('9782070368228', None)
    """
    found = digits(text)
    if re.fullmatch(r"97[89][0-9]{10}", found) and found[12] == _check_digit_13(found[:12]):
        return found
    if re.fullmatch(r"[0-9]{9}[0-9X]", found) and found[9] == _check_digit_10(found[:9]):
        return with_check_digit("978" + found[:9])
    return None


def isbn_10(text: str) -> str | None:
    """Return the ISBN-10 that *text* names in either form, or None if it names none or (979…) there is none.

    >>> isbn_10("978-2-07-036822-8"), isbn_10("9791032305690")
    ('207036822X', None)
    """
    long_form = isbn_13(text)
    if long_form is None or not long_form.startswith("978"):
        return None
    return long_form[3:12] + _check_digit_10(long_form[3:12])


def with_check_digit(twelve: str) -> str:
    """Return the ISBN-13 that begins with these *twelve* digits."""
    return twelve + _check_digit_13(twelve)


def _check_digit_10(nine: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), nine, strict=True))
    value = -total % 11
    return "X" if value == 10 else str(value)


def _check_digit_13(twelve: str) -> str:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return str(-total % 10)
