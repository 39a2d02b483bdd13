"""An upload in parts that a kill cut short is gone on with or cleared away; that of another program is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import external_storage
from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
from external_storage.testing import FakeS3, Fault
from tests.servers import S3Server

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
LARGE_FILE = (16 << 20) + 1
PARTS = 3

# Copies, and kills itself before it sends its n-th request, or as soon as that is answered; 0 never.
COPY = f"""
import os, signal, sys, threading
from pathlib import Path
sys.path.insert(0, {str(Path(external_storage.__file__).parents[1])!r})
from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
from external_storage.stores.s3.connection import ConnectionPool, Exchange
folder, state, endpoint, bucket, region, key_id, secret, when, number = sys.argv[1:]
sent, lock, begin, advance = [0], threading.Lock(), ConnectionPool.begin, Exchange.advance
def counting(pool, *request):
    with lock:
        sent[0] += 1
        due = sent[0] == int(number)
    if due and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    exchange = begin(pool, *request)
    exchange.is_last = due
    return exchange
def killed_by_the_answer(exchange):
    answer = advance(exchange)
    if answer is not None and exchange.is_last:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
ConnectionPool.begin, Exchange.advance = counting, killed_by_the_answer
target = S3Store("bucket", bucket=bucket, prefix="images/", endpoint_url=endpoint, region=region,
                 access_key_id=key_id, secret_access_key=secret)
rules = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
report = transfer.copy(LocalStore("disk", folder), target, rules, concurrency=2, state_dir=Path(state))
print(sent[0])
sys.exit(report.exit_code)
"""


class Bucket:
    """A bucket on one of the servers, and how to reach it."""

    def __init__(self, endpoint: str, name: str, region: str, key_id: str, secret: str) -> None:
        self.arguments = [endpoint, name, region, key_id, secret]
        self.store = S3Store(
            "bucket",
            bucket=name,
            prefix="images/",
            endpoint_url=endpoint,
            region=region,
            access_key_id=key_id,
            secret_access_key=secret,
        )

    def unfinished(self) -> list[str]:
        return [seen.upload_id for seen in self.store._uploads._list("")[0]]

    def copy_in_another_process(self, folder: Path, state: Path, when: str, number: int):
        command = [sys.executable, "-c", COPY, str(folder), str(state), *self.arguments, when, str(number)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/film.jpg").write_bytes(b"".join(b"%015d\n" % n for n in range(LARGE_FILE >> 4)) + b"!")
    return tmp_path / "folder"


@pytest.fixture(params=["fake", "seaweedfs", "ceph"])
def new_bucket(request) -> Callable[[], Bucket]:
    if request.param == "fake":
        fake = request.getfixturevalue("fake")
        names = iter(range(1000))
        return lambda: Bucket(fake.endpoint_url, f"bucket-{next(names)}", "x", "id", "secret")
    server: S3Server = request.getfixturevalue(request.param)
    login = (server.region, server.access_key_id, server.secret_access_key)
    return lambda: Bucket(server.endpoint_url, server.make_bucket().name, *login)


@pytest.fixture
def fake():
    with FakeS3() as server:
        yield server


@pytest.mark.parametrize("when", ["before", "after"])
def test_s30_an_upload_killed_at_any_request_is_completed_and_nothing_of_it_is_left(new_bucket, folder, tmp_path, when):
    whole = new_bucket().copy_in_another_process(folder, tmp_path / "whole", when, 0)
    assert (whole.returncode, whole.stderr) == (0, "")
    total = int(whole.stdout)
    assert total >= PARTS + 4  # the listing, the uploads there are, the beginning, the parts, the end
    for number in range(1, total + 1):
        bucket, state = new_bucket(), tmp_path / str(number)
        assert bucket.copy_in_another_process(folder, state, when, number).returncode == -signal.SIGKILL
        report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=state)
        assert (report.exit_code, report.verified, report.notes) == (0, 1, []), number
        assert bucket.unfinished() == [], number
        assert list((state / "uploads").iterdir()) == []
        lines = transfer.verify(LocalStore("disk", folder), bucket.store, RULES, read_data=True)
        assert [line.symbol for line in lines] == ["="]


def killed_at_the_end(fake: FakeS3, folder: Path, state: Path) -> Bucket:
    """Return a bucket in which all parts lie, and whose upload was never completed."""
    bucket = Bucket(fake.endpoint_url, "pictures", "x", "id", "secret")
    number = 2 + 1 + PARTS + 1  # the listing, the uploads there are, the beginning, the parts
    assert bucket.copy_in_another_process(folder, state, "before", number).returncode == -signal.SIGKILL
    assert len(fake.uploads) == 1
    fake.requests.clear()
    return bucket


def test_parts_that_are_there_are_not_sent_again(fake, folder, tmp_path):
    bucket = killed_at_the_end(fake, folder, tmp_path / "state")
    [upload] = fake.uploads.values()
    assert len(upload.parts) == PARTS
    del upload.parts[2]
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.copied, fake.uploads) == (0, 1, {})
    assert fake.count("PUT", query="partNumber") == 1


def test_parts_of_a_file_that_changed_are_sent_again(fake, folder, tmp_path):
    bucket = killed_at_the_end(fake, folder, tmp_path / "state")
    with (folder / "film.jpg").open("r+b") as film:
        film.write(b"another beginning")
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.copied, fake.uploads) == (0, 1, {})
    assert fake.objects["pictures"]["images/film.jpg"].data == (folder / "film.jpg").read_bytes()


def test_an_upload_that_would_be_served_in_another_way_is_begun_anew(fake, folder, tmp_path):
    bucket = killed_at_the_end(fake, folder, tmp_path / "state")
    rules = transfer.Rules(lambda key, first_bytes: Publish(Headers("video/mp4", public=True)))
    report = transfer.copy(LocalStore("disk", folder), bucket.store, rules, state_dir=tmp_path / "state")
    assert (report.exit_code, fake.uploads) == (0, {})
    assert fake.objects["pictures"]["images/film.jpg"].headers["content-type"] == "video/mp4"


def test_an_upload_whose_file_is_gone_is_cleared_away(fake, folder, tmp_path):
    bucket = killed_at_the_end(fake, folder, tmp_path / "state")
    (folder / "film.jpg").write_bytes(b"small now")
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.copied, fake.uploads) == (0, 1, {})


@pytest.mark.parametrize("remembering", [True, False], ids=["with state", "without"])
def test_an_upload_that_is_not_ours_is_named_and_left_alone(new_bucket, folder, tmp_path, remembering):
    bucket = new_bucket()
    (folder / "film.jpg").write_bytes(b"small")
    client = bucket.store._client
    assert client.ask("POST", "images/theirs.jpg", query={"uploads": ""})[0].status == 200
    [theirs] = bucket.unfinished()
    state = tmp_path / "state" if remembering else None
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=state)
    assert (report.exit_code, report.copied) == (0, 1)
    [note] = report.notes
    assert "'images/theirs.jpg'" in note
    assert theirs in note
    assert bucket.unfinished() == [theirs]


def test_of_two_uploads_of_one_key_only_ours_is_cleared_away(fake, folder, tmp_path):
    (folder / "film.jpg").rename(folder / "other.jpg")
    bucket = Bucket(fake.endpoint_url, "pictures", "x", "id", "secret")
    assert bucket.store._client.ask("POST", "images/other.jpg", query={"uploads": ""})[0].status == 200
    [theirs] = bucket.unfinished()
    number = next(
        n
        for n in range(3, 9)
        if bucket.copy_in_another_process(folder, tmp_path / "state", "after", n).returncode and len(fake.uploads) == 2
    )
    assert number
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, list(fake.uploads)) == (0, [theirs])


def test_passing_trouble_goes_on_with_the_parts_that_are_there(fake, folder, tmp_path):
    trouble = fake.misbehave(Fault.reset(), method="POST", query="uploadId", times=2)
    bucket = Bucket(fake.endpoint_url, "pictures", "x", "id", "secret")
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.copied, trouble.fired, fake.uploads) == (0, 1, 2, {})
    assert fake.count("PUT", query="partNumber") == PARTS


def test_a_store_that_does_not_tell_is_said_not_to(fake, folder, tmp_path):
    (folder / "film.jpg").write_bytes(b"small")
    refused = fake.misbehave(Fault.answer(403, "AccessDenied"), query="uploads")
    bucket = Bucket(fake.endpoint_url, "pictures", "x", "id", "secret")
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, refused.fired) == (0, 1)
    assert "could not be found out" in report.notes[0]


def test_f23_what_lies_in_the_state_by_accident_is_ignored(fake, folder, tmp_path):
    uploads = tmp_path / "state/uploads"
    uploads.mkdir(parents=True)
    for name, content in {
        "a": b"",
        "b": b"{}\n",
        "c": b"\xff\x00garbage",
        "d": b"[1]\n",
        "e": b'{"place": 1}\n',
    }.items():
        (uploads / f"{name}.upload").write_bytes(content)
    bucket = Bucket(fake.endpoint_url, "pictures", "x", "id", "secret")
    began = time.monotonic()
    report = transfer.copy(LocalStore("disk", folder), bucket.store, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.copied, time.monotonic() - began < 30) == (0, 1, True)
