"""Somebody installs a site by the page on installing, and everything on it works."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.instance import Instance, new_instance

from .page import DocsPage

# Both languages show the same code (see `test_pages`), so one of them is followed.
PAGE = DocsPage(Path(__file__).parents[2] / "docs" / "operate" / "en" / "install.md")
NEVER_ENDS = {"./bw-dev logs -f"}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with new_instance() as instance:
        instance.start()
        yield instance


def test_every_command_of_the_page_ends_well(instance):
    commands = [block.text for block in PAGE.blocks if block.kind == "bash"]
    for command in commands:
        instance.run(command)
    assert len(commands) >= 3


def test_every_command_of_the_table_ends_well(instance):
    commands = re.findall(r"^\| `(\./bw-dev [^`]+)` \|", PAGE.prose, flags=re.MULTILINE)
    for command in (command for command in commands if command not in NEVER_ENDS):
        instance.run(f"{command} --books 3" if " demo" in command else command)
    assert len(commands) == 9


def test_the_backup_holds_the_whole_database(instance):
    with closing(sqlite3.connect(instance.root / "site-backup.sqlite3")) as backup:
        tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master")}
        assert backup.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert {"bookwyrm_user", "bookwyrm_edition"} <= tables


def test_every_example_of_settings_is_well_formed(instance):
    examples = "".join(block.text for block in PAGE.blocks if block.kind == "ini")
    before = instance.env_file.read_text()
    try:
        instance.env_file.write_text(before + examples)
        instance.run("./bw-dev check_settings")
    finally:
        instance.env_file.write_text(before)
    assert examples.count("=") >= 10
