"""What real servers answer to wrong credentials, buckets, digests and certificates, and what we make of it."""

from __future__ import annotations

import pytest

from external_storage.errors import (
    ContainerMissing,
    CredentialsRefused,
    DigestMismatch,
    StoreRefused,
    StoreUnreachable,
)
from external_storage.objects import IMMUTABLE, Headers
from external_storage.stores import BytesSource, S3Store
from external_storage.testing.contract import get, put
from tests.servers import S3Server

PICTURE = Headers("image/jpeg", IMMUTABLE, public=True)


def store_on(server: S3Server, bucket: str, **changed) -> S3Store:
    settings = {
        "bucket": bucket,
        "prefix": "images/",
        "region": server.region,
        "endpoint_url": server.endpoint_url,
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
        "acl": "public-read" if server.access_model == "acl" else None,
    }
    return S3Store(server.name, **settings | changed)


@pytest.mark.parametrize(
    "changed", [{"secret_access_key": "wrong"}, {"access_key_id": "unknown"}], ids=["secret", "key"]
)
def test_s20_wrong_credentials_are_named_as_such(s3_server, changed):
    store = store_on(s3_server, s3_server.make_bucket().name, **changed)
    for ask in (lambda: list(store.list()), lambda: store.describe("a"), lambda: put(store, "a", b"1")):
        with pytest.raises(CredentialsRefused, match="AWS_SECRET_ACCESS_KEY") as caught:
            ask()
        assert s3_server.secret_access_key not in str(caught.value)


def test_s15_a_missing_bucket_is_named_and_not_made(s3_server):
    store = store_on(s3_server, "no-such-bucket-here")
    for ask in (lambda: list(store.list()), lambda: store.describe("a"), lambda: put(store, "a", b"1")):
        with pytest.raises(ContainerMissing, match="'no-such-bucket-here'") as caught:
            ask()
        assert (s3_server.endpoint_url in str(caught.value), caught.value.exit_code) == (True, 3)
    buckets = s3_server.make_bucket().client.list_buckets()["Buckets"]
    assert "no-such-bucket-here" not in {each["Name"] for each in buckets}


def test_s9_the_store_checks_the_digest_of_what_it_gets(s3_server):
    store = store_on(s3_server, s3_server.make_bucket().name)
    headers = {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}  # of nothing
    answer, body = store._client.ask("PUT", "images/a.jpg", headers=headers, body=b"something")
    assert isinstance(store._client.error(answer, body, "a.jpg"), DigestMismatch)
    assert list(store.list()) == []


def test_a_signed_payload_is_taken_too(s3_server):
    store = store_on(s3_server, s3_server.make_bucket().name)
    store._client.signs_payload = True
    put(store, "a.jpg", b"picture")
    assert get(store, "a.jpg") == b"picture"


def test_headers_and_access_are_those_that_were_asked_for(s3_server):
    import urllib.error
    import urllib.request

    bucket = s3_server.make_bucket()
    store = store_on(s3_server, bucket.name)
    put(store, "covers/a b.jpg", b"picture", PICTURE)
    with urllib.request.urlopen(f"{bucket.public_url}/images/covers/a%20b.jpg") as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"picture", "image/jpeg")
        assert answer.headers["Cache-Control"] == IMMUTABLE
    if s3_server.access_model == "acl":
        put(store, "private.jpg", b"picture", Headers("image/jpeg", public=False))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{bucket.public_url}/images/private.jpg")


def test_an_object_of_another_program_is_recognised_as_the_same(s3_server):
    bucket = s3_server.make_bucket()
    store = store_on(s3_server, bucket.name)
    bucket.client.put_object(Bucket=bucket.name, Key="images/a.jpg", Body=b"picture", ContentType="image/jpeg")
    [listed] = store.list()
    assert listed.md5 == store.put("b.jpg", BytesSource("b", b"picture"), PICTURE).md5


def test_https_is_spoken_and_its_certificate_checked(ceph, certificates, monkeypatch):
    bucket = ceph.make_bucket().name
    trusting = store_on(ceph, bucket, endpoint_url=ceph.tls_endpoint_url, ca_bundle=str(certificates.authority))
    put(trusting, "a.jpg", b"x" * 300_000)
    put(trusting, "film.jpg", b"0123456789abcdef" * (9 << 16))
    assert (len(get(trusting, "a.jpg")), len(get(trusting, "film.jpg"))) == (300_000, 9 << 20)
    distrusting = store_on(ceph, bucket, endpoint_url=ceph.tls_endpoint_url)
    with pytest.raises(StoreUnreachable, match="certificate cannot be trusted"):
        list(distrusting.list())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    assert len(list(store_on(ceph, bucket, endpoint_url=ceph.tls_endpoint_url).list())) == 2


def test_a_certificate_for_another_name_is_refused(ceph, certificates):
    elsewhere = ceph.tls_endpoint_url.replace("127.0.0.1", "localhost")
    store = store_on(ceph, ceph.make_bucket().name, endpoint_url=elsewhere, ca_bundle=str(certificates.authority))
    with pytest.raises(StoreRefused, match="certificate"):
        list(store.list())


def test_a_large_object_of_another_program_is_recognised_too(s3_server, tmp_path):
    from boto3.s3.transfer import TransferConfig

    from external_storage import transfer
    from external_storage.objects import Publish
    from external_storage.stores import LocalStore

    bucket = s3_server.make_bucket()
    store = store_on(s3_server, bucket.name)
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (12 << 16) + b"!")
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    bucket.client.upload_file(str(tmp_path / "film.jpg"), bucket.name, "images/film.jpg", Config=parts)
    [listed] = store.list()
    assert listed.md5 is None
    rules = transfer.Rules(lambda key, first_bytes: Publish(PICTURE))
    report = transfer.copy(LocalStore("disk", tmp_path), store, rules)
    assert (report.sent, report.already_there) == (0, 1)
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (12 << 16) + b"?")
    report = transfer.copy(LocalStore("disk", tmp_path), store, rules)
    assert (report.copied, report.already_there, report.exit_code) == (1, 0, 0)
