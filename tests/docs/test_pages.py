"""What the operator's pages say of themselves is true, before any command is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from bookwyrm import env

from .page import DocsPage

PROJECT = Path(__file__).parents[2]
OPERATE = PROJECT / "docs" / "operate"
NAMES = sorted(path.name for path in (OPERATE / "en").glob("*.md"))
PAGES = [DocsPage(path) for path in sorted(OPERATE.rglob("*.md"))]

each_name = pytest.mark.parametrize("name", NAMES)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.relative_to(OPERATE).as_posix())


def both(name: str) -> tuple[DocsPage, DocsPage]:
    return DocsPage(OPERATE / "en" / name), DocsPage(OPERATE / "fr" / name)


def test_there_is_a_french_page_for_every_english_one_and_no_other():
    assert sorted(path.name for path in (OPERATE / "fr").glob("*.md")) == NAMES


@each_name
def test_both_languages_have_the_same_sections(name: str):
    english, french = both(name)
    assert english.outline == french.outline


@each_name
def test_both_languages_have_the_same_code(name: str):
    english, french = both(name)
    assert english.blocks == french.blocks


@each_page
def test_every_link_into_the_project_leads_somewhere(page: DocsPage):
    for link in page.links:
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, fragment = link.partition("#")
        target = DocsPage((page.path.parent / place).resolve()) if place else page
        assert target.path.exists(), link
        assert not fragment or fragment in target.anchors, link


@each_page
def test_every_command_of_the_site_exists(page: DocsPage):
    own = set(re.findall(r"^\s{2,}([a-z][a-z_]+)", bw_dev_help(), flags=re.MULTILINE)) | {"help", *get_commands()}
    command = re.compile(r"(?:\./bw-dev|manage\.py) (?:manage )?([a-z_]+)")
    assert {name for text in page.mentions for name in command.findall(text)} <= own


@each_page
def test_every_setting_exists(page: DocsPage):
    named = {name for text in page.mentions for name in re.findall(r"^#? ?([A-Z][A-Z0-9_]{3,})(?:=|$)", text)}
    not_settings = {"DELETE", "POST", "HEAD", "CORS", "AWS_REQUEST_CHECKSUM_CALCULATION", *PLACEHOLDERS}
    assert named - not_settings <= set(env.VARIABLES) | {"BOOKWYRM_ENV_FILE", "BOOKWYRM_STATE_DIR", "BOOKWYRM_VENV"}


@each_page
def test_every_file_of_the_project_that_is_named_exists(page: DocsPage):
    named = {name for text in page.mentions for name in re.findall(r"\bdeploy/[\w./-]+", text)}
    assert {name for name in named if not (PROJECT / name).exists()} == set()


PLACEHOLDERS = {"MY_DOMAIN_NAME", "MY_BUCKET_NAME", "BUCKET_URL", "COMMAND", "COMMANDE"}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_installation_page_explains_every_setting_of_the_example_file(language: str):
    names = ("install.md", "external-storage.md", "stores.md", "private-files.md")
    page = "".join(path.read_text() for path in (OPERATE / language / name for name in names) if path.exists())
    offered = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (PROJECT / ".env.example").read_text(), flags=re.MULTILINE))
    assert offered
    assert {name for name in offered if f"`{name}`" not in page} == set()


def bw_dev_help() -> str:
    import subprocess
    import sys

    finished = subprocess.run(
        [str(PROJECT / "bw-dev"), "--help"],
        env={"PATH": "/usr/bin:/bin", "BOOKWYRM_VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout
