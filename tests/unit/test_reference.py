"""The reference says all that the code has, and nothing that it has not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import load_command_class

from external_storage import errors
from external_storage.django import conf
from external_storage.health.questions import QUESTIONS

PROJECT = Path(__file__).parents[2]
REFERENCE = PROJECT / "docs" / "reference"
PRODUCT = PROJECT / "external_storage"
COMMANDS = sorted(path.stem for path in (PRODUCT / "django/management/commands").glob("[a-z]*.py"))


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def first_cells(text: str) -> set[str]:
    """Return every `name` that stands in the first column of a table."""
    cells = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_finding_is_documented_and_no_other():
    told = {name for name in first_cells(page("commands.md")) if "." in name}
    assert told == set(QUESTIONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_of_ours_is_documented(command):
    text = page("commands.md")
    assert f"`{command}" in text
    sections = text.split("\n## ")
    section = text if command == "collectstatic" else next(s for s in sections if f"`{command}" in s.partition("\n")[0])
    parser = load_command_class("external_storage.django", command).create_parser("manage.py", command)
    of_django = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--json"}
    of_django |= {"--no-color", "--force-color", "--skip-checks"}
    options = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
    if command != "collectstatic":
        assert {name for name in options - of_django if f"`{name}" not in section} == set()


def test_every_exit_code_of_our_errors_is_documented():
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {str(kind.exit_code) for kind in classes if issubclass(kind, errors.StorageError)}
    told = {
        code
        for cell in re.findall(r"^\| ([0-9, ]+) \|", page("exit-codes.md"), re.MULTILINE)
        for code in cell.split(", ")
    }
    assert codes <= told
    assert told == {"0", "1", "2", "3", "4", "5", "6", "130", "141", "143"}


def test_every_key_of_the_setting_is_documented():
    source = Path(conf.__file__).read_text()
    groups = re.findall(r"(?:_refuse_unknown\(\w+, \{|known = \{|\.only\()([^})]+)", source)
    keys = {key for group in groups for key in re.findall(r'"([A-Z_]+)"', group)} | {"DEFAULT_ACL", "ADDRESSING_STYLE"}
    assert len(keys) > 15
    assert {
        key for key in keys if f"`{key}`" not in page("settings.md") and f'"{key}"' not in page("settings.md")
    } == set()


def test_every_system_check_is_documented_and_no_other():
    text = (PRODUCT / "django/checks.py").read_text()
    told = {name for name in first_cells(page("settings.md")) if name.startswith("external_storage.")}
    assert told == set(re.findall(r'id="([\w.]+)"', text))
