"""How well one colour can be told from another, after WCAG 2.2 (relative luminance and contrast ratio)."""

from __future__ import annotations

import re

TEXT = 4.5
"""What WCAG AA asks of text on its background (1.4.3)."""

SHAPE = 3.0
"""What WCAG AA asks of a line, icon or focus ring that carries meaning (1.4.11)."""

_HEX = re.compile(r"#[0-9a-f]{6}")


def is_colour(value: object) -> bool:
    """Only ``#rrggbb`` in small letters: one way to write a colour, and one that can be compared."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def ratio(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 (the same) to 21 (black on white).

    >>> round(ratio("#000000", "#ffffff"), 1)
    21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
