"""``storage_copy``: from any place to any other, by the rules of the alias concerned, and never by none."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bookwyrm.models import Edition, Work
from external_storage.django import conf
from external_storage.stores import LocalStore, local

from .conftest import CANARY, one_server
from .fussy_front import fussy_front

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
OTHER = b"\x89PNG\r\n\x1a\n" + b"another " * 40
NOTHING_PUBLIC = "external_storage.django.publishing.nothing_public"
MAY_PUBLISH = "bookwyrm.images.publishing.may_publish"

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_disk(site):
    """The site still serves its media from the folder."""
    site.configure(active="disk")
    return site


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def access_key(site, monkeypatch):
    """The environment holds the access key, as it does for other tools."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", site.server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", site.server.secret_access_key)


def bucket_url(site, prefix: str = "backup", bucket: str = "", **parameters: str) -> str:
    given = {"endpoint": site.server.endpoint_url, "region": site.server.region, "addressing": "path", **parameters}
    query = "&".join(f"{name}={value}" for name, value in given.items())
    return f"s3://{bucket or site.bucket.name}/{prefix}?{query}"


def refer_to(*keys: str) -> None:
    work = Work.objects.create(title="Any")
    Edition.objects.bulk_create(Edition(work=work, title="Any", cover=key) for key in keys)


def last_line(ran) -> str:
    return ran.out.splitlines()[-1]


# Places


def test_an_alias_is_copied_to_a_configured_store_by_its_own_rule(on_disk, run):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_on_disk("backup.zip", b"PK\x03\x04")
    ran = run("storage_copy", "default", "bucket")
    assert ran.code == 0, ran.printed
    assert on_disk.bucket.keys_under() == ["images/covers/a.png"]
    assert "backup.zip" in ran.out
    assert last_line(ran).startswith("copied 1, already there 0, held back 1, failed 0, bytes ")
    assert last_line(ran).endswith(", verified 1")


def test_a_second_run_sends_nothing(on_disk, run):
    on_disk.put_on_disk("covers/a.png", PNG)
    run("storage_copy", "disk", "bucket")
    assert last_line(run("storage_copy", "disk", "bucket")).startswith("copied 0, already there 1")


def test_the_bucket_comes_back_to_a_folder_named_by_url(site, run, elsewhere):
    site.put_in_bucket("images/covers/ü.png", PNG, ContentType="image/png")
    ran = run("storage_copy", "default", f"file://{elsewhere}")
    assert ran.code == 0, ran.printed
    assert (elsewhere / "covers/ü.png").read_bytes() == PNG


def test_a_folder_goes_to_a_bucket_with_both_named_by_url(site, run, elsewhere, access_key):
    (elsewhere / "a.png").write_bytes(PNG)
    (elsewhere / "b.zip").write_bytes(b"PK\x03\x04")
    ran = run("storage_copy", f"file://{elsewhere}", bucket_url(site), "--rule", MAY_PUBLISH)
    assert ran.code == 0, ran.printed
    assert site.bucket.keys_under() == ["backup/a.png"]


def test_a_url_may_name_the_store_whose_access_key_is_used(site, run, elsewhere, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobodys-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    (elsewhere / "a.png").write_bytes(PNG)
    source, rule = f"file://{elsewhere}", ("--rule", MAY_PUBLISH)
    refused = run("storage_copy", source, bucket_url(site), *rule)
    assert refused.code == 3
    assert CANARY not in refused.printed
    assert run("storage_copy", source, bucket_url(site, credentials="bucket"), *rule).code == 0
    assert site.bucket.keys_under() == ["backup/a.png"]


def test_without_any_other_the_sites_own_access_key_is_used(site, run, elsewhere, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    (elsewhere / "a.png").write_bytes(PNG)
    ran = run("storage_copy", f"file://{elsewhere}", bucket_url(site), "--rule", MAY_PUBLISH)
    assert ran.code == 0, ran.printed


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_secret_in_a_url_is_refused_and_not_repeated(on_disk, run, options):
    ran = run("storage_copy", "disk", f"s3://AKIDOFSOMEBODY:{CANARY}@books/images", *options)
    assert ran.code == 2
    assert "AWS_SECRET_ACCESS_KEY" in ran.printed
    assert CANARY not in ran.printed
    assert "AKIDOFSOMEBODY" not in ran.printed


def test_a_name_that_is_no_place_is_refused_with_the_known_ones(on_disk, run):
    ran = run("storage_copy", "disk", "buckt")
    assert ran.code == 2
    assert "static-bucket" in ran.err


@pytest.mark.parametrize(("source", "target"), [("default", "disk"), ("disk", "disk"), ("bucket", "bucket")])
def test_a_place_is_not_copied_onto_itself(on_disk, run, source, target):
    ran = run("storage_copy", source, target)
    assert (ran.code, "overlap" in ran.err) == (2, True)


def test_a_folder_inside_the_source_is_no_target(on_disk, run):
    inner = on_disk.media / "inner"
    inner.mkdir()
    assert run("storage_copy", "disk", f"file://{inner}").code == 2


@pytest.mark.parametrize("prefix", ["images/covers", ""])
@pytest.mark.parametrize("command", ["storage_copy", "storage_plan"])
def test_half_of_a_store_in_use_is_no_target(site, run, elsewhere, access_key, command, prefix):
    (elsewhere / "a.png").write_bytes(PNG)
    ran = run(command, f"file://{elsewhere}", bucket_url(site, prefix), "--rule", MAY_PUBLISH)
    assert (ran.code, "'bucket'" in ran.err) == (2, True)
    assert site.bucket.keys_under() == []


def test_a_folder_that_is_not_there_is_named_and_not_made(on_disk, run, tmp_path):
    ran = run("storage_copy", "disk", f"file://{tmp_path}/absent")
    assert (ran.code, str(tmp_path / "absent") in ran.err) == (2, True)
    assert not (tmp_path / "absent").exists()


@one_server
def test_f24_a_folder_on_a_read_only_disk_is_no_target_and_nothing_is_begun(site, run, elsewhere):
    if os.geteuid() != 0:
        pytest.skip("Only the superuser mounts a disk.")
    site.put_in_bucket("images/a.png", PNG)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", elsewhere], check=True)
    try:
        ran = run("storage_copy", "default", f"file://{elsewhere}")
    finally:
        subprocess.run(["umount", elsewhere], check=True)
    assert (ran.code, ran.out) == (2, "")
    assert f"The folder {elsewhere} cannot be written to." in ran.err
    assert "read-only" in ran.err
    assert run("storage_copy", "default", f"file://{elsewhere}").code == 0


def test_f18_an_empty_folder_with_rows_that_refer_to_files_is_an_error(on_disk, run):
    refer_to("covers/a.png")
    ran = run("storage_copy", "disk", "bucket")
    assert (ran.code, "refers to 1" in ran.err) == (2, True)


# Rules


def test_between_two_urls_nothing_is_published_until_a_rule_is_named(site, run, elsewhere, access_key):
    (elsewhere / "a.png").write_bytes(PNG)
    ran = run("storage_copy", f"file://{elsewhere}", bucket_url(site))
    assert ran.code == 2
    assert "--rule" in ran.err
    assert "--alias" in ran.err
    assert site.bucket.keys_under() == []


def test_an_alias_named_for_two_urls_lends_its_rule(site, run, elsewhere, access_key):
    (elsewhere / "a.png").write_bytes(PNG)
    (elsewhere / "b.zip").write_bytes(b"PK\x03\x04")
    ran = run("storage_copy", f"file://{elsewhere}", bucket_url(site), "--alias", "default", "--without-public-check")
    assert ran.code == 0, ran.printed
    assert site.bucket.keys_under() == ["backup/a.png"]


def test_a_configured_bucket_written_as_a_url_keeps_its_rules(site, run, elsewhere, access_key):
    (elsewhere / "a.png").write_bytes(OTHER)
    (elsewhere / "b.png").write_bytes(PNG)
    (elsewhere / "c.zip").write_bytes(b"PK\x03\x04")
    refer_to("a.png")
    site.put_in_bucket("images/a.png", PNG)
    ran = run("storage_copy", f"file://{elsewhere}", bucket_url(site, "images"))
    assert ran.code == 0, ran.printed
    # The bucket is in use: nothing in it is overwritten, and what no row needs is left out.
    assert site.in_bucket("images/a.png") == PNG
    assert site.bucket.keys_under() == ["images/a.png"]


def test_a_backup_can_be_kept_private_as_a_whole(site, run, elsewhere, access_key):
    private = site.server.make_bucket(public=())
    (elsewhere / "a.zip").write_bytes(b"PK\x03\x04")
    to = bucket_url(site, "backup", private.name)
    ran = run("storage_copy", f"file://{elsewhere}", to, "--rule", NOTHING_PUBLIC)
    assert ran.code == 0, ran.printed
    head = private.client.head_object(Bucket=private.name, Key="backup/a.zip")
    assert (head["ContentType"], head["CacheControl"]) == ("application/zip", "private, no-store")


def test_places_of_two_aliases_need_one_to_be_named(on_disk, run):
    ran = run("storage_copy", "default", "static-bucket")
    assert (ran.code, "staticfiles" in ran.err) == (2, True)


def test_a_rule_that_cannot_be_imported_is_refused(on_disk, run):
    ran = run("storage_copy", "disk", "bucket", "--rule", "bookwyrm.images.publishing.no_such_rule")
    assert (ran.code, "no_such_rule" in ran.err) == (2, True)


@pytest.mark.parametrize(("choice", "kept"), [("keep", OTHER), ("replace", PNG)])
def test_what_becomes_of_a_difference_can_be_said(on_disk, run, choice, kept):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_in_bucket("images/covers/a.png", OTHER)
    ran = run("storage_copy", "disk", "bucket", f"--on-conflict={choice}")
    assert ran.code == 0, ran.printed
    assert on_disk.in_bucket("images/covers/a.png") == kept


def test_the_scope_can_be_narrowed(on_disk, run):
    for key in ("covers/a.png", "covers/b.png", "covers/big-c.png", "avatars/a.png"):
        on_disk.put_on_disk(key, PNG)
    run("storage_copy", "disk", "bucket", "--prefix", "covers/", "--exclude", "*/big-*", "--include", "*a.png")
    assert on_disk.bucket.keys_under() == ["images/covers/a.png"]


# Before, during and after


def test_a_dry_run_writes_nothing(on_disk, run):
    on_disk.put_on_disk("covers/a.png", PNG)
    ran = run("storage_copy", "disk", "bucket", "--dry-run")
    assert last_line(ran).startswith("would copy 1")
    assert on_disk.bucket.keys_under() == []


def test_a_bucket_that_keeps_public_pictures_private_is_found_out_before_anything_is_copied(on_disk, run):
    private = on_disk.server.make_bucket(public=())
    on_disk.configure(BUCKET=private.name, CUSTOM_DOMAIN=private.public_url, DEFAULT_ACL="none")
    on_disk.put_on_disk("covers/a.png", PNG)
    assert run("storage_copy", "disk", "bucket").code == 3
    assert private.keys_under() == []
    assert run("storage_copy", "disk", "bucket", "--without-public-check").code == 0
    assert private.keys_under() == ["images/covers/a.png"]


def test_json_is_one_object_a_line_and_the_last_is_the_report(on_disk, run):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_on_disk("backup.zip", b"PK\x03\x04")
    ran = run("storage_copy", "disk", "bucket", "--json")
    assert [each.get("key") for each in ran.json] == ["backup.zip", None]
    assert (ran.json[-1]["copied"], ran.json[-1]["verified"], ran.json[-1]["exit_code"]) == (1, 1, 0)


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_bandwidth_holds_for_all_threads_together(on_disk, run, concurrency):
    for n in range(8):
        on_disk.put_on_disk(f"covers/{n}.png", PNG[:8] + os.urandom(50_000))
    began = time.monotonic()
    ran = run("storage_copy", "disk", "bucket", "--bandwidth", "200k", "--concurrency", str(concurrency))
    assert ran.code == 0, ran.printed
    # 400 KB at 200 KB a second, less the burst that is allowed
    assert 1.7 <= time.monotonic() - began < 10


@pytest.mark.parametrize("option", [("--bandwidth", "fast"), ("--bandwidth", "0"), ("--concurrency", "0")])
def test_a_number_that_makes_no_sense_is_refused(on_disk, run, option):
    assert run("storage_copy", "disk", "bucket", *option).code == 2


HOLD = """
import sys, time
from pathlib import Path
from external_storage.django.locking import only_run_on
with only_run_on(Path(sys.argv[1])):
    print("holding", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
@pytest.mark.parametrize(
    "arguments", [("storage_copy", "disk", "bucket"), ("storage_verify", "disk", "bucket", "--fix-metadata")]
)
def test_while_another_run_works_on_the_alias_a_second_one_names_it(on_disk, run, arguments):
    on_disk.put_on_disk("covers/a.png", PNG)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(on_disk.media)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "holding\n"
        ran = run(*arguments)
        assert ran.code == 6
        assert f"process {other.pid}" in ran.err
    finally:
        other.kill()
        other.communicate()


@one_server
def test_while_another_run_writes_to_the_bucket_a_second_one_names_it_and_a_dry_run_does_not_mind(
    site, run, elsewhere, monkeypatch, tmp_path, settings
):
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STATE_DIR": str(tmp_path / "state")}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", site.server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", site.server.secret_access_key)
    (elsewhere / "a.png").write_bytes(PNG)
    arguments = ("storage_copy", f"file://{elsewhere}", bucket_url(site), "--rule", MAY_PUBLISH)
    assert run(*arguments).code == 0
    (stand_in,) = (tmp_path / "state" / "runs").iterdir()
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(stand_in)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "holding\n"
        refused = run(*arguments)
        assert refused.code == 6
        assert f"process {other.pid}" in refused.err
        assert site.bucket.name in refused.err
        assert run(*arguments, "--dry-run").code == 0
    finally:
        other.kill()
        other.communicate()
    assert run(*arguments).code == 0, "a lock whose owner was killed is free"
    stand_in.rmdir()
    stand_in.parent.rmdir()
    stand_in.parent.write_text("no folder can be made here")
    assert run(*arguments).code == 0, "where there can be no lock, nothing is kept back"


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("name", ["storage_plan", "storage_copy", "storage_verify"])
def test_a35_no_command_prints_a_secret_even_if_the_store_repeats_it(site, run, name, options, elsewhere, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", site.server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    (elsewhere / "a.png").write_bytes(PNG)

    def repeat(request):
        said = f"<Error><Code>AccessDenied</Code><Message>{request.headers} {CANARY}</Message></Error>"
        return 403, said.encode()

    with fussy_front(site.server.endpoint_url, repeat) as front:
        target = bucket_url(site, endpoint=front.url)
        ran = run(name, f"file://{elsewhere}", target, "--rule", MAY_PUBLISH, *options)
        assert front.turned_away
    assert ran.code == 3
    for secret in (CANARY, site.server.access_key_id, "AWS4-HMAC", "Signature="):
        assert secret not in ran.printed


PLAIN_SITE = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["external_storage.django"],
    EXTERNAL_STORAGE={
        "STORES": {
            "one": {"KIND": "local", "ROOT": %(one)r, "PUBLIC_URL": "/one/"},
            "two": {"KIND": "local", "ROOT": %(two)r, "PUBLIC_URL": "/two/"},
        },
        "ALIASES": {"default": {"ACTIVE": "one", "STORES": ["one", "two"],
                                "PUBLISHING_RULE": "external_storage.django.publishing.nothing_public"}},
    },
)
django.setup()
from django.core.management import call_command
call_command(*%(command)r)
"""


def two_folders(tmp_path) -> dict[str, str]:
    places = {"one": str(tmp_path / "one"), "two": str(tmp_path / "two")}
    for place in places.values():
        Path(place).mkdir()
    return places


def started(places: dict[str, str], *command: str) -> subprocess.Popen:
    """Run a command on a plain site with two folders, in a process of its own."""
    code = PLAIN_SITE % {**places, "command": command}
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "anybodys-key", "AWS_SECRET_ACCESS_KEY": CANARY}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_slow_run_in_time_and_says_how_to_go_on(tmp_path, signum, code):
    places = two_folders(tmp_path)
    for n in range(40):
        Path(places["one"], f"{n}.bin").write_bytes(os.urandom(100_000))
    slowly = ("storage_copy", "one", "two", "--bandwidth", "100k", "--concurrency", "2")
    running = started(places, *slowly)
    deadline = time.monotonic() + 60
    while not any(Path(places["two"]).glob("*.bin")) and time.monotonic() < deadline:
        time.sleep(0.05)
    asked = time.monotonic()
    running.send_signal(signum)
    out, err = running.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert running.returncode == code, err
    assert "run the same command again to go on" in out
    assert out.splitlines()[-1].startswith("copied ")
    stored = {path.name for path in Path(places["two"]).iterdir() if not path.name.startswith(".")}
    assert 0 < len(stored) < 40
    assert all(Path(places["two"], name).stat().st_size == 100_000 for name in stored)


@pytest.mark.parametrize("command", ["storage_plan", "storage_copy", "storage_verify"])
def test_a_store_that_never_answers_holds_nobody_up_who_wants_to_stop(tmp_path, command):
    places = two_folders(tmp_path)
    Path(places["one"], "a.bin").write_bytes(b"a")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"s3://books?endpoint=http://127.0.0.1:{silent.getsockname()[1]}"
        running = started(places, command, "one", target)
        silent.settimeout(60)
        with silent.accept()[0] as connection:
            assert connection.recv(4096).startswith(b"GET /books")
            asked = time.monotonic()
            running.send_signal(signal.SIGTERM)
            out, err = running.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert running.returncode == 143, err
    assert "run the same command again to go on" in out + err
    assert CANARY not in out + err


@pytest.mark.parametrize("command", ["storage_copy", "storage_verify"])
def test_a_reader_that_leaves_ends_the_run_without_a_traceback(tmp_path, command):
    places = two_folders(tmp_path)
    for n in range(3000):
        Path(places["one"], f"{n:04}").symlink_to("/etc/hostname")  # each is named, so there is much to read
    running = started(places, command, "one", "two")
    assert running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read()
    assert (running.wait(timeout=60), err) == (141, "")


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
@pytest.mark.parametrize("command", ["storage_copy", "storage_plan"])
def test_what_one_run_read_the_next_one_need_not_read_again(on_disk, run, command, tmp_path, monkeypatch):
    on_disk.settings.EXTERNAL_STORAGE |= {"STATE_DIR": tmp_path / "state"}
    conf.forget()
    monkeypatch.setattr(local, "UNSEEN_CHANGE_SECONDS", 0)  # a file this new is not trusted to stay as it is
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_in_bucket("images/covers/a.png", PNG)
    assert "already there 1" in last_line(run(command, "disk", "bucket"))
    monkeypatch.setattr(LocalStore, "open", None)  # so a second reading would fail
    assert "already there 1" in last_line(run("storage_copy", "disk", "bucket"))
