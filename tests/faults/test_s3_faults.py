"""What comes of a copy when the store, or the way to it, misbehaves."""

from __future__ import annotations

import time
import unicodedata
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.errors import (
    AlreadyExists,
    ClockSkewed,
    ContainerMissing,
    CredentialsRefused,
    KeyRefused,
    PermissionRefused,
    RegionWrong,
    SettingsError,
    SlowDown,
    StorageError,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
)
from external_storage.objects import IMMUTABLE, Headers, Publish
from external_storage.stores import BytesSource, LocalStore, MemoryStore, S3Store
from external_storage.testing import FakeS3, Fault
from external_storage.testing.contract import get, put

SECRET = "wJalrXUtnFEMI/K7MDENG"
PICTURE = Headers("image/jpeg", IMMUTABLE, public=True)
RULES = transfer.Rules(lambda key, first_bytes: Publish(PICTURE))
FILES = 40


@pytest.fixture
def fake():
    with FakeS3() as server:
        yield server


def store_at(endpoint_url: str, **options) -> S3Store:
    options = {"bucket": "pictures", "prefix": "images/", "region": "nl-ams", "acl": "public-read"} | options
    credentials = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": SECRET}
    return S3Store("bucket", endpoint_url=endpoint_url, **credentials | options)


@pytest.fixture
def bucket(fake) -> S3Store:
    return store_at(fake.endpoint_url)


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    for n in range(FILES):
        (tmp_path / f"{n:02}.jpg").write_bytes(b"%d" % n * 2000)
    return LocalStore("disk", tmp_path)


def assert_a_second_run_completes(fake: FakeS3, disk, bucket) -> None:
    fake.behave()
    report = transfer.copy(disk, bucket, RULES)
    assert (report.exit_code, report.failed) == (0, 0)
    assert {line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)} == {"="}


# Passing trouble


PASSING = {
    "reset": Fault.reset(),
    "reset afterwards": Fault.reset_afterwards(),
    "half an answer": Fault.break_off(10),
    "500": Fault.answer(500, "InternalError"),
    "502": Fault.answer(502),
    "503": Fault.answer(503, "SlowDown"),
    "504": Fault.answer(504),
    "400": Fault.answer(400, "RequestTimeout"),
    "429": Fault.answer(429, "TooManyRequests", Retry_After="1"),
}
PASSING_WHEN_WRITING = {"damaged on the way": Fault.answer(400, "BadDigest"), "error in 200": Fault.error_in_success()}


@pytest.mark.parametrize(
    ("method", "trouble"),
    [("GET", trouble) for trouble in PASSING] + [("PUT", trouble) for trouble in PASSING | PASSING_WHEN_WRITING],
)
def test_s1_passing_trouble_is_overcome(fake, bucket, disk, method, trouble):
    fault = fake.misbehave((PASSING | PASSING_WHEN_WRITING)[trouble], method=method, times=3)
    report = transfer.copy(disk, bucket, RULES)
    assert fault.fired == 3
    assert (report.copied, report.failed, report.exit_code) == (FILES, 0, 0)
    assert report.retries >= 1
    assert_a_second_run_completes(fake, disk, bucket)


def test_an_object_that_cannot_be_sent_is_named_and_the_others_go_on(fake, bucket, disk):
    fault = fake.misbehave(Fault.reset(), method="PUT", key="07.jpg")
    report = transfer.copy(disk, bucket, RULES)
    assert fault.fired >= 4
    assert (report.copied, report.failed, report.exit_code) == (FILES - 1, 1, 1)
    assert [outcome.key for outcome in report.outcomes] == ["07.jpg"]
    assert_a_second_run_completes(fake, disk, bucket)


@pytest.mark.parametrize("after", [0, 1, 40, 120, 4000])
def test_a_download_that_breaks_off_is_taken_up_again(fake, bucket, tmp_path, after):
    put(bucket, "a.jpg", b"0123456789" * 2000)
    fault = fake.misbehave(Fault.break_off(after), method="GET", key="a.jpg", times=2)
    target = LocalStore("disk", tmp_path)
    report = transfer.copy(bucket, target, RULES)
    assert fault.fired == 2
    assert (report.exit_code, get(target, "a.jpg")) == (0, b"0123456789" * 2000)


def test_a_listing_that_breaks_off_is_not_a_short_one(disk):
    with FakeS3(page=7) as fake:
        bucket = store_at(fake.endpoint_url)
        transfer.copy(disk, bucket, RULES)
        fault = fake.misbehave(Fault.break_off(500), method="GET", first=2, times=2)
        assert transfer.copy(disk, bucket, RULES).already_there == FILES
        assert fault.fired == 2


def test_s3_a_request_to_slow_down_is_honoured_by_all_that_is_under_way(fake, bucket, disk):
    # The others take their time, so that few get through before the refusal is read, however busy this machine is.
    fake.misbehave(Fault.wait(0.05), method="PUT", first=2)
    fault = fake.misbehave(Fault.answer(429, "TooManyRequests", Retry_After="2"), method="PUT", times=1)
    assert transfer.copy(disk, bucket, RULES, concurrency=4).exit_code == 0
    assert fault.fired == 1
    arrivals = [request.arrived_at for request in fake.requests if request.method == "PUT"]
    # Once the refusal is read, nothing is sent for two seconds, and most comes afterwards.
    pauses = [after - before for before, after in pairwise(arrivals)]
    assert max(pauses) >= 1.8
    assert pauses.index(max(pauses)) < FILES // 2


def test_a_part_that_is_sent_again_is_trouble_of_the_whole_run(fake, bucket, tmp_path):
    (tmp_path / "film.jpg").write_bytes(bytes(20 << 20))
    fault = fake.misbehave(Fault.answer(503, "SlowDown", Retry_After="1"), method="PUT", first=2, times=1)
    began = time.monotonic()
    report = transfer.copy(LocalStore("disk", tmp_path), bucket, RULES)
    assert (fault.fired, report.retries, report.exit_code) == (1, 1, 0)
    assert time.monotonic() - began >= 1


def test_s2_a_store_that_only_asks_to_slow_down_is_left_in_peace(fake, bucket, disk):
    fault = fake.misbehave(Fault.answer(503, "SlowDown"), method="PUT")
    with pytest.raises(SlowDown) as caught:
        transfer.copy(disk, bucket, RULES)
    assert 20 <= fault.fired < 20 * 4 + 64
    assert caught.value.report.exit_code == 1
    assert "later" in str(caught.value)
    assert_a_second_run_completes(fake, disk, bucket)


def test_a_line_that_goes_down_for_good_ends_the_run(fake, bucket, disk):
    fault = fake.misbehave(Fault.reset(), first=10)
    began = time.monotonic()
    with pytest.raises(StoreUnreachable) as caught:
        transfer.copy(disk, bucket, RULES)
    assert fault.fired < FILES * 4
    assert (caught.value.report.exit_code, time.monotonic() - began < 30) == (3, True)
    assert_a_second_run_completes(fake, disk, bucket)


def test_a_kept_connection_that_the_store_closed_is_no_trouble(fake, bucket, disk):
    put(bucket, "a.jpg", b"1")
    connection = bucket._client._pool._idle[0]
    connection._socket.shutdown(2)
    put(bucket, "a.jpg", b"2")
    assert get(bucket, "a.jpg") == b"2"


# Stores that do not keep their word


def test_s6_an_object_that_was_taken_and_not_kept_is_a_failure(fake, bucket, disk):
    fault = fake.misbehave(Fault.forget(), method="PUT", key="03.jpg")
    report = transfer.copy(disk, bucket, RULES)
    assert fault.fired >= 2
    assert (report.copied, report.verified, report.failed, report.exit_code) == (FILES - 1, FILES - 1, 1, 1)
    assert_a_second_run_completes(fake, disk, bucket)


def test_s6_an_object_lost_once_is_sent_again(fake, bucket, disk):
    fault = fake.misbehave(Fault.forget(), method="PUT", key="03.jpg", times=1)
    report = transfer.copy(disk, bucket, RULES)
    assert (fault.fired, report.copied, report.exit_code) == (1, FILES, 0)
    assert get(bucket, "03.jpg") == b"3" * 2000


def test_s7_an_object_that_vanishes_later_is_found_missing(fake, bucket, disk):
    transfer.copy(disk, bucket, RULES)
    del fake.objects["pictures"]["images/05.jpg"]
    lines = {line.key: line.symbol for line in transfer.verify(disk, bucket, RULES)}
    assert lines["05.jpg"] == "+"
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.already_there) == (1, FILES - 1)


def test_s8_an_etag_that_is_no_md5_is_no_error(fake, bucket, disk):
    fake.misbehave(Fault.misname(), method="PUT")
    for method in ("HEAD", "GET"):
        fake.misbehave(Fault.misname(), method=method, key="jpg")
    report = transfer.copy(disk, bucket, RULES)
    for held in fake.objects["pictures"].values():
        held.etag = "0123456789abcdef0123456789abcdef"
    assert (report.copied, report.exit_code) == (FILES, 0)
    again = transfer.copy(disk, bucket, RULES)
    assert (again.sent, again.already_there) == (0, FILES)
    assert {line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)} == {"="}


def give_etags_that_are_no_md5(fake):
    """Be a store that encrypts: every ETag has the form of an MD5 and is none."""
    fake.misbehave(Fault.misname(), method="PUT")
    for method in ("HEAD", "GET"):
        fake.misbehave(Fault.misname(), method=method, key="jpg")
    fake.misbehave(
        Fault.rewrite(rb"&quot;[0-9a-f]{32}&quot;", b"&quot;0123456789abcdef0123456789abcdef&quot;"), method="GET"
    )


def test_s8_where_etags_are_no_md5_one_object_is_read_back_for_all(fake, bucket, disk):
    give_etags_that_are_no_md5(fake)
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.verified, report.exit_code) == (FILES, FILES, 0)
    assert len([each for each in fake.requests if each.method == "GET" and each.key]) == 1


def test_a_record_is_not_believed_before_an_object_was_read_back(fake, bucket, disk):
    damage = fake.misbehave(Fault.corrupt(), method="PUT")
    give_etags_that_are_no_md5(fake)
    report = transfer.copy(disk, bucket, transfer.Rules(RULES.publish, include=["0[0-4].jpg"]))
    assert (damage.fired, report.copied, report.failed, report.exit_code) == (10, 0, 5, 1)


def test_a_record_is_not_believed_against_an_etag_where_etags_are_digests(fake, bucket, disk):
    transfer.copy(disk, bucket, RULES)
    held = fake.objects["pictures"]["images/04.jpg"]
    held.data = b"x" * len(held.data)
    held.etag = __import__("hashlib").md5(held.data).hexdigest()
    symbols = {line.key: line.symbol for line in transfer.verify(disk, bucket, RULES)}
    assert [key for key, symbol in symbols.items() if symbol != "="] == ["04.jpg"]
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.already_there) == (1, FILES - 1)


def test_s9_flipped_bits_under_the_right_etag_are_seen_by_reading(fake, bucket, disk):
    transfer.copy(disk, bucket, RULES)
    held = fake.objects["pictures"]["images/04.jpg"]
    held.data = bytes(byte ^ 1 for byte in held.data)
    assert {line.symbol for line in transfer.verify(disk, bucket, RULES)} == {"="}
    lines = {line.key: line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)}
    assert [key for key, symbol in lines.items() if symbol != "="] == ["04.jpg"]


def test_an_object_in_parts_is_the_same_the_next_time(fake, bucket, tmp_path):
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (20 << 16))
    disk = LocalStore("disk", tmp_path)
    assert transfer.copy(disk, bucket, RULES).copied == 1
    assert (fake.count("PUT", query="partNumber"), fake.uploads) == (3, {})
    again = transfer.copy(disk, bucket, RULES)
    assert (again.already_there, fake.count("PUT", query="partNumber")) == (1, 3)


@pytest.mark.parametrize("query", ["partNumber", "uploadId", "uploads"])
def test_s30_an_upload_in_parts_that_fails_is_cleared_away(fake, bucket, tmp_path, query):
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (20 << 16))
    disk = LocalStore("disk", tmp_path)
    fault = fake.misbehave(
        Fault.answer(400, "Peculiar"), query=query, method="PUT" if query == "partNumber" else "POST"
    )
    report = transfer.copy(disk, bucket, RULES)
    assert fault.fired >= 1
    assert (report.failed, report.exit_code, fake.uploads, fake.objects["pictures"]) == (1, 1, {}, {})
    assert_a_second_run_completes(fake, disk, bucket)


def test_s30_a_part_that_fails_once_is_sent_again(fake, bucket, tmp_path):
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (20 << 16))
    fault = fake.misbehave(Fault.reset(), query="partNumber", times=2)
    report = transfer.copy(LocalStore("disk", tmp_path), bucket, RULES)
    assert (fault.fired, report.copied) == (2, 1)


# Stores that refuse


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "InvalidAccessKeyId", CredentialsRefused, "AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", CredentialsRefused, "secret"),
        (400, "ExpiredToken", CredentialsRefused, "expired"),
        (401, "", CredentialsRefused, "credentials"),
        (403, "AccessDenied", PermissionRefused, "may not"),
        (403, "", PermissionRefused, "may not"),
        (404, "NoSuchBucket", ContainerMissing, "'pictures'"),
        (403, "QuotaExceeded", StoreFull, "quota"),
        (507, "", StoreFull, "room"),
        (403, "RequestTimeTooSkewed", ClockSkewed, "clock"),
        (400, "AuthorizationHeaderMalformed", RegionWrong, "region"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_s15_s20_s23_s24_a_refusal_of_the_whole_store_stops_at_once(
    fake, bucket, disk, status, code, kind, words, method
):
    fault = fake.misbehave(Fault.answer(status, code), method=method)
    with pytest.raises(kind, match=words) as caught:
        transfer.copy(disk, bucket, RULES, concurrency=2)
    assert 1 <= fault.fired <= 2
    assert caught.value.report.exit_code == 3
    assert SECRET not in repr(caught.value.__dict__)
    assert_a_second_run_completes(fake, disk, bucket)


def test_s22_credentials_that_are_revoked_halfway_stop_the_run(fake, bucket, disk):
    fault = fake.misbehave(Fault.answer(403, "InvalidAccessKeyId"), first=21)
    with pytest.raises(CredentialsRefused) as caught:
        transfer.copy(disk, bucket, RULES, concurrency=2)
    assert fault.fired <= 2
    assert caught.value.report.sent >= 15
    assert_a_second_run_completes(fake, disk, bucket)


@pytest.mark.parametrize(("ahead", "words"), [(1200, "20 min behind"), (-1200, "20 min ahead of")])
def test_s24_a_wrong_clock_is_measured(fake, bucket, disk, ahead, words):
    fake.clock_ahead = ahead
    fake.misbehave(Fault.answer(403, "SignatureDoesNotMatch"))
    with pytest.raises(ClockSkewed, match=words) as caught:
        transfer.copy(disk, bucket, RULES)
    assert caught.value.exit_code == 3
    fake.clock_ahead = 0
    assert_a_second_run_completes(fake, disk, bucket)


@pytest.mark.parametrize("status", [301, 307])
def test_a36_no_redirect_is_followed_and_the_right_region_is_named(fake, bucket, status):
    with FakeS3() as other:
        headers = {"Location": other.endpoint_url, "x_amz_bucket_region": "fr-par"}
        fake.misbehave(Fault.answer(status, "PermanentRedirect", **headers))
        with pytest.raises(RegionWrong, match="AWS_S3_REGION_NAME to fr-par"):
            list(bucket.list())
        assert other.requests == []


def test_a36_a_bare_redirect_is_refused(fake, bucket):
    fake.misbehave(Fault.answer(302, Location="http://elsewhere.invalid/"))
    with pytest.raises(StoreRefused, match="another address"):
        list(bucket.list())


@pytest.mark.parametrize(("status", "code"), [(400, "AccessControlListNotSupported"), (501, "NotImplemented")])
def test_s13_a_bucket_without_acls_is_noted_and_used(fake, bucket, disk, status, code):
    def refuse_acl(request, carry_on):
        if "x-amz-acl" in request.headers:
            return Fault.answer(status, code)(request, carry_on)
        return carry_on()

    fault = fake.misbehave(refuse_acl, method="PUT")
    report = transfer.copy(disk, bucket, RULES, concurrency=4)
    assert (report.copied, report.exit_code, fault.fired >= FILES) == (FILES, 0, True)
    assert report.notes == ["s3://pictures/images decides access by its policy; no ACL is sent."]
    assert sum("x-amz-acl" in request.headers for request in fake.requests) <= 4


def test_s13_a_large_object_goes_without_acl_too(fake, bucket):
    def refuse_acl(request, carry_on):
        refused = "x-amz-acl" in request.headers
        return Fault.answer(400, "AccessControlListNotSupported")(request, carry_on) if refused else carry_on()

    fake.misbehave(refuse_acl)
    put(bucket, "film.jpg", b"0123456789abcdef" * (20 << 16))
    assert len(get(bucket, "film.jpg")) == 20 << 20


def test_a_store_that_wants_the_payload_signed_gets_it(fake, bucket, disk):
    def refuse_unsigned(request, carry_on):
        unsigned = request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        return Fault.answer(400, "XAmzContentSHA256Mismatch")(request, carry_on) if unsigned else carry_on()

    fake.misbehave(refuse_unsigned, method="PUT")
    assert transfer.copy(disk, bucket, RULES).exit_code == 0


def test_s33_a_name_the_store_refuses_is_named(fake, bucket, disk):
    fake.misbehave(Fault.answer(400, "KeyTooLongError"), key="11.jpg")
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.failed, report.exit_code) == (FILES - 1, 1, 4)


def test_a_refusal_is_never_missing(fake, bucket):
    put(bucket, "a.jpg", b"1")
    fake.misbehave(Fault.answer(403, "AccessDenied"))
    for ask in (lambda: bucket.describe("a.jpg"), lambda: bucket.open("a.jpg"), lambda: list(bucket.list())):
        with pytest.raises(PermissionRefused):
            ask()


def test_a_missing_bucket_is_not_a_missing_object(fake, bucket):
    fake.misbehave(Fault.answer(404, "NoSuchBucket"))
    with pytest.raises(ContainerMissing):
        bucket.describe("a.jpg")


def test_each_refused_delete_is_told(fake, bucket):
    put(bucket, "a.jpg", b"1")
    answer = b"<DeleteResult><Error><Key>images/a.jpg</Key><Code>AccessDenied</Code></Error></DeleteResult>"

    def refuse(request, carry_on):
        reply = Fault.answer(200)(request, carry_on)
        reply.body = answer
        return reply

    fake.misbehave(refuse, method="POST", query="delete")
    results = bucket.delete(["a.jpg", "b.jpg"])
    assert results["b.jpg"] is None
    assert "AccessDenied" in str(results["a.jpg"])


def test_a_store_that_ignores_conditions_overwrites_nothing(fake, bucket):
    put(bucket, "a.jpg", b"first")
    with pytest.raises(AlreadyExists):
        bucket.put("a.jpg", BytesSource("a", b"second"), PICTURE, replace=False)
    assert get(bucket, "a.jpg") == b"first"


def test_an_own_object_whose_answer_got_lost_is_recognised(fake, bucket, disk):
    fault = fake.misbehave(Fault.reset_afterwards(), method="PUT", times=3)
    report = transfer.copy(disk, bucket, transfer.Rules(RULES.publish, on_difference="keep"))
    assert (fault.fired, report.copied, report.conflicts, report.exit_code) == (3, FILES, 0, 0)


# Secrets


def test_a35_the_stores_own_words_never_repeat_how_we_signed(fake, bucket, disk, capsys):
    fault = fake.misbehave(Fault.echo(), method="PUT", key="02.jpg")
    report = transfer.copy(disk, bucket, RULES)
    told = "\n".join([*map(str, report.outcomes), *report.lines(), report.as_json()])
    assert (fault.fired, report.failed) == (1, 1)
    for secret in ("AWS4-HMAC", "Signature", "AKIAEXAMPLE", SECRET):
        assert secret not in told


def test_a34_no_traceback_shows_a_secret(fake, bucket):
    fake.misbehave(Fault.echo())
    with pytest.raises(StorageError) as caught:
        put(bucket, "a.jpg", b"1")
    shown = []
    error = caught.value
    while error is not None:
        frame = error.__traceback__
        while frame is not None:
            shown += [repr(value) for value in frame.tb_frame.f_locals.values()]
            frame = frame.tb_next
        error = error.__cause__ or error.__context__
    assert shown
    assert not [value for value in shown if SECRET in value]


# No way to the store


def test_a_refused_connection_is_told_with_its_address(disk):
    with FakeS3() as gone:
        endpoint = gone.endpoint_url
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match=endpoint.removeprefix("http://")) as caught:
        transfer.copy(disk, store_at(endpoint), RULES)
    assert time.monotonic() - began < 10
    assert caught.value.report.last_line().startswith("copied 0")


def test_an_unknown_host_is_told_with_the_setting(disk):
    with pytest.raises(StoreUnreachable, match="AWS_S3_ENDPOINT_URL"):
        transfer.copy(disk, store_at("https://nowhere.invalid"), RULES)


def test_a_dead_proxy_is_named(disk, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://user:hidden@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(StoreUnreachable, match=r"127\.0\.0\.1:9 that http_proxy names") as caught:
        transfer.copy(disk, store_at("http://s3.example.com"), RULES)
    assert "hidden" not in str(caught.value)


def test_a_proxy_is_used_and_told_who_asks(fake, disk, monkeypatch):
    monkeypatch.setenv("http_proxy", fake.endpoint_url.replace("http://", "http://user:hidden@"))
    monkeypatch.setenv("no_proxy", "")
    assert transfer.copy(disk, store_at("http://s3.example.com"), RULES).exit_code == 0
    assert {request.headers["host"] for request in fake.requests} == {"s3.example.com"}
    assert {request.headers["proxy-authorization"] for request in fake.requests} == {"Basic dXNlcjpoaWRkZW4="}


def test_s6_many_lost_objects_are_found_out_soon(fake, bucket, disk):
    fake.misbehave(Fault.forget(), method="PUT")
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match="does not hold it") as caught:
        transfer.copy(disk, bucket, RULES)
    assert caught.value.report.copied == 0
    assert time.monotonic() - began < 90
    assert_a_second_run_completes(fake, disk, bucket)


def test_plain_http_at_a_tls_address_is_refused(fake, disk):
    with pytest.raises(StoreUnreachable, match="TLS"):
        transfer.copy(disk, store_at(fake.endpoint_url.replace("http:", "https:")), RULES)


@pytest.mark.parametrize(
    "wrong",
    [{"bucket": "no/bucket"}, {"prefix": "/images/"}, {"prefix": "images"}, {"addressing_style": "sideways"}],
)
def test_wrong_settings_are_refused_before_anything_is_sent(wrong):
    with pytest.raises(SettingsError):
        store_at("https://s3.example.com", **wrong)
    with pytest.raises(SettingsError, match=r"https://s3\.example\.com"):
        store_at("s3.example.com")


def test_missing_credentials_are_named(disk):
    store = store_at("http://127.0.0.1:9", access_key_id="", secret_access_key="")
    with pytest.raises((CredentialsRefused, StoreUnreachable)):
        transfer.copy(disk, store, RULES)


def test_a_stalled_store_is_passing_trouble(fake, bucket, monkeypatch):
    monkeypatch.setattr("external_storage.stores.s3.connection.NO_PROGRESS_SECONDS", 0.3)
    store = store_at(fake.endpoint_url)
    fake.misbehave(Fault.wait(1.0), method="PUT", times=1)
    with pytest.raises(TransientStoreError, match="stopped answering"):
        put(store, "a.jpg", b"1")


def test_s33_names_that_lead_astray_are_not_written_to_a_disk(fake, bucket, tmp_path):
    put(bucket, "good.jpg", b"1")
    good = fake.objects["pictures"]["images/good.jpg"]
    for key in ("../evil.jpg", "/evil.jpg", "a//evil.jpg", "a/../../evil.jpg"):
        fake.objects["pictures"]["images/" + key] = good
    target = LocalStore("disk", tmp_path / "images", create=True)
    report = transfer.copy(bucket, target, RULES)
    assert (report.copied, report.failed, report.exit_code) == (1, 4, 4)
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["good.jpg"]
    with pytest.raises(KeyRefused):
        put(target, "../evil.jpg", b"1")


def test_a_name_that_is_no_text_disturbs_nothing(fake, bucket, disk):
    put(bucket, "good.jpg", b"1")
    fake.objects["pictures"]["images/zz\udce9.jpg"] = fake.objects["pictures"]["images/good.jpg"]
    report = transfer.copy(disk, bucket, RULES)
    assert (report.copied, report.only_in_target, report.exit_code) == (FILES, 2, 0)
    assert [line.key for line in transfer.verify(disk, bucket, RULES) if line.symbol == "-"] == [
        "good.jpg",
        "zz\udce9.jpg",
    ]


def test_a_consoles_folder_markers_are_no_objects(fake, bucket, tmp_path):
    put(bucket, "covers/a.jpg", b"1")
    held = fake.objects["pictures"]
    empty = type(held["images/covers/a.jpg"])(b"", {}, "d41d8cd98f00b204e9800998ecf8427e", time.time())
    held["images/"] = held["images/covers/"] = empty
    assert transfer.copy(bucket, MemoryStore(), RULES).exit_code == 0


# Names that a store does not keep apart


@pytest.mark.parametrize(
    ("named", "first", "second"),
    [
        (str.lower, "covers/A.jpg", "covers/a.jpg"),
        (partial(unicodedata.normalize, "NFC"), "covers/cafe\u0301.jpg", "covers/caf\u00e9.jpg"),
        (lambda key: unicodedata.normalize("NFD", key).lower(), "covers/Cafe\u0301.jpg", "covers/caf\u00e9.jpg"),
    ],
    ids=["small letters", "composed", "both"],
)
def test_s32_names_that_the_store_takes_for_one_are_told_before_either_is_sent(tmp_path, named, first, second):
    for content, key in enumerate(("apart.jpg", first, second)):
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(b"%d" % content)
    with FakeS3(named=named) as fake:
        report = transfer.copy(LocalStore("disk", tmp_path), store_at(fake.endpoint_url), RULES)
        assert list(fake.objects["pictures"]) == ["images/apart.jpg"]
    assert (report.copied, report.failed, report.exit_code) == (1, 2, 4)
    assert [outcome.key for outcome in report.outcomes] == [first, second]
    assert all(repr(first) in outcome.reason and repr(second) in outcome.reason for outcome in report.outcomes)
    assert all("Rename one" in outcome.remedy for outcome in report.outcomes)


def test_s32_a_store_that_keeps_names_apart_gets_all_of_them(fake, bucket, tmp_path):
    names = {"A.jpg", "a.jpg", "cafe\u0301.jpg", "caf\u00e9.jpg"}
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    assert transfer.copy(LocalStore("disk", tmp_path), bucket, RULES).exit_code == 0
    assert {key.removeprefix("images/") for key in fake.objects["pictures"]} == names
