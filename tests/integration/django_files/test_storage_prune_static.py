"""``storage_prune_static``: what pages name stays, what they named lately stays, the rest goes; on real servers."""

from __future__ import annotations

import json
import time

import pytest

from external_storage.django.pruning import unused_files

from .fussy_front import fussy_front, refusal

pytestmark = pytest.mark.django_db

OLD = "css/site.0123456789ab.css"
DAY = 86_400


@pytest.fixture
def released(collected, settings, tmp_path):
    """A site whose last release left one hashed file behind."""
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STATE_DIR": tmp_path / "state"}
    collected.put_in_bucket(f"static/{OLD}", b"of the release before")
    return collected


def in_bucket(site) -> set[str]:
    return {key.removeprefix("static/") for key in site.bucket.keys_under("static/")}


def notes(tmp_path) -> dict[str, float]:
    return json.loads((tmp_path / "state" / "unused-static-static-bucket.json").read_text())


def test_what_the_last_release_used_stays_for_some_weeks(released, run, tmp_path):
    ran = run("storage_prune_static")
    assert ran.code == 0
    assert ran.out.startswith("removed 0, unused but kept for now ")
    assert OLD in in_bucket(released)
    assert OLD in notes(tmp_path)


def test_after_these_weeks_it_goes_and_nothing_else_does(released, run, tmp_path):
    run("storage_prune_static")
    before = in_bucket(released)
    path = tmp_path / "state" / "unused-static-static-bucket.json"
    path.write_text(json.dumps({OLD: time.time() - 31 * DAY}))
    ran = run("storage_prune_static")
    assert f"removed: {OLD!r}" in ran.out
    assert before - in_bucket(released) == {OLD}
    assert OLD not in notes(tmp_path)


def test_a_dry_run_removes_nothing_and_notes_nothing(released, run, tmp_path):
    ran = run("storage_prune_static", "--keep-days", "0", "--dry-run")
    assert f"would be removed: {OLD!r}" in ran.out
    assert OLD in in_bucket(released)
    assert not (tmp_path / "state" / "unused-static-static-bucket.json").exists()


def test_nothing_that_pages_name_ever_goes(released, run):
    named = set(json.loads((released.static / "staticfiles.json").read_text())["paths"].values())
    assert run("storage_prune_static", "--keep-days", "0").code == 0
    assert named <= in_bucket(released)
    assert OLD not in in_bucket(released)


def test_what_a_style_sheet_names_never_goes(released, run):
    named = json.loads((released.static / "staticfiles.json").read_text())["paths"]["css/site.css"]
    with (released.static / named).open("a") as sheet:
        sheet.write('@import "site.0123456789ab.css";')
    assert run("storage_prune_static", "--keep-days", "0").code == 0
    assert OLD in in_bucket(released)


def test_what_another_machine_collected_is_in_use_too(released, run):
    there = {"paths": {"css/site.css": OLD}, "version": "1.1", "hash": ""}
    released.put_in_bucket("static/staticfiles.json", json.dumps(there).encode())
    assert run("storage_prune_static", "--keep-days", "0").code == 0
    assert OLD in in_bucket(released)


def test_without_a_manifest_nothing_goes(released, run):
    released.bucket.client.delete_object(Bucket=released.bucket.name, Key="static/staticfiles.json")
    ran = run("storage_prune_static", "--keep-days", "0")
    assert (ran.code, "none of them may go" in ran.err) == (2, True)
    assert OLD in in_bucket(released)


def test_a_manifest_that_is_none_lets_nothing_go(released, run):
    released.put_in_bucket("static/staticfiles.json", b"<html>")
    ran = run("storage_prune_static", "--keep-days", "0")
    assert (ran.code, "cannot be read" in ran.err) == (2, True)
    assert OLD in in_bucket(released)


def test_what_could_not_be_removed_is_named_and_tried_again(released, settings, run, tmp_path):
    def refuse(request):
        return refusal(403, "AccessDenied") if "?delete" in request.path else None

    with fussy_front(released.server.endpoint_url, refuse) as front:
        released.configure(ENDPOINT_URL=front.url)
        settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STATE_DIR": tmp_path / "state"}
        ran = run("storage_prune_static", "--keep-days", "0")
    assert ran.code == 3
    assert OLD in in_bucket(released)


def test_json_tells_what_went(released, run):
    (told,) = run("storage_prune_static", "--keep-days", "0", "--json").json
    assert (told["store"], OLD in told["removed"], told["exit_code"]) == ("static-bucket", True, 0)


@pytest.mark.parametrize("arguments", [("--keep-days", "-1"), ("--store", "bucket"), ("--alias", "nothing")])
def test_wrong_arguments_are_refused(released, run, arguments):
    assert run("storage_prune_static", *arguments).code == 2


@pytest.mark.parametrize(
    ("name", "noted", "manifest_from", "expected"),
    [
        ("site.css", 0, 0, "stays"),
        ("named.0123456789ab.css", 0, 0, "stays"),
        ("old.0123456789ab.css", None, 95, "waits"),
        ("old.0123456789ab.css", 60, 95, "is due"),
        ("old.0123456789ab.css", None, 60, "is due"),
        ("old.0123456789ab.css", 200, 200, "waits"),  # a clock that was ahead
    ],
)
def test_when_a_file_is_due(name, noted, manifest_from, expected):
    found = unused_files(
        [name],
        {"named.0123456789ab.css"},
        {} if noted is None else {name: noted},
        manifest_from=manifest_from,
        now=100,
        keep_for=30,
    )
    assert ("is due" if found.due else "waits" if found.waiting else "stays") == expected
