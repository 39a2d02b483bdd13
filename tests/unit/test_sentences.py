"""What the doctor says, said once in English and again in French, whole."""

from __future__ import annotations

import ast
import gettext
import json
import re
import string
from pathlib import Path

import pytest

import bookwyrm
from bookwyrm.images.publishing import may_publish
from external_storage import errors, sentences
from external_storage.health.findings import failure
from external_storage.sentences import as_line, from_line, in_language, is_said_in, joined, packed, say, unpacked
from external_storage.transfer.progress import bytes_in_words
from tests.unit.test_looks_translations import entries

PRODUCT = Path(sentences.__file__).parent
INSTANCE = Path(bookwyrm.__file__).parent
SHOWN_ON_THE_PAGE = [
    path
    for folder in ("stores", "transfer", "django/moving")
    for path in (PRODUCT / folder).rglob("*.py")
    if path.name != "urls.py"  # what is typed wrong at a command
]
ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)} | {
    "Blocker",
    "StepRefused",
}
COUNT_OF_MANY = re.compile(r"\{count[^}]*\} (?:\w+ )?\w+s\b")
LOOSE = re.compile(r"« | »|(?<=\w) [:;!?]|(?<=[a-zéà}])[;!?](?!\w)|(?<=[a-z])'(?=[a-z])")


def said_in_the_code(part: Path) -> set[str]:
    """Return the template of every sentence of *part*: the first argument of each ``say(...)``."""
    found = set()
    for path in part.rglob("*.py"):
        if not re.search(r"sentences import .*\bsay\b|^say = ", path.read_text("utf-8"), re.MULTILINE):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno} is no plain text"
                found.add(node.args[0].value)
    return found


@pytest.fixture(scope="module", params=[PRODUCT, INSTANCE], ids=["the product", "the site"])
def part(request: pytest.FixtureRequest) -> Path:
    """A part with sentences of its own."""
    return request.param


@pytest.fixture(scope="module")
def catalogue(part: Path) -> Path:
    return part / "locale" / "fr" / "LC_MESSAGES" / "sentences.po"


@pytest.fixture(scope="module")
def french(catalogue: Path) -> dict[str, str]:
    return {english: texts[0] for (_, english), texts in entries(catalogue).items()}


def test_whatever_a_store_or_a_move_refuses_can_be_said_in_another_language():
    """The page to watch the storage on shows it."""
    plain = []
    for path in SHOWN_ON_THE_PAGE:
        tree = ast.parse(path.read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        for call in (each for each in calls if each.func.id in ERRORS):
            told = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "remedy")]
            plain += [f"{path.name}:{each.lineno}" for each in told if _is_a_plain_text(each)]
    assert plain == []


def _is_a_plain_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def test_every_sentence_has_its_french_and_nothing_else_has(part, french):
    assert said_in_the_code(part) - set(french) == set(), "translate these in sentences.po"
    assert set(french) - said_in_the_code(part) == set(), "nothing says these any more"
    assert [english for english, text in french.items() if not text] == []


def test_the_compiled_catalogue_is_the_one_that_was_written(catalogue, french):
    with catalogue.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert {english: compiled.gettext(english) for english in french} == french


def test_the_french_has_every_value_of_the_english_and_is_set_as_french_is(french):
    def values(text: str) -> set[tuple]:
        return {(name, conversion) for _, name, _, conversion in string.Formatter().parse(text) if name}

    assert [english for english, text in french.items() if values(english) != values(text)] == []
    assert [text for text in french.values() if LOOSE.search(text)] == []


def test_no_sentence_has_a_count_before_a_word_that_would_be_wrong_for_one(french):
    """There is no plural form here: "Files that differ (1)" reads as well as "(2)"."""
    never_one = {
        "{count} objects in a row could not be copied. The last: {what}",
        "The store keeps the framing of a checksum in the file: {count} bytes instead of {sent}.",
    }
    assert {english for english in french if COUNT_OF_MANY.search(english)} <= never_one


def test_a_sentence_is_its_english_text_and_can_be_said_again():
    name = say("a font")
    told = say("Anybody can read {what} at {url}.", what=name, url="https://files.test/a.woff2")
    assert told == "Anybody can read a font at https://files.test/a.woff2."
    assert in_language(told, "fr-ca") == "N’importe qui peut lire une police à https://files.test/a.woff2."
    assert in_language(told, "eo") == told
    assert (is_said_in(told, "fr"), is_said_in(told, "eo"), is_said_in("boto said so", "fr")) == (True, False, False)


def test_what_is_inside_a_sentence_is_never_taken_for_a_template():
    """A store may have written part of it."""
    told = say("Host unreachable: {what}", what="{what} {0} {what.__class__}")
    assert in_language(told, "fr") == "Hôte injoignable\u00a0: {what} {0} {what.__class__}"
    braces = say("Braces {} without values")
    assert in_language(unpacked(packed(braces)), "fr") == "Braces {} without values"


def test_numbers_have_the_signs_of_the_language():
    told = say("{rate:,.0f} files/s", rate=12345.6)
    assert told == "12,346 files/s"
    assert in_language(told, "fr") == "12\u202f346 fichiers/s"
    assert in_language(bytes_in_words(24_500_000), "fr") == "24,5 Mo"
    assert in_language(say("{url} answered {status}.", url="/a.png", status=404), "fr").endswith(" 404.")


def test_sentences_in_a_row():
    both = joined([say("Ask again later."), "Traceback", say("Run collectstatic.")], " ")
    assert both == "Ask again later. Traceback Run collectstatic."
    assert in_language(both, "fr") == "Demandez à nouveau plus tard. Traceback Lancez collectstatic."


def test_what_only_joins_others_is_said_in_a_language_if_they_are():
    told = joined([say("Ask again later."), say("covers/a.png: {why}", why="boto said so")], " ")
    assert is_said_in(joined([say("Ask again later."), "'covers/a.png'"], " "), "fr")
    assert not is_said_in(told, "fr")
    assert not is_said_in(joined(["boto said so"]), "fr")


def test_a_sentence_is_kept_in_a_line_and_what_never_was_one_stays_what_it_is():
    told = say("There is no host named {hostname!r}.", hostname="s3.test")
    assert in_language(from_line(as_line(told)), "fr") == "Il n’y a pas d’hôte nommé 's3.test'."
    for line in ("", "boto said so", '{"template": "{a.__class__}"', '["a"]', "{}"):
        assert from_line(line) == line
        assert from_line(as_line(line)) == line


def test_a_kept_sentence_can_still_be_said_in_french():
    told = say("{place} lacks smaller pictures ({count}): {named}.", count=2, place="S3", named=say("a picture"))
    kept = unpacked(json.loads(json.dumps(packed(told))))
    assert kept == "S3 lacks smaller pictures (2): a picture."
    assert in_language(kept, "fr") == "Dans S3, il manque des images réduites (2)\u00a0: une image."


@pytest.mark.parametrize("key", ["a.zip", "a.svg", "a.txt", "empty.png", "text.png", "jpeg.png"])
def test_why_the_site_holds_a_file_back_is_told_in_french(key):
    first_bytes = {"empty.png": b"", "jpeg.png": b"\xff\xd8\xff"}.get(key, b"text")
    assert is_said_in(may_publish(key, first_bytes).reason, "fr")


def test_a_finding_leads_to_the_page_of_its_reader():
    found = failure(
        "store.name", say("There is no host named {hostname!r}.", hostname="s3.test"), say("Ask again later.")
    )
    assert found.said_in("fr").seen == "Il n’y a pas d’hôte nommé 's3.test'."
    assert found.link_in("fr") == "docs/operate/fr/troubleshoot.md#storename"
    assert found.as_json()["seen"] == "There is no host named 's3.test'."
