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

PROJECT = Path(__file__).parents[2]
PARTS = {"the site": PROJECT / "bookwyrm", "the product": PROJECT / "external_storage" / "django"}

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


def catalogue(part: Path) -> Path:
    return part / "locale" / "fr" / "LC_MESSAGES" / "django.po"


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> Path:
    """The folder of a part with texts of its own."""
    return PARTS[request.param]


@pytest.fixture
def french(part: Path) -> dict[Key, list[str]]:
    return entries(catalogue(part))


def test_every_text_has_its_french(french) -> None:
    assert [key for key, texts in french.items() if not all(texts)] == []
    assert len(french) > 20


def test_the_compiled_catalogue_is_the_one_that_was_written(part: Path, french) -> None:
    with catalogue(part).with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert len({key[0] if isinstance(key, tuple) else key for key in compiled._catalog} - {""}) == len(french)
    for (context, english), texts in french.items():
        key = f"{context}\x04{english}" if context else english
        found = (
            [compiled._catalog[key, form] for form in range(len(texts))] if len(texts) > 1 else [compiled._catalog[key]]
        )
        assert found == texts, english


def test_every_placeholder_of_the_english_is_in_the_french(french) -> None:
    for (_, english), texts in french.items():
        for text in texts:
            # The singular may say "one" in words.
            missing = set(PLACEHOLDER.findall(english)) - set(PLACEHOLDER.findall(text))
            assert not missing, f"{text!r} lacks {missing}"


def test_spaces_that_french_puts_before_its_signs_never_break(french) -> None:
    """A no-break space inside « » and before a colon, a narrow one before ; ! ?, and curly apostrophes."""
    loose = re.compile(r"« | »|(?<=\w) [:;!?]|(?<=[a-zéà])[;!?](?!\w)|(?<=[a-z])'(?=[a-z])")
    badly_set = {text for texts in french.values() for text in texts if loose.search(text)}
    assert badly_set == set()


def test_no_text_of_the_code_and_the_templates_was_forgotten(part: Path, french, tmp_path: Path) -> None:
    try:
        program_path("xgettext", added_by="apt-get install -y gettext")
    except ServerAbsent as absent:
        pytest.skip(str(absent))
    shutil.copytree(part, tmp_path / "part", ignore=shutil.ignore_patterns("__pycache__", "static", "*.mo"))
    found = subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "fr", "--no-location", "--no-wrap", "--no-obsolete"],
        cwd=tmp_path / "part",
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert found.returncode == 0, found.stderr

    # msgmerge guesses (and marks as fuzzy) what it does not know; only which texts there are matters here.
    now = re.sub(r"fuzzy, |#, fuzzy\n", "", catalogue(tmp_path / "part").read_text("utf-8"))
    (tmp_path / "now.po").write_text(now, encoding="utf-8")
    assert set(entries(tmp_path / "now.po")) - set(french) == set(), "run makemessages -l fr and translate these"
    assert set(french) - set(entries(tmp_path / "now.po")) == set(), "nothing says these any more"
