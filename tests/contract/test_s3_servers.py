"""What real S3 servers answer to strangers, wrong signatures and pages of other sites; our strict one does the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import urllib3
from botocore.exceptions import ClientError

from external_storage.errors import ClockSkewed, ContainerMissing, CredentialsRefused
from external_storage.stores import S3Store
from external_storage.stores.s3.signing import EMPTY_PAYLOAD, Credentials, Signer
from external_storage.testing import StrictS3
from tests.servers import Bucket, S3Server

SITE, STRANGER = "https://books.test", "https://stranger.example"
KEY_ID, SECRET = "strictaccess", "a-secret-of-the-strict-server"


@pytest.fixture(params=["seaweedfs", "ceph", "strict, by ACL", "strict, by policy"])
def server(request: pytest.FixtureRequest) -> Iterator[S3Server]:
    if not request.param.startswith("strict"):
        yield request.getfixturevalue(request.param)
        return
    by_acl = request.param.endswith("ACL")
    with StrictS3(access_key_id=KEY_ID, secret_access_key=SECRET, honours_acls=by_acl) as strict:
        model = "acl" if by_acl else "policy"
        yield S3Server("StrictS3", strict.endpoint_url, "us-east-1", KEY_ID, SECRET, access_model=model)


@pytest.fixture
def bucket(server: S3Server) -> Bucket:
    """A bucket with one file for everybody and one for nobody."""
    made = server.make_bucket(public=("images/",))
    made.client.put_object(Bucket=made.name, Key="images/a.png", Body=b"open", ACL="public-read")
    made.client.put_object(Bucket=made.name, Key="backup.zip", Body=b"closed", ACL="private")
    return made


def store_on(server: S3Server, bucket: str, **changed) -> S3Store:
    settings = {
        "bucket": bucket,
        "region": server.region,
        "endpoint_url": server.endpoint_url,
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
    }
    return S3Store(server.name, **settings | changed)


def status(method: str, url: str, **options) -> int:
    return urllib3.request(method, url, **options).status


def refusal_of(call, **arguments) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


# Who asks


@pytest.mark.parametrize("changed", [{"secret_access_key": "wrong"}, {"access_key_id": "unknown"}])
def test_a_wrong_signature_is_refused(server, bucket, changed):
    with pytest.raises(CredentialsRefused):
        list(store_on(server, bucket.name, **changed).list())


def test_a_right_signature_is_accepted_whatever_the_key_looks_like(server, bucket):
    for key in ("images/é b.png", "images/a+b=c&d.png", "images/a~(1)'.png"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"x", ACL="private")
    listed = {info.key for info in store_on(server, bucket.name).list("images/")}
    assert {"images/é b.png", "images/a+b=c&d.png", "images/a~(1)'.png"} <= listed


@pytest.mark.parametrize("minutes", [20, -20])
def test_a_signature_of_another_time_is_refused(server, bucket, minutes):
    path, headers = f"/{bucket.name}", {"host": server.endpoint_url.removeprefix("http://")}
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    signed_at = time.time() + 60 * minutes
    Signer(credentials, server.region).sign("GET", path, "list-type=2", headers, EMPTY_PAYLOAD, now=signed_at)
    assert status("GET", f"{server.endpoint_url}{path}?list-type=2", headers=headers) == 403


def test_a_missing_bucket_is_told_to_its_would_be_owner(server):
    with pytest.raises(ContainerMissing):
        list(store_on(server, "no-such-bucket-here").list())


# What strangers may do


def test_a_stranger_reads_what_is_open_and_nothing_else(bucket):
    assert urllib3.request("GET", f"{bucket.public_url}/images/a.png").data == b"open"
    assert status("GET", f"{bucket.public_url}/backup.zip") == 403
    assert status("HEAD", f"{bucket.public_url}/backup.zip") == 403


def test_a_stranger_may_not_list_write_or_delete(bucket):
    assert status("GET", f"{bucket.public_url}?list-type=2") == 403
    assert status("PUT", f"{bucket.public_url}/images/b.png", body=b"x") == 403
    assert status("DELETE", f"{bucket.public_url}/images/a.png") == 403
    assert bucket.keys_under("images/") == ["images/a.png"]


def test_a_policy_that_lets_strangers_list_does_so(bucket):
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket.name}"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=document)
    assert b"ListBucketResult" in urllib3.request("GET", f"{bucket.public_url}?list-type=2").data
    assert json.loads(bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"])["Statement"][0]["Principal"] == "*"


def test_what_is_not_set_has_a_name_of_its_own(server):
    made = server.make_bucket(public=())
    assert refusal_of(made.client.get_bucket_policy, Bucket=made.name) == "NoSuchBucketPolicy"
    assert refusal_of(made.client.get_bucket_cors, Bucket=made.name) == "NoSuchCORSConfiguration"
    refused = refusal_of(made.client.get_bucket_lifecycle_configuration, Bucket=made.name)
    assert refused == "NoSuchLifecycleConfiguration"


# Pages


def allow_the_site(bucket: Bucket) -> None:
    rule = {"AllowedOrigins": [SITE], "AllowedMethods": ["GET", "HEAD"], "MaxAgeSeconds": 3000}
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]})


def let_in(answer) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


def test_a_page_of_the_site_is_let_in_and_others_are_not(bucket):
    allow_the_site(bucket)
    url = f"{bucket.public_url}/images/a.png"
    for origin, shown in ((SITE, SITE), (STRANGER, None), (SITE.replace("https", "http"), None)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        assert let_in(urllib3.request("OPTIONS", url, headers=asked)) == shown
        assert let_in(urllib3.request("GET", url, headers={"Origin": origin})) == shown


def test_a_page_may_not_do_what_no_rule_allows(bucket):
    allow_the_site(bucket)
    asked = {"Origin": SITE, "Access-Control-Request-Method": "DELETE"}
    # SeaweedFS lets the page in all the same, and tells it what it may do.
    answer = urllib3.request("OPTIONS", f"{bucket.public_url}/images/a.png", headers=asked)
    assert let_in(answer) is None or "DELETE" not in answer.headers.get("Access-Control-Allow-Methods", "")


def test_rules_are_kept_as_they_were_set(bucket):
    allow_the_site(bucket)
    (rule,) = bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    assert (rule["AllowedOrigins"], sorted(rule["AllowedMethods"])) == ([SITE], ["GET", "HEAD"])
    bucket.client.delete_bucket_cors(Bucket=bucket.name)
    assert refusal_of(bucket.client.get_bucket_cors, Bucket=bucket.name) == "NoSuchCORSConfiguration"


# Objects


def test_an_object_is_not_replaced_when_that_was_asked(bucket):
    again = {"Bucket": bucket.name, "Key": "images/a.png", "Body": b"other", "IfNoneMatch": "*"}
    assert refusal_of(bucket.client.put_object, **again) == "PreconditionFailed"


def test_an_acl_of_the_bucket_is_told(bucket):
    grants = bucket.client.get_bucket_acl(Bucket=bucket.name)["Grants"]
    assert not any("AllUsers" in grant["Grantee"].get("URI", "") for grant in grants)


# What only a server does whose clock is off


def test_our_strict_server_refuses_all_that_a_wrong_clock_signed():
    with StrictS3(access_key_id=KEY_ID, secret_access_key=SECRET) as strict:
        strict.make_bucket("books")
        described = {"endpoint_url": strict.endpoint_url, "access_key_id": KEY_ID, "secret_access_key": SECRET}
        store = S3Store("strict", bucket="books", region="us-east-1", **described)
        assert list(store.list()) == []
        strict.clock_ahead = 20 * 60
        with pytest.raises(ClockSkewed, match="20 min behind"):
            list(store.list())
