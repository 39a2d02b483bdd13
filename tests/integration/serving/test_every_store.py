"""The site answers for its files in the same way, whatever store they are in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command

from external_storage.django import conf
from external_storage.objects import IMMUTABLE

from .conftest import PNG, ServingSite

SIZE = len(PNG)
KINDS = ["folder", "s3", "sftp", "django"]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path) -> dict[str, Any]:
    return request.getfixturevalue(f"{request.param}_values")


@pytest.fixture
def folder_values(tmp_path) -> dict[str, Any]:
    (tmp_path / "files").mkdir()
    return {"KIND": "local", "ROOT": tmp_path / "files", "PUBLIC_URL": "/images/"}


@pytest.fixture
def django_values(tmp_path) -> dict[str, Any]:
    storage = "django.core.files.storage.FileSystemStorage"
    return {"KIND": "django", "CLASS": storage, "OPTIONS": {"location": str(tmp_path / "files")}}


@pytest.fixture
def sftp_values(openssh) -> dict[str, Any]:
    return {
        "KIND": "sftp",
        "HOST": openssh.host,
        "PORT": openssh.port,
        "USER": openssh.user,
        "ROOT": str(openssh.make_folder()),
        "KEY_FILE": openssh.key_file,
        "KNOWN_HOSTS": openssh.known_hosts,
    }


@pytest.fixture
def s3_values(seaweedfs) -> dict[str, Any]:
    return {
        "KIND": "s3",
        "BUCKET": seaweedfs.make_bucket(public=()).name,
        "PREFIX": "images/",
        "REGION": seaweedfs.region,
        "ENDPOINT_URL": seaweedfs.endpoint_url,
        "ACCESS_KEY_ID": seaweedfs.access_key_id,
        "SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
    }


@pytest.mark.parametrize("most_bytes", [0, 2**24], ids=["streamed", "kept"])
def test_one_answer_whatever_is_behind_it(serving: ServingSite, store, most_bytes):
    serving.configure(store, most_bytes=most_bytes, SERVING="proxy")
    serving.put("covers/a.png")
    whole = serving.get()
    assert (whole.status, whole.body) == (200, PNG)
    assert {
        "Content-Type": "image/png",
        "Content-Length": str(SIZE),
        "Cache-Control": IMMUTABLE,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }.items() <= whole.headers.items()
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for asked, status, body, told in (
        ({"method": "HEAD"}, 200, b"", {"Content-Length": str(SIZE), "ETag": etag}),
        ({"method": "POST"}, 405, b"", {}),
        ({"if_none_match": etag}, 304, b"", {"ETag": etag, "Cache-Control": IMMUTABLE}),
        ({"if_modified_since": modified}, 304, b"", {"Last-Modified": modified}),
        ({"if_match": '"another"'}, 412, b"", {}),
        ({"range": "bytes=2-4"}, 206, PNG[2:5], {"Content-Range": f"bytes 2-4/{SIZE}", "Content-Length": "3"}),
        ({"range": "bytes=700-300699"}, 206, PNG[700:300_700], {"Content-Range": f"bytes 700-300699/{SIZE}"}),
        ({"range": "bytes=-6"}, 206, PNG[-6:], {"Content-Length": "6"}),
        ({"range": f"bytes={SIZE}-"}, 416, b"", {"Content-Range": f"bytes */{SIZE}", "Content-Length": "0"}),
        ({"range": "bytes=2-4", "if_range": etag}, 206, PNG[2:5], {}),
        ({"range": "bytes=2-4", "if_range": '"another"'}, 200, PNG, {}),
        ({"range": "bytes=2-4", "if_none_match": etag}, 304, b"", {}),
        ({"range": "bytes=2-4", "method": "HEAD"}, 200, b"", {"Content-Length": str(SIZE)}),
    ):
        answer = serving.get(**asked)
        assert (answer.status, answer.body) == (status, body), asked
        assert told.items() <= answer.headers.items(), asked
    assert len(serving.kept) == (1 if most_bytes and store["KIND"] != "local" else 0)


def test_only_what_may_be_public_is_found(serving: ServingSite, store):
    serving.configure(store, SERVING="proxy")
    for key in ("backup.zip", "covers/page.html", "covers/false.png"):
        serving.put(key, b"PK\x03\x04")
    for key in (
        *("backup.zip", "covers/page.html", "covers/false.png", "covers/none.png", "covers", "covers/"),
        *("../secret.png", "/etc/passwd", "covers/../../secret.png", "covers//a.png", "a\\b.png", "a\0.png", "a\n.png"),
        *("x" * 2000 + ".png", ".external-storage.json", "%2e%2e/secret.png"),
    ):
        assert serving.get(key).status == 404, key


def test_nothing_of_a_private_alias_is_public(serving: ServingSite, folder_values):
    serving.configure(folder_values, PRIVATE=True)
    serving.put("covers/a.png")
    assert serving.get().status == 404


def test_nobody_is_sent_in_a_circle(faulty):
    site = faulty(domain="testserver/images", SERVING="direct")
    site.put("covers/a.png")
    assert site.get().body == PNG
    faulty(domain="media.test", SERVING="direct")
    led = site.get()
    assert (led.status, led.headers["Location"], led.body) == (302, "http://media.test/covers/a.png", b"")


def test_storage_status_says_who_serves_the_files(faulty, capsys):
    for mode, told in (("proxy", "through the site at /images/"), ("redirect", "at http://media.test/")):
        faulty(domain="media.test", SERVING=mode)
        call_command("storage_status")
        assert told in capsys.readouterr().out
        call_command("storage_status", "--json")
        assert json.loads(capsys.readouterr().out.splitlines()[0])["serving"] == mode


def test_files_go_to_a_closed_bucket_that_the_site_will_serve_them_from(serving: ServingSite, s3_values, folder_values):
    serving.configure(s3_values, SERVING="proxy")
    described = serving.settings.EXTERNAL_STORAGE
    alias = {**described["ALIASES"]["default"], "ACTIVE": "disk", "STORES": ["disk", "files"]}
    serving.settings.EXTERNAL_STORAGE = {
        **described,
        "STORES": {**described["STORES"], "disk": folder_values},
        "ALIASES": {**described["ALIASES"], "default": alias},
    }
    serving.save("covers/a.png")
    call_command("copy_media_to_s3")
    with conf.store_named("files").open("covers/a.png") as copied:
        assert copied.read() == PNG
