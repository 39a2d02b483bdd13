"""What the site writes down and tells browsers: no secrets, no endless files, no hosts but those in use."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings
from django.views.debug import get_default_exception_reporter_filter

from bookwyrm.content_security import policy
from bookwyrm.env import CHECKOUT
from bookwyrm.operate import log_files, processes
from bookwyrm.operate.logs import SecretFreeFormatter

SECRET = "wJalrXUtnFEMI-an-example-key"


def formatted(record: logging.LogRecord) -> str:
    return SecretFreeFormatter([SECRET, "short", "wJalrXUtnFEMI-an-example-key-that-is-longer"]).format(record)


def test_a34_a_secret_is_blotted_out_of_messages_arguments_and_tracebacks():
    try:
        raise ValueError(f"refused with {SECRET}")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f.py", 1, "key %s, id %s", (SECRET, "shorted"), caught)
    text = formatted(record)
    assert SECRET not in text
    assert text.count("[hidden]") == 2
    assert "shorted" in text  # a very short secret would blot out ordinary words


def test_a_longer_secret_is_hidden_whole_although_a_shorter_one_begins_it():
    record = logging.LogRecord("x", logging.INFO, "f.py", 1, f"{SECRET}-that-is-longer", (), None)
    assert formatted(record).endswith(": [hidden]")


def test_a34_error_pages_hide_keys_and_addresses_with_passwords():
    bucket = {"BUCKET": "books", "ACCESS_KEY_ID": "an-id", "SECRET_ACCESS_KEY": SECRET}
    with override_settings(
        EXTERNAL_STORAGE={"STORES": {"bucket": bucket}}, REDIS_URL="redis://:hunter2@redis/0", SECRET_KEY=SECRET * 2
    ):
        shown = repr(get_default_exception_reporter_filter().get_safe_settings())
    assert SECRET not in shown and "an-id" not in shown and "hunter2" not in shown
    assert "'BUCKET': 'books'" in shown


@pytest.mark.parametrize("output", ["hash", "unified"])
def test_a34_the_settings_that_differ_from_djangos_are_shown_without_secrets(capsys, output):
    bucket = {"BUCKET": "books", "ACCESS_KEY_ID": "an-id", "SECRET_ACCESS_KEY": SECRET}
    with override_settings(
        EXTERNAL_STORAGE={"STORES": {"bucket": bucket}}, REDIS_URL="redis://:hunter2@redis/0", SECRET_KEY=SECRET * 2
    ):
        call_command("diffsettings", output=output)
    shown = capsys.readouterr().out
    assert SECRET not in shown and "an-id" not in shown and "hunter2" not in shown
    assert "'BUCKET': 'books'" in shown and "SECRET_KEY = '****" in shown


def test_a34_a_process_that_knows_the_secrets_leaves_no_core_dump():
    code = (
        "import resource; _, hard = resource.getrlimit(resource.RLIMIT_CORE); "
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)); "
        "import bookwyrm.settings; print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_the_policy_names_the_hosts_given_and_no_other():
    value = policy(["https://media.test"], ["https://media.test/static/"])
    directives = dict(part.split(" ", 1) for part in value.split("; "))
    assert directives["img-src"] == "'self' https://media.test data:"
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in value


@pytest.mark.parametrize("directive", ["script-src", "style-src", "font-src"])
def test_a50_nothing_that_people_upload_can_become_a_script_or_a_style(directive):
    value = policy(["https://media.test"], ["https://media.test/static/"])
    assert dict(part.split(" ", 1) for part in value.split("; "))[directive] == "'self' https://media.test/static/"


def test_static_files_on_the_sites_own_host_need_no_further_source():
    assert "script-src 'self';" in policy([], ["/static/"])


def test_while_static_files_move_those_of_both_places_may_be_used():
    value = policy(["https://media.test"], ["/static/", "https://media.test/static/"])
    assert "style-src 'self' https://media.test/static/;" in value


@pytest.mark.django_db
def test_every_page_carries_the_policy_and_the_other_protections():
    for path in ("/", "/health", "/no-such-page", "/admin/login/"):
        headers = Client().get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
    assert "http://books.test" in headers["Content-Security-Policy"]
    assert settings.SITE_URL == "http://books.test"


def test_the_log_is_cut_before_it_grows_without_end(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(log_files, "LARGEST_FILE", 2000)
    log = log_files.LogWriter(tmp_path / "logs" / "site.log")
    for number in range(1000):
        log.write("web", f"line {number}")
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == log_files.OLD_FILES + 1
    assert sum(file.stat().st_size for file in files) <= 2000 * (log_files.OLD_FILES + 1)
    assert log_files.last_lines(tmp_path / "logs" / "site.log", 1) == ["web        | line 999"]


def test_the_log_is_followed_into_its_next_file(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(log_files, "LARGEST_FILE", 60)
    path = tmp_path / "site.log"
    log = log_files.LogWriter(path)
    log.write("web", "before")
    lines = log_files.follow(path, pause=0.01)
    monkeypatch.setattr(log_files.time, "sleep", lambda pause: log.write("web", "the next line"))
    assert [next(lines) for _ in range(5)] == ["web        | the next line"] * 5
    assert len(list(tmp_path.iterdir())) > 1


@pytest.mark.parametrize(("crashes", "pause"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (50, 30)])
def test_something_that_crashes_again_and_again_is_started_less_and_less_often(crashes, pause):
    assert processes.pause_before_restart(crashes) == pause
