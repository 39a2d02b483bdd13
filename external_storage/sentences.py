"""Sentences for people, said in English and, for whoever wants that, in another language.

Whoever finds something out says it once, in English. The sentence remembers how it was made, so that a page or a
terminal can say it again in its reader's language; programs and logs see the English text, which is a plain ``str``.
"""

from __future__ import annotations

import gettext
import json
import string
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

DOMAIN = "sentences"
_catalogues = [Path(__file__).with_name("locale")]

Value = str | int | float


class Sentence(str):
    """A text in English, made from *template* and *values*, which may be sentences themselves."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: Any) -> Sentence:
        plain = {name: value if isinstance(value, Value) else str(value) for name, value in values.items()}
        made = super().__new__(cls, template.format(**plain) if plain else template)
        made.template, made.values = template, plain
        return made


def joined(texts: Iterable[str], between: str = ", ") -> Sentence:
    """Return *texts* one behind the other, each of which may be a sentence."""
    parts = {f"part{number}": text for number, text in enumerate(texts)}
    return Sentence(between.join(f"{{{name}}}" for name in parts), **parts)


say = Sentence
"""What a text is marked with that somebody is to read: ``say("There is no host named {host!r}.", host=host)``."""


def in_language(text: str, language: str) -> str:
    """Return *text* in *language* (``fr``, ``fr-ca``, …), or as it is where nobody has said it in that yet."""
    if not isinstance(text, Sentence):
        return text
    words = _words(language.lower().replace("_", "-").partition("-")[0])
    signs = _signs_in_numbers(words)
    values = {
        name: in_language(value, language) if isinstance(value, str) else _Number(value, signs)
        for name, value in text.values.items()
    }
    template = words.gettext(text.template) if text.template else ""
    return template.format(**values) if values else template


_A_NUMBER = say("1,000.5")


def _signs_in_numbers(words: gettext.NullTranslations) -> dict[int, str]:
    """Return what stands for the comma and the point of an English number in the language of *words*."""
    written = words.gettext(_A_NUMBER)
    return {ord(","): written[1], ord("."): written[-2]}


class _Number:
    """A number that comes out with the signs of a language, however a sentence formats it."""

    __slots__ = ("_signs", "_value")

    def __init__(self, value: int | float, signs: Mapping[int, str]) -> None:
        self._value, self._signs = value, signs

    def __format__(self, how: str) -> str:
        return format(self._value, how).translate(self._signs)

    def __str__(self) -> str:
        return format(self)

    __repr__ = __str__


def is_said_in(text: str, language: str) -> bool:
    """Return whether all of *text* that is ours can be said in *language*."""
    if not isinstance(text, Sentence):
        return False
    if _only_joins(text.template):
        parts = [part for part in text.values.values() if isinstance(part, Sentence)]
        return bool(parts) and all(is_said_in(part, language) for part in parts)
    words = _words(language.lower().partition("-")[0])
    return words.gettext(text.template) != text.template


def _only_joins(template: str) -> bool:
    """Return whether there is no word in *template* itself."""
    return not any(letter.isalpha() for literal, *_ in string.Formatter().parse(template) for letter in literal)


def packed(text: str) -> Any:
    """Return *text* as plain values that JSON can hold; `unpacked` makes the same sentence of them again."""
    if not isinstance(text, Sentence):
        return text
    values = {name: packed(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return {"template": text.template, "values": values}


def unpacked(told: Any) -> str:
    """Return the text that *told* was made from. Raise `ValueError` or `KeyError` for what never was one."""
    if isinstance(told, str):
        return told
    values = {name: unpacked(value) if isinstance(value, dict) else value for name, value in told["values"].items()}
    return Sentence(str(told["template"]), **values)


def as_line(text: str) -> str:
    """Return *text* as a line that a database can keep; `from_line` makes the same sentence of it again."""
    return json.dumps(packed(text)) if text else ""


def from_line(line: str) -> str:
    """Return the text that *line* was made from; *line* itself if it was made from none."""
    try:
        return unpacked(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return line


def also_in(folder: Path) -> None:
    """Look for what is said in another language in *folder*, too.

    A site has sentences of its own, such as why it holds a file back.
    """
    if folder not in _catalogues:
        _catalogues.append(folder)
        _words.cache_clear()


@cache
def _words(language: str) -> gettext.NullTranslations:
    words = gettext.NullTranslations()
    for folder in _catalogues:
        words.add_fallback(gettext.translation(DOMAIN, folder, [language], fallback=True))
    return words
