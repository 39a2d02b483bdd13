"""A remedy that names a command can be typed as it stands, wherever it is shown."""

from __future__ import annotations

import io

import pytest
from django.utils import translation

from external_storage.django import overview, reports
from external_storage.django.console import StorageConsole
from external_storage.django.remedies import as_typed
from external_storage.errors import SettingsError
from external_storage.health.findings import failure
from external_storage.sentences import say

from .test_settings import GOOD

FOUND = failure("static.stale", say("Something is wrong."), say("Run collectstatic."))


@pytest.fixture
def console() -> StorageConsole:
    return StorageConsole(io.StringIO(), io.StringIO(), no_color=True)


@pytest.fixture
def instance(settings, tmp_path) -> None:
    settings.EXTERNAL_STORAGE = {**GOOD, "COMMAND_PREFIX": "./bw-dev", "STATE_DIR": tmp_path / "state"}


def test_a_plain_site_types_what_django_has_made_for_it(settings, console):
    settings.EXTERNAL_STORAGE = GOOD
    console.tell_findings([FOUND])
    assert " -> Run python manage.py collectstatic.\n" in console.stdout.getvalue()


def test_a_terminal_json_and_the_page_name_the_command_as_it_is_typed(instance, console):
    console.tell_findings([FOUND], language="fr")
    assert " -> Lancez ./bw-dev collectstatic.\n" in console.stdout.getvalue()
    assert [each["remedy"] for each in console.as_json([FOUND])] == ["Run ./bw-dev collectstatic."]
    console.tell_problem(SettingsError("No.", remedy="Run storage_cors apply."), as_json=False)
    assert "No. Run ./bw-dev storage_cors apply.\n" in console.stderr.getvalue()
    reports.keep([FOUND])
    with translation.override("fr"):
        (shown,) = overview.findings()["findings"]
    assert shown["finding"].remedy == "Lancez ./bw-dev collectstatic."


def test_only_commands_are_taken_for_commands(instance):
    for text in (
        "'storage_doctor' has it: covers/storage_copy, my_storage_move, storage_move.png, storage_of",
        "./bw-dev storage_doctor",
        "See docs/reference/commands.md#storage_doctor-check_storage.",
    ):
        assert as_typed(text) == text
    told = as_typed("Go back: storage_move default disk; then (storage_doctor --fix), or rebuild_thumbnails.")
    assert told == (
        "Go back: ./bw-dev storage_move default disk; then (./bw-dev storage_doctor --fix), "
        "or ./bw-dev rebuild_thumbnails."
    )
    assert as_typed(told) == told


@pytest.mark.parametrize("prefix", ["", " ", 5, "python\nmanage.py"])
def test_a_prefix_that_nobody_can_type_is_refused(settings, prefix):
    settings.EXTERNAL_STORAGE = {**GOOD, "COMMAND_PREFIX": prefix}
    with pytest.raises(SettingsError, match="COMMAND_PREFIX"):
        overview.aliases()
