"""What stores demand, refuse and keep, each in its own way, and how a copy gets along with all of them."""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.errors import KeptByRetention, SlowDown
from external_storage.objects import IMMUTABLE, Headers, Publish
from external_storage.stores import BytesSource, LocalStore, S3Store
from external_storage.stores.retrying import Patience
from external_storage.stores.s3.multipart import MOST_PARTS, SMALLEST_PART, part_size_for
from external_storage.testing import FakeS3, Fault
from external_storage.testing.contract import get
from tests.servers import S3Server

PICTURE = Headers("image/jpeg", IMMUTABLE, public=True)
RULES = transfer.Rules(lambda key, first_bytes: Publish(PICTURE))
MEBIBYTE = 1 << 20


@pytest.fixture
def fake():
    with FakeS3() as server:
        yield server


@pytest.fixture
def bucket(fake) -> S3Store:
    return S3Store(
        "bucket",
        bucket="pictures",
        prefix="images/",
        endpoint_url=fake.endpoint_url,
        access_key_id="id",
        secret_access_key="secret",
        acl="public-read",
    )


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    for n in range(40):
        (tmp_path / f"{n:02}.jpg").write_bytes(b"%d" % n * 500)
    return LocalStore("disk", tmp_path)


@pytest.fixture
def no_waiting(monkeypatch) -> None:
    monkeypatch.setattr(Patience, "wait_before", lambda *_: 0.01)


def assert_a_second_run_completes(fake: FakeS3, disk, bucket) -> None:
    fake.behave()
    report = transfer.copy(disk, bucket, RULES)
    assert (report.exit_code, report.failed) == (0, 0)
    assert {line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)} == {"="}


# A store that has too much to do


def test_s2_a_store_that_puts_off_most_requests_gets_everything_in_the_end(fake, bucket, disk, no_waiting):
    chance, refuse = random.Random(2), Fault.answer(503, "SlowDown")
    put_off = []

    def storm(request, carry_on):
        if chance.random() < 0.6:
            put_off.append(request.key)
            return refuse(request, carry_on)
        return carry_on()

    fake.misbehave(storm, method="PUT")
    report = transfer.copy(disk, bucket, RULES)
    assert len(put_off) > 40
    assert max(put_off.count(key) for key in put_off) >= Patience().tries  # more often than one try of ours lasts
    assert (report.copied, report.failed, report.exit_code) == (40, 0, 0)
    assert report.retries >= len(put_off) // 2
    assert_a_second_run_completes(fake, disk, bucket)


def test_s2_a_storm_without_end_is_not_waited_for(fake, bucket, disk, no_waiting, monkeypatch):
    monkeypatch.setattr("external_storage.transfer.engine.STORM_SECONDS", 0.5)
    fault = fake.misbehave(Fault.answer(503, "SlowDown"), method="PUT", first=11)
    with pytest.raises(SlowDown, match="again later") as caught:
        transfer.copy(disk, bucket, RULES, concurrency=4)
    assert (fault.fired > 0, caught.value.report.exit_code, caught.value.report.sent) == (True, 1, 10)
    assert_a_second_run_completes(fake, disk, bucket)


# Answers that are not what they seem


def test_s4_an_error_in_the_answer_to_the_end_of_an_upload_is_no_success(fake, bucket, tmp_path, no_waiting):
    (tmp_path / "film.jpg").write_bytes(os.urandom(9 * MEBIBYTE))
    fault = fake.misbehave(Fault.error_in_success(), method="POST", query="uploadId", times=1)
    disk = LocalStore("disk", tmp_path)
    report = transfer.copy(disk, bucket, RULES)
    assert (fault.fired, report.copied, report.exit_code, fake.uploads) == (1, 1, 0, {})
    assert_a_second_run_completes(fake, disk, bucket)


def test_s4_an_error_in_the_answer_to_a_copy_in_place_is_no_success(fake, bucket, disk, no_waiting):
    transfer.copy(disk, bucket, RULES)
    fault = fake.misbehave(Fault.error_in_success(), method="PUT", key="07.jpg", times=1)
    other = Headers("image/jpeg", "no-cache", public=True)
    with pytest.raises(Exception, match="trouble"):
        bucket.republish(bucket.describe("07.jpg"), other)
    assert fault.fired == 1
    assert bucket.describe("07.jpg").headers.cache_control == IMMUTABLE
    bucket.republish(bucket.describe("07.jpg"), other)
    assert bucket.describe("07.jpg").headers.cache_control == "no-cache"


def test_s8_an_etag_in_capital_letters_is_an_md5_too(fake, bucket, disk):
    def shout(request, carry_on):
        reply = carry_on()
        reply.headers = {name: value.upper() if name == "ETag" else value for name, value in reply.headers.items()}
        return reply

    shouted = fake.misbehave(shout)
    assert transfer.copy(disk, bucket, RULES).copied == 40
    again = transfer.copy(disk, bucket, RULES)
    assert (again.sent, again.already_there, again.exit_code) == (0, 40, 0)
    assert shouted.fired
    assert_a_second_run_completes(fake, disk, bucket)


def test_s29_an_answer_from_before_an_overwrite_is_asked_for_again(fake, bucket, disk, monkeypatch):
    monkeypatch.setattr(sys.modules["external_storage.transfer.verify"], "LAG_SECONDS", (0.0, 0.01, 0.02))
    transfer.copy(disk, bucket, RULES)
    before = dict(fake.objects["pictures"])
    for path in Path(disk.root).iterdir():
        path.write_bytes(b"new" + path.read_bytes())

    def late(request, carry_on):
        now, fake.objects["pictures"] = fake.objects["pictures"], dict(before)
        try:
            return carry_on()
        finally:
            fake.objects["pictures"] = now

    listing = fake.misbehave(late, method="GET", first=2, times=1)  # the first one is from before they were sent
    heads = fake.misbehave(late, method="HEAD", times=40)
    report = transfer.copy(disk, bucket, RULES)
    assert (listing.fired, heads.fired) == (1, 40)
    assert (report.copied, report.failed, report.exit_code) == (40, 0, 0)
    assert_a_second_run_completes(fake, disk, bucket)


# What every request has, and what none has


def test_s10_s11_s12_every_upload_carries_its_md5_and_no_other_checksum(fake, bucket, disk):
    """So that no store keeps a framing, refuses a header it does not know, or misses the digest it demands."""
    Path(disk.root, "film.jpg").write_bytes(os.urandom(9 * MEBIBYTE))

    def fussy(request, carry_on):
        headers, has_body = request.headers, request.method in ("PUT", "POST") and request.body
        if headers.get("x-amz-content-sha256", "").startswith("STREAMING") or "aws-chunked" in str(headers):
            return Fault.answer(501, "NotImplemented")(request, carry_on)
        if any("checksum" in name or name in ("x-amz-trailer", "expect") for name in headers):
            return Fault.answer(400, "InvalidArgument")(request, carry_on)
        if has_body and "content-length" not in headers:
            return Fault.answer(411, "MissingContentLength")(request, carry_on)
        is_document = request.method == "POST" and "uploadId" in request.query  # the list of parts, which has ETags
        if has_body and "content-md5" not in headers and not is_document:
            return Fault.answer(400, "InvalidRequest")(request, carry_on)
        return carry_on()

    seen = fake.misbehave(fussy)
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.exit_code) == (41, 0)
    assert {line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)} == {"="}
    assert set(bucket.delete([info.key for info in bucket.list()]).values()) == {None}
    assert fake.objects["pictures"] == {}
    assert seen.fired == len(fake.requests)
    assert {request.method for request in fake.requests} >= {"GET", "PUT", "POST"}


# Refusals of the bucket as a whole


@pytest.mark.parametrize("answer", [Fault.answer(413), Fault.answer(413, "EntityTooLarge")])
def test_s23_a_quota_that_is_used_up_halfway_is_told_with_what_was_done(fake, bucket, disk, answer):
    fault = fake.misbehave(answer, method="PUT", first=11)
    with pytest.raises(Exception, match="no room left") as caught:
        transfer.copy(disk, bucket, RULES, concurrency=1)
    assert (fault.fired >= 1, caught.value.exit_code, caught.value.report.sent) == (True, 3, 10)
    assert_a_second_run_completes(fake, disk, bucket)


# Buckets that keep versions, or keep things as they are


def store_on(server: S3Server, bucket: str) -> S3Store:
    return S3Store(
        server.name,
        bucket=bucket,
        prefix="images/",
        region=server.region,
        endpoint_url=server.endpoint_url,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


def test_s25_a_second_run_makes_no_second_version(s3_server, disk):
    made = s3_server.make_bucket()
    made.client.put_bucket_versioning(Bucket=made.name, VersioningConfiguration={"Status": "Enabled"})
    store = store_on(s3_server, made.name)
    rules = transfer.Rules(RULES.publish, include=["0*.jpg"])
    assert transfer.copy(disk, store, rules).copied == 10
    assert transfer.copy(disk, store, rules).already_there == 10
    kept = made.client.list_object_versions(Bucket=made.name)
    assert (len(kept["Versions"]), kept.get("DeleteMarkers", [])) == (10, [])
    assert store.delete(["00.jpg"]) == {"00.jpg": None}
    after = made.client.list_object_versions(Bucket=made.name)
    assert [each["Key"] for each in after["DeleteMarkers"]] == ["images/00.jpg"]
    assert len(after["Versions"]) == 10


def test_s12_s26_a_bucket_with_object_lock_is_copied_to_and_keeps_the_version_that_is_locked(s3_server, disk):
    client, name = s3_server.make_bucket().client, f"locked-{s3_server.name.lower()}-{random.getrandbits(32):x}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    store = store_on(s3_server, name)
    rules = transfer.Rules(RULES.publish, include=["0*.jpg"])
    assert (transfer.copy(disk, store, rules).exit_code, len(list(store.list()))) == (0, 10)
    until = datetime.now(UTC) + timedelta(days=1)
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    client.put_object_retention(Bucket=name, Key="images/00.jpg", Retention=retention)
    Path(disk.root, "00.jpg").write_bytes(b"new")
    report = transfer.copy(disk, store, rules)
    assert (report.copied, report.already_there, report.exit_code) == (1, 9, 0)
    sizes = [each["Size"] for each in client.list_object_versions(Bucket=name, Prefix="images/00.jpg")["Versions"]]
    assert sorted(sizes) == [3, 500]


def keep(fake: FakeS3, key: str, **lock: str) -> tuple[Fault, Fault]:
    """Let a store without versions refuse to replace or delete an object, and tell by a HEAD why."""
    refused = b"<DeleteResult><Error><Key>images/%b</Key><Code>AccessDenied</Code></Error></DeleteResult>"

    def keeping(request, carry_on):
        reply = Fault.answer(200)(request, carry_on)
        reply.body = refused % key.encode()
        return reply

    def telling(request, carry_on):
        reply = carry_on()
        reply.headers |= {name.replace("_", "-"): value for name, value in lock.items()}
        return reply

    fake.misbehave(telling, method="HEAD", key=key)
    overwrite = fake.misbehave(Fault.answer(403, "AccessDenied"), method="PUT", key=key)
    return overwrite, fake.misbehave(keeping, method="POST", query="delete")


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ({"x_amz_object_lock_retain_until_date": "2031-02-03T04:05:06Z"}, "by retention until 2031-02-03"),
        ({"x_amz_object_lock_legal_hold": "ON"}, "by a legal hold"),
    ],
    ids=["retention", "legal hold"],
)
def test_s26_what_a_retention_keeps_is_told_with_its_date_and_the_others_are_done(fake, bucket, disk, lock, words):
    transfer.copy(disk, bucket, RULES)
    Path(disk.root, "05.jpg").write_bytes(b"new")
    Path(disk.root, "06.jpg").write_bytes(b"new")
    overwrite, delete = keep(fake, "05.jpg", **lock)
    report = transfer.copy(disk, bucket, RULES)
    assert overwrite.fired == 1
    assert (report.copied, report.failed, report.exit_code) == (1, 1, 4)
    assert words in str(report.outcomes[0])
    results = bucket.delete(["05.jpg", "06.jpg"])
    assert (delete.fired, results["06.jpg"]) == (1, None)
    assert isinstance(results["05.jpg"], KeptByRetention)
    assert (words in str(results["05.jpg"]), results["05.jpg"].exit_code) == (True, 4)
    assert_a_second_run_completes(fake, disk, bucket)


# Large objects


@pytest.mark.parametrize(
    ("size", "part", "parts"),
    [
        (SMALLEST_PART + 1, SMALLEST_PART, 2),
        ((5 << 30) + 1, SMALLEST_PART, 641),
        (MOST_PARTS * SMALLEST_PART, SMALLEST_PART, MOST_PARTS),
        (MOST_PARTS * SMALLEST_PART + 1, 9 * MEBIBYTE, 8_889),
        (5 << 40, 525 * MEBIBYTE, 9_987),
    ],
    ids=["a byte more than a part", "more than one PUT may have", "most parts", "a byte more", "the largest object"],
)
def test_s31_parts_are_as_few_as_the_store_allows(size, part, parts):
    assert part_size_for(size) == part
    assert -(-size // part) == parts <= MOST_PARTS


def test_s31_only_what_is_larger_than_a_part_goes_in_parts(fake, bucket, tmp_path):
    sizes = {"less.jpg": SMALLEST_PART - 1, "equal.jpg": SMALLEST_PART, "more.jpg": SMALLEST_PART + 1}
    for name, size in sizes.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    disk = LocalStore("disk", tmp_path)
    assert transfer.copy(disk, bucket, RULES).exit_code == 0
    sent = [request for request in fake.requests if request.method == "PUT"]
    assert sorted((request.key, len(request.body)) for request in sent) == [
        ("images/equal.jpg", SMALLEST_PART),
        ("images/less.jpg", SMALLEST_PART - 1),
        ("images/more.jpg", 1),
        ("images/more.jpg", SMALLEST_PART),
    ]
    assert transfer.copy(disk, bucket, RULES).already_there == 3


def test_s31_an_upload_of_very_many_parts_is_joined_in_their_order(fake, bucket, tmp_path, monkeypatch):
    """The limits of S3, a thousandfold smaller: more than ten thousand of the smallest parts."""
    monkeypatch.setattr("external_storage.stores.s3.multipart.MEBIBYTE", 16)
    monkeypatch.setattr("external_storage.stores.s3.multipart.SMALLEST_PART", 64)
    monkeypatch.setattr("external_storage.stores.s3.multipart.MOST_PARTS", 100)
    monkeypatch.setattr("external_storage.stores.s3.store.SMALLEST_PART", 64)
    data = os.urandom(100 * 64 + 1)
    stored = bucket.put("film.jpg", BytesSource("film.jpg", data), PICTURE)
    assert (stored.part_size, fake.count("PUT", query="partNumber")) == (80, 81)
    assert get(bucket, "film.jpg") == data
