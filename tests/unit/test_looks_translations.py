"""French: whole, compiled, and set as French is set."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ServerAbsent
from tests.servers.absent import program_path

SITE = Path(__file__).parents[2] / "bookwyrm"
CATALOGUE = SITE / "locale" / "fr" / "LC_MESSAGES" / "django.po"
COMPILED = CATALOGUE.with_suffix(".mo")

Key = tuple[str, str]  # context, English
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def entries(catalogue: Path) -> dict[Key, list[str]]:
    """Read a .po file: the French of each English text, one for each plural form."""
    found: dict[Key, list[str]] = {}
    for block in catalogue.read_text(encoding="utf-8").split("\n\n"):
        fields: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            if line.startswith("#"):
                assert "fuzzy" not in line and not line.startswith("#~"), line
            elif begins := re.match(r"(msg\w+(?:\[\d\])?) ", line):
                field = begins[1]
                fields[field] = ast.literal_eval(line.removeprefix(begins[0]))
            elif line:
                fields[field] += ast.literal_eval(line)
        if fields.get("msgid"):
            key = (fields.get("msgctxt", ""), fields["msgid"])
            found[key] = [text for name, text in fields.items() if name.startswith("msgstr")]
    return found


FRENCH = entries(CATALOGUE)


def test_every_text_has_its_french() -> None:
    assert [key for key, texts in FRENCH.items() if not all(texts)] == []
    assert len(FRENCH) > 200


def test_the_compiled_catalogue_is_the_one_that_was_written() -> None:
    with COMPILED.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert len({key[0] if isinstance(key, tuple) else key for key in compiled._catalog} - {""}) == len(FRENCH)
    for (context, english), texts in FRENCH.items():
        key = f"{context}\x04{english}" if context else english
        found = (
            [compiled._catalog[key, form] for form in range(len(texts))] if len(texts) > 1 else [compiled._catalog[key]]
        )
        assert found == texts, english


def test_every_placeholder_of_the_english_is_in_the_french() -> None:
    for (_, english), texts in FRENCH.items():
        for text in texts:
            # The singular may say "one" in words.
            missing = set(PLACEHOLDER.findall(english)) - set(PLACEHOLDER.findall(text))
            assert not missing, f"{text!r} lacks {missing}"


def test_spaces_that_french_puts_before_its_signs_never_break() -> None:
    """A no-break space inside « » and before a colon, a narrow one before ; ! ?, and curly apostrophes."""
    loose = re.compile(r"« | »|(?<=\w) [:;!?]|(?<=[a-zéà])[;!?](?!\w)|(?<=[a-z])'(?=[a-z])")
    badly_set = {text for texts in FRENCH.values() for text in texts if loose.search(text)}
    assert badly_set == set()


def test_no_text_of_the_code_and_the_templates_was_forgotten(tmp_path: Path) -> None:
    try:
        program_path("xgettext", added_by="apt-get install -y gettext")
    except ServerAbsent as absent:
        pytest.skip(str(absent))
    shutil.copytree(SITE, tmp_path / "bookwyrm", ignore=shutil.ignore_patterns("__pycache__", "static", "*.mo"))
    found = subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "fr", "--no-location", "--no-wrap", "--no-obsolete"],
        cwd=tmp_path / "bookwyrm",
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert found.returncode == 0, found.stderr

    # msgmerge guesses (and marks as fuzzy) what it does not know; only which texts there are matters here.
    now = re.sub(r"fuzzy, |#, fuzzy\n", "", (tmp_path / "bookwyrm/locale/fr/LC_MESSAGES/django.po").read_text("utf-8"))
    (tmp_path / "now.po").write_text(now, encoding="utf-8")
    assert set(entries(tmp_path / "now.po")) - set(FRENCH) == set(), "run makemessages -l fr and translate these"
    assert set(FRENCH) - set(entries(tmp_path / "now.po")) == set(), "nothing says these any more"
