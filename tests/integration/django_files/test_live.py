"""The live path: one upload, one read, one delete at a time, on a real bucket."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
import urllib3
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile

from external_storage import transfer
from external_storage.django import conf
from external_storage.errors import (
    ContainerMissing,
    ContentRefused,
    CredentialsRefused,
    StorageError,
    StoreUnreachable,
    TransientStoreError,
)
from external_storage.objects import IMMUTABLE, Headers, Publish
from tests.servers.processes import free_ports
from tests.servers.web import answering

from .conftest import CANARY, one_server
from .fussy_front import LOSE_THE_ANSWER, fussy_front, refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def anybody_gets(url: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", url, redirect=False)


def test_an_upload_is_served_to_anybody_with_the_headers_of_the_rule(site):
    name = site.storage.save("covers/a.png", SimpleUploadedFile("a.png", PNG, content_type="text/html"))
    answer = anybody_gets(site.storage.url(name))
    assert (answer.status, answer.data) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == IMMUTABLE


def test_a5_a_copied_picture_and_an_uploaded_one_cannot_be_told_apart(site):
    site.put_on_disk("covers/copied.png", PNG)
    site.storage.save("covers/uploaded.png", ContentFile(PNG))
    rules = transfer.Rules(publish=conf.alias_named("default").rule)
    assert transfer.copy(conf.store_named("disk"), conf.store_named("bucket"), rules).copied == 1

    def seen(key: str) -> dict:
        head = site.bucket.client.head_object(Bucket=site.bucket.name, Key=f"images/{key}")
        grants = site.bucket.client.get_object_acl(Bucket=site.bucket.name, Key=f"images/{key}")["Grants"]
        public = anybody_gets(f"{site.bucket.public_url}/images/{key}")
        names = ("ContentType", "CacheControl", "ETag", "ContentLength", "Metadata")
        return {name: head.get(name) for name in names} | {"grants": grants, "status": public.status}

    assert seen("covers/copied.png") == seen("covers/uploaded.png")
    assert seen("covers/copied.png")["status"] == 200


def test_many_small_writes_become_one_object_when_the_file_is_closed(site):
    with site.storage.open("covers/written.png", "wb") as file:
        for start in range(0, len(PNG), 7):
            file.write(PNG[start : start + 7])
        assert not site.storage.exists("covers/written.png")
    assert site.storage.open("covers/written.png").read() == PNG


def test_text_is_read_and_written_as_text(site):
    site.settings.EXTERNAL_STORAGE["ALIASES"]["default"]["PUBLISHING_RULE"] = lambda key, first_bytes: Publish(
        Headers("text/plain", public=True)
    )
    site.settings.EXTERNAL_STORAGE = dict(site.settings.EXTERNAL_STORAGE)
    with site.storage.open("notes.txt", "w") as file:
        file.write("é\n")
        file.write("ü")
    with site.storage.open("notes.txt", "r") as file:
        assert file.read() == "é\nü"
    with site.storage.open("notes.txt", "a") as file:
        file.write("!")
    assert site.storage.open("notes.txt").read() == "é\nü!".encode()


@pytest.mark.parametrize("s3_server", ["ceph"], indirect=True)  # the one of the two that speaks TLS here
def test_over_https_the_machines_own_authorities_decide(site, certificates, monkeypatch):
    site.configure(ENDPOINT_URL=site.server.tls_endpoint_url)
    with pytest.raises(StoreUnreachable, match="certificate"):
        site.storage.save("covers/a.png", ContentFile(PNG))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    site.configure(ENDPOINT_URL=site.server.tls_endpoint_url)
    assert site.storage.open(site.storage.save("covers/a.png", ContentFile(PNG))).read() == PNG


def test_writing_that_breaks_off_leaves_what_was_there(site):
    site.storage.save("covers/kept.png", ContentFile(PNG))
    with pytest.raises(RuntimeError), site.storage.open("covers/kept.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\nhalf of it")
        raise RuntimeError("the writer gave up")
    assert site.storage.open("covers/kept.png").read() == PNG


def test_eight_uploads_of_one_name_at_once_give_eight_objects(site):
    uploads = [PNG + bytes([number]) for number in range(8)]
    given: dict[bytes, str] = {}
    together = threading.Barrier(8)

    def upload(data: bytes) -> None:
        together.wait()
        given[data] = site.storage.save("covers/cover.png", ContentFile(data))

    threads = [threading.Thread(target=upload, args=[data]) for data in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given.values())) == 8
    assert {name: site.storage.open(name).read() for name in given.values()} == {n: d for d, n in given.items()}


def test_what_the_rule_holds_back_is_refused_and_not_stored(site):
    for name, data in [("backup.zip", b"PK\x03\x04"), ("covers/page.png", b"<html>"), ("covers/x.svg", b"<svg/>")]:
        with pytest.raises(ContentRefused):
            site.storage.save(name, ContentFile(data))
    with pytest.raises(ContentRefused), site.storage.open("covers/page.png", "wb") as file:
        file.write(b"<script>")
    assert site.bucket.keys_under() == []


@pytest.mark.parametrize("name", ["../x.png", "covers/../../x.png", "/etc/passwd", "covers\\..\\x.png", "a\0b.png"])
def test_names_that_lead_out_of_the_storage_are_refused_by_every_operation(site, name):
    storage = site.storage
    operations = [storage.open, storage.delete, storage.url, storage.size, storage.exists, storage.get_modified_time]
    for operation in [*operations, lambda name: storage.save(name, ContentFile(PNG))]:
        with pytest.raises(SuspiciousFileOperation):
            operation(name)
    assert site.bucket.keys_under() == []


def test_a_missing_file_is_missing_as_in_django_and_deleting_it_is_fine(site):
    for operation in (site.storage.open, site.storage.size, site.storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            operation("covers/none.png")
    assert not site.storage.exists("covers/none.png")
    site.storage.delete("covers/none.png")


def test_the_rest_of_djangos_contract(site):
    name = site.storage.save("covers/a.png", File(ContentFile(PNG), name="a.png"))
    site.storage.save("avatars/b.png", ContentFile(PNG))
    assert site.storage.size(name) == len(PNG)
    assert site.storage.listdir("") == (["avatars", "covers"], [])
    assert site.storage.listdir("covers") == ([], ["a.png"])
    assert abs(site.storage.get_modified_time(name).timestamp() - time.time()) < 120
    with pytest.raises(NotImplementedError, match="not on this machine's disk"):
        site.storage.path(name)
    site.storage.delete(name)
    assert not site.storage.exists(name)


def test_a_link_asks_nobody(site):
    (port,) = free_ports(1)
    site.configure(ENDPOINT_URL=f"http://127.0.0.1:{port}", CUSTOM_DOMAIN="https://media.books.test/")
    assert site.storage.url("covers/ä b.png") == "http://media.books.test/images/covers/%C3%A4%20b.png"


def test_a_store_that_refuses_connections_is_an_error_at_once(site):
    (port,) = free_ports(1)
    site.configure(ENDPOINT_URL=f"http://127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match=f"127.0.0.1:{port}"):
        site.storage.save("covers/a.png", ContentFile(PNG))
    assert time.monotonic() - began < 10


@one_server
def test_a_store_that_accepts_and_never_answers_is_given_up_at_the_deadline(site):
    with answering(lambda peer, head: time.sleep(15)) as silent:
        # Long enough for a busy machine to load the SDK, and much shorter than the sockets' own patience.
        site.configure(ENDPOINT_URL=silent.url(""), deadline=4.0)
        began = time.monotonic()
        with pytest.raises(TransientStoreError, match="within 4 seconds"):
            site.storage.save("covers/a.png", ContentFile(PNG))
        assert time.monotonic() - began < 6
        assert silent.requests


@one_server
def test_a_store_that_drips_its_answer_is_given_up_at_the_deadline(site):
    def drip(peer, head: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(50):
            peer.sendall(b"x")
            time.sleep(0.3)

    with answering(drip) as slow:
        site.configure(ENDPOINT_URL=slow.url(""), deadline=4.0)
        began = time.monotonic()
        with pytest.raises(TransientStoreError, match="within 4 seconds"):
            site.storage.open("covers/a.png")
        assert time.monotonic() - began < 6
        assert slow.requests


def test_a_wrong_secret_is_said_so_and_appears_nowhere(site):
    site.configure(SECRET_ACCESS_KEY=CANARY)
    with pytest.raises(CredentialsRefused) as refused:
        site.storage.open("covers/a.png")
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + repr(conf.configuration())
    assert CANARY not in told


def test_a_missing_bucket_is_never_a_missing_file(site):
    site.configure(BUCKET="nobody-made-this")
    with pytest.raises(ContainerMissing):
        site.storage.open("covers/a.png")
    with pytest.raises(ContainerMissing):
        site.storage.save("covers/a.png", ContentFile(PNG))


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("x-amz-acl", refusal(400, "AccessControlListNotSupported")),
        ("x-amz-acl", refusal(501, "NotImplemented")),
        ("If-None-Match", refusal(501, "NotImplemented")),
    ],
)
def test_a_store_without_acls_or_conditions_is_refused_once_and_then_understood(site, header, answer):
    def decide(request):
        return answer if request.command == "PUT" and header in request.headers else None

    with fussy_front(site.server.endpoint_url, decide) as front:
        site.configure(ENDPOINT_URL=front.url)
        assert site.storage.save("covers/a.png", ContentFile(PNG)) == "covers/a.png"
        refused_once = len(front.turned_away)
        assert refused_once >= 1
        second = site.storage.save("covers/a.png", ContentFile(PNG + b"!"))
        assert len(front.turned_away) == refused_once
    assert second != "covers/a.png"
    assert site.in_bucket("images/covers/a.png") == PNG


def test_an_upload_whose_answer_got_lost_is_stored_once(site):
    answers = [LOSE_THE_ANSWER]

    def lose_the_first(request):
        return answers.pop() if request.command == "PUT" and answers else None

    with fussy_front(site.server.endpoint_url, lose_the_first) as front:
        site.configure(ENDPOINT_URL=front.url)
        assert site.storage.save("covers/a.png", ContentFile(PNG)) == "covers/a.png"
        assert len(front.turned_away) == 1
    assert site.bucket.keys_under() == ["images/covers/a.png"]


def test_every_error_of_the_live_path_is_one_of_ours(site):
    with fussy_front(site.server.endpoint_url, lambda request: refusal(418, "IAmATeapot")) as front:
        site.configure(ENDPOINT_URL=front.url)
        for operation in (site.storage.open, site.storage.delete, site.storage.size, site.storage.exists):
            with pytest.raises(StorageError):
                operation("covers/a.png")
        assert front.turned_away


def test_a_site_on_its_own_disk_starts_without_the_sdk():
    """It is a third of the work of every start, and 30 MB of every process."""
    start = "import sys, django; django.setup(); import bookwyrm.urls; print('botocore' in sys.modules)"
    command, project = [sys.executable, "-c", start], Path(__file__).parents[3]
    assert subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout == "False\n"
