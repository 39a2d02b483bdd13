"""``storage_plan`` and ``storage_status``: told beforehand, and nothing changed."""

from __future__ import annotations

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
OTHER = b"\x89PNG\r\n\x1a\n" + b"another " * 41

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_disk(site):
    site.configure(active="disk")
    return site


def some_files(site) -> None:
    for name in "abc":
        site.put_on_disk(f"covers/{name}.png", PNG)
    site.put_on_disk("covers/false.png", b"PK\x03\x04 no picture at all")
    site.put_on_disk("backup.zip", b"PK\x03\x04")
    site.put_in_bucket("images/covers/a.png", PNG)
    site.put_in_bucket("images/covers/b.png", OTHER)


def test_the_plan_tells_what_the_copy_then_does(on_disk, run):
    some_files(on_disk)
    planned = run("storage_plan", "disk", "bucket", "--json").json[-1]
    assert (planned["copied"], planned["replaced"], planned["already_there"], planned["held_back"]) == (2, 1, 1, 2)
    assert planned["bytes"] == 2 * len(PNG)
    copied = run("storage_copy", "disk", "bucket", "--json").json[-1]
    for count in ("copied", "already_there", "held_back", "bytes", "failed", "conflicts"):
        assert planned[count] == copied[count], count


def test_planning_changes_nothing(on_disk, run):
    some_files(on_disk)
    before = on_disk.bucket.keys_under()
    ran = run("storage_plan", "disk", "bucket")
    assert ran.code == 0, ran.printed
    assert on_disk.bucket.keys_under() == before
    assert on_disk.in_bucket("images/covers/b.png") == OTHER


def test_the_plan_names_what_is_held_back_and_what_conflicts(site, run):
    some_files(site)  # the bucket is in use, so what differs in it is kept
    ran = run("storage_plan", "disk", "bucket")
    for key in ("covers/b.png", "backup.zip", "covers/false.png"):
        assert any(key in line for line in ran.out.splitlines()), ran.out
    assert "conflict: 'covers/b.png'" in ran.out


def test_the_plan_tells_requests_money_time_and_what_it_assumes(on_disk, run):
    some_files(on_disk)
    ran = run("storage_plan", "disk", "bucket", "--latency", "100", "--bandwidth", "2M", "--concurrency", "4")
    assert "2 PUT" in ran.out
    assert "Unknown provider: not priced." in ran.out
    assert "100 ms for an answer, 4 requests at once, 2.0 MB a second" in ran.out
    assert ran.out.splitlines()[-1].startswith("would copy 2, already there 1, held back 2")


def test_a_plan_without_a_rule_is_refused_like_the_copy(site, run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    ran = run("storage_plan", f"file://{tmp_path / 'elsewhere'}", "s3://books/images")
    assert (ran.code, "--rule" in ran.err) == (2, True)


def test_a_store_that_refuses_ends_the_plan(on_disk, run):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.configure(SECRET_ACCESS_KEY="wrong-secret-of-nobody")
    ran = run("storage_plan", "disk", "bucket", "--json")
    assert ran.code == 3
    assert ran.json[-1]["exit_code"] == 3


# storage_status


def test_the_status_shows_each_alias_and_which_store_it_uses(site, run):
    ran = run("storage_status")
    assert ran.code == 0
    assert "default: uses 'bucket'" in ran.out
    assert f"file://{site.media}" in ran.out
    assert f"* bucket: s3://{site.bucket.name}/images" in ran.out
    assert "an object appears whole or not at all" in ran.out


def test_the_status_asks_no_store_unless_told_to(site, run):
    site.configure(ENDPOINT_URL="http://127.0.0.1:9")
    assert run("storage_status").code == 0
    ran = run("storage_status", "--check")
    assert ran.code == 3
    assert "127.0.0.1:9" in ran.out


def test_the_status_for_programs(site, run):
    default, static, report = run("storage_status", "--check", "--json").json
    assert (default["alias"], default["active"], static["alias"]) == ("default", "bucket", "staticfiles")
    assert {each["name"]: (each["active"], each["answers"]) for each in default["stores"]} == {
        "disk": (False, True),
        "bucket": (True, True),
    }
    assert report == {"checked": True, "exit_code": 0}
