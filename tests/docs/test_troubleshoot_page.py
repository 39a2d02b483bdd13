"""The page for owners explains every finding of the doctor under its name, in both languages, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from external_storage.django.checks import SAID_BY_ANOTHER_CHECK
from external_storage.health.findings import Finding, Verdict
from external_storage.health.questions import QUESTIONS
from tests.instance import new_instance

from .page import DocsPage

PROJECT = Path(__file__).parents[2]
NAME = re.compile(r"^### ([a-z]+\.[a-z0-9-]+)$", re.MULTILINE)


def page_in(language: str) -> DocsPage:
    return DocsPage(PROJECT / "docs" / "operate" / language / "troubleshoot.md")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_finding_has_a_place_of_its_own_and_no_other(language):
    named = NAME.findall(page_in(language).prose)
    assert sorted(named) == sorted(QUESTIONS)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_place_says_something(language):
    sections = NAME.split(page_in(language).prose)[1:]
    said = dict(zip(sections[::2], sections[1::2], strict=True))
    assert [name for name, text in said.items() if len(text.partition("\n## ")[0].strip()) < 30] == []


@pytest.mark.parametrize("identifier", QUESTIONS)
def test_the_link_of_a_finding_leads_to_its_place(identifier):
    path, _, anchor = Finding(identifier, Verdict.OK, "").link.partition("#")
    assert anchor in DocsPage(PROJECT / path).anchors


def test_every_finding_that_is_made_has_a_question_and_every_question_is_asked():
    sources = "\n".join(
        path.read_text()
        for part in ("health", "django")
        for path in (PROJECT / "external_storage" / part).rglob("*.py")
        if path.name != "questions.py"
    )
    kinds = "|".join(sorted({name.split(".")[0] for name in QUESTIONS}))
    made = set(re.findall(rf'"((?:{kinds})\.[a-z0-9-]+)"', sources))
    verbs = {f"permission.{verb}" for verb in re.findall(r'_permission\("(\w+)"', sources)}
    assert (made | verbs) - SAID_BY_ANOTHER_CHECK == set(QUESTIONS)


def test_the_commands_of_the_page_run():
    with new_instance() as instance:
        instance.run("./bw-dev collectstatic")
        for block in page_in("en").blocks:
            outcome = instance.run(block.text.strip())
            assert "store.answers" in outcome.printed
