"""``copy_media_to_s3`` and ``sync_media_to_s3``: what they send, what they leave alone, and what they say."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import urllib3
from django.db import connection

from bookwyrm.images.thumbnails import thumbnail_key
from bookwyrm.models import Edition, User, Work
from external_storage.stores import LocalStore

from .conftest import CANARY, one_server
from .fussy_front import fussy_front, refusal

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 thumbnail"
OTHER = b"\x89PNG\r\n\x1a\n" + b"another " * 40

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["copy_media_to_s3", "sync_media_to_s3"])
def command(request) -> str:
    return request.param


@pytest.fixture
def on_disk(site):
    """The site still serves its media from the folder."""
    site.configure(active="disk")
    return site


def refer_to(*keys: str) -> None:
    work = Work.objects.create(title="Any")
    Edition.objects.bulk_create(Edition(work=work, title="Any", cover=key) for key in keys)


def last_line(ran) -> str:
    return ran.out.splitlines()[-1]


def test_f20_pictures_are_sent_and_everything_else_is_held_back_by_name(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_on_disk("avatars/ü.png", OTHER)
    held = {"backup.zip": b"PK\x03\x04", "covers/page.html": b"<html>", "covers/false.png": b"PK\x03\x04"}
    for key, data in held.items():
        on_disk.put_on_disk(key, data)
    ran = run(command)
    assert ran.code == 0, ran.printed
    assert sorted(on_disk.bucket.keys_under()) == ["images/avatars/ü.png", "images/covers/a.png"]
    assert all(key in ran.out for key in held)
    assert last_line(ran).startswith("copied 2, already there 0, held back 3, failed 0")
    assert urllib3.request("GET", f"{on_disk.bucket.public_url}/images/covers/a.png").data == PNG


def test_a_second_run_sends_nothing(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    run(command)
    assert last_line(run(command)).startswith("copied 0, already there 1")


def test_before_the_switch_a_different_object_is_replaced(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_in_bucket("images/covers/a.png", OTHER)
    assert run(command).code == 0
    assert on_disk.in_bucket("images/covers/a.png") == PNG


def test_once_the_bucket_is_in_use_nothing_in_it_is_overwritten(site, run, command):
    site.put_on_disk("covers/a.png", PNG)
    site.put_in_bucket("images/covers/a.png", OTHER, ContentType="image/png")
    ran = run(command)
    assert site.in_bucket("images/covers/a.png") == OTHER
    assert "covers/a.png" in ran.out


def test_f20_once_the_bucket_is_in_use_an_absent_file_is_sent_only_if_a_row_needs_it(site, run, command):
    small, stray_small = thumbnail_key("covers/needed.png", 160), thumbnail_key("covers/stray.png", 160)
    for key in ("covers/needed.png", "covers/stray.png", "avatars/mine.png"):
        site.put_on_disk(key, PNG)
    for key in (small, stray_small):
        site.put_on_disk(key, WEBP)
    refer_to("covers/needed.png")
    User.objects.create(username="ada", avatar="avatars/mine.png")
    ran = run(command)
    assert ran.code == 0, ran.printed
    assert set(site.bucket.keys_under()) == {
        f"images/{key}" for key in ("covers/needed.png", "avatars/mine.png", small)
    }
    assert "covers/stray.png" in ran.out
    assert stray_small in ran.out
    assert (site.media / "covers/stray.png").exists()


def test_f18_an_empty_folder_with_rows_that_refer_to_files_is_an_error(on_disk, run, command):
    refer_to("covers/a.png", "covers/b.png")
    ran = run(command)
    assert ran.code == 2
    assert "refers to 2" in ran.err
    assert str(on_disk.media) in ran.err


def test_a_database_that_was_not_made_yet_is_told_in_a_sentence(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    with connection.cursor() as tables:
        tables.execute("ALTER TABLE bookwyrm_edition RENAME TO elsewhere")
    ran = run(command)
    assert ran.code == 1
    assert "The database cannot be used" in ran.err and "run python manage.py migrate first" in ran.err
    assert on_disk.bucket.keys_under() == []


def test_f18_a_folder_that_is_not_there_is_an_error(on_disk, run, command):
    shutil.rmtree(on_disk.media)
    ran = run(command)
    assert (ran.code, str(on_disk.media) in ran.err) == (2, True)


def test_f19_files_that_were_lost_before_are_named_and_not_blamed_on_the_copy(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    refer_to("covers/a.png", "covers/lost.png")
    ran = run(command)
    assert ran.code == 4
    assert "covers/lost.png" in ran.out
    assert last_line(ran).startswith("copied 1")


@one_server
@pytest.mark.parametrize(("is_needed", "code"), [(True, 4), (False, 0)], ids=["a row needs it", "no row does"])
def test_f4_a_file_that_is_deleted_before_its_turn_is_missing_only_if_a_row_needs_it(
    on_disk, run, monkeypatch, is_needed, code
):
    for name in ("covers/a.png", "covers/b.png"):
        on_disk.put_on_disk(name, PNG)
    refer_to("covers/a.png", *(["covers/b.png"] if is_needed else []))
    vanished, opened = [], LocalStore._opened

    def too_late(store, key):
        if key == "covers/b.png" and not vanished:
            (on_disk.media / key).unlink()
            vanished.append(key)
        return opened(store, key)

    monkeypatch.setattr(LocalStore, "_opened", too_late)
    ran = run("copy_media_to_s3")
    assert (vanished, ran.code) == (["covers/b.png"], code), ran.printed
    assert last_line(ran).startswith("copied 1, already there 0, held back 0, failed 0")
    assert ("missing" in ran.out and "covers/b.png" in ran.out) or not is_needed
    if is_needed:
        on_disk.put_on_disk("covers/b.png", PNG)
    assert run("copy_media_to_s3").code == 0


def test_s14_a_bucket_that_keeps_public_pictures_private_is_found_out_before_anything_is_copied(on_disk, run, command):
    private = on_disk.server.make_bucket(public=())
    on_disk.configure(BUCKET=private.name, CUSTOM_DOMAIN=private.public_url, DEFAULT_ACL="none")
    on_disk.put_on_disk("covers/a.png", PNG)
    ran = run(command)
    assert ran.code == 3
    assert "Private" in ran.out
    assert "s3:GetObject" in ran.out
    assert f"arn:aws:s3:::{private.name}/images/*" in ran.out
    assert private.keys_under() == []


def test_s36_a_public_address_that_leads_elsewhere_is_found_out_before_anything_is_copied(on_disk, run):
    elsewhere = on_disk.server.make_bucket()
    on_disk.configure(CUSTOM_DOMAIN=elsewhere.public_url)
    on_disk.put_on_disk("covers/a.png", PNG)
    ran = run("copy_media_to_s3")
    assert ran.code == 3
    assert on_disk.bucket.keys_under() == []


def test_the_public_check_can_be_left_out_by_name(on_disk, run):
    on_disk.configure(CUSTOM_DOMAIN="media.invalid")
    on_disk.put_on_disk("covers/a.png", PNG)
    assert run("copy_media_to_s3").code == 3
    assert run("copy_media_to_s3", "--without-public-check").code == 0
    assert on_disk.bucket.keys_under() == ["images/covers/a.png"]


def test_s21_a_key_that_may_not_write_gets_the_policy_it_needs(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    denied = refusal(403, "AccessDenied")
    with fussy_front(on_disk.server.endpoint_url, lambda r: denied if r.command == "PUT" else None) as front:
        on_disk.configure(ENDPOINT_URL=front.url, DEFAULT_ACL="none")
        ran = run(command)
        assert front.turned_away
    assert ran.code == 3
    assert "permission.write" in ran.out
    assert '"s3:PutObject"' in ran.out
    assert "s3:PutObjectAcl" not in ran.out, "no file is sent with an ACL"
    assert on_disk.bucket.keys_under() == []


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)  # with Ceph only an ACL makes a picture public
def test_s13_a_bucket_without_acls_is_understood(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    refused = refusal(400, "AccessControlListNotSupported")
    with fussy_front(on_disk.server.endpoint_url, lambda r: refused if "x-amz-acl" in r.headers else None) as front:
        on_disk.configure(ENDPOINT_URL=front.url)
        ran = run(command)
        assert front.turned_away
    assert ran.code == 0, ran.printed
    assert on_disk.bucket.keys_under() == ["images/covers/a.png"]


def test_a_dry_run_says_what_would_be_copied_and_writes_nothing(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    ran = run(command, "--dry-run")
    assert ran.code == 0
    assert last_line(ran).startswith("would copy 1")
    assert on_disk.bucket.keys_under() == []


def test_json_is_one_value_a_line_and_ends_with_the_report(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    on_disk.put_on_disk("backup.zip", b"PK\x03\x04")
    ran = run(command, "--json")
    assert ran.json[0]["key"] == "backup.zip"
    assert ran.json[-1]["copied"] == 1
    assert ran.json[-1]["exit_code"] == 0


HOLD = """
import sys, time
from pathlib import Path
from external_storage.django.locking import only_run_on
with only_run_on(Path(sys.argv[1])):
    print("holding", flush=True)
    time.sleep(60)
"""


def test_while_another_run_works_on_the_folder_a_second_one_names_it_and_ends(on_disk, run, command):
    on_disk.put_on_disk("covers/a.png", PNG)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(on_disk.media)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "holding\n"
        ran = run(command)
        assert ran.code == 6
        assert f"process {other.pid}, since 20" in ran.err
        assert on_disk.bucket.keys_under() == []
    finally:
        other.kill()
        other.communicate()
    # A killed run leaves nothing behind that would stop the next one.
    assert run(command).code == 0


def test_without_a_bucket_the_setting_to_set_is_named(settings, tmp_path, run, command):
    settings.EXTERNAL_STORAGE = {
        "STORES": {"disk": {"KIND": "local", "ROOT": tmp_path, "PUBLIC_URL": "/images/"}},
        "ALIASES": {"default": {"ACTIVE": "disk", "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish"}},
        "CONFIGURED_BY": {"BUCKET": "AWS_STORAGE_BUCKET_NAME"},
    }
    ran = run(command)
    assert (ran.code, "AWS_STORAGE_BUCKET_NAME" in ran.err) == (2, True)


@one_server
@pytest.mark.parametrize(
    "name", ["copy_media_to_s3", "sync_media_to_s3", "set_cors_to_s3", "check_storage", "collectstatic"]
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a35_no_command_prints_a_secret_even_if_the_store_repeats_it(site, own_static_files, run, name, options):
    site.put_on_disk("covers/a.png", PNG)

    def repeat(request):
        said = f"<Error><Code>AccessDenied</Code><Message>{request.headers} {CANARY}</Message></Error>"
        return 403, said.encode()

    with fussy_front(site.server.endpoint_url, repeat) as front:
        site.configure(ENDPOINT_URL=front.url, CUSTOM_DOMAIN=f"{front.url}/books", SECRET_ACCESS_KEY=CANARY)
        ran = run(name, *options)
        assert front.turned_away
    assert ran.code in (3, 5)
    for secret in (CANARY, site.server.access_key_id, "AWS4-HMAC", "Signature="):
        assert secret not in ran.printed
