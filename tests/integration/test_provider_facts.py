"""What the files say of the two servers that can be run here is asked of those servers."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

import boto3
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError

from external_storage.providers import Provider, called
from tests.servers import Bucket, Certificates, S3Server

BODY = b"a picture, as good as any"
RULES = {"CORSRules": [{"AllowedOrigins": ["https://books.test"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 300}]}


@pytest.fixture
def provider(s3_server: S3Server) -> Provider:
    return called(s3_server.name)


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.make_bucket(public=())


def test_it_is_software_whose_address_is_its_owners(provider: Provider, s3_server: S3Server):
    assert provider.software
    assert provider.needs_endpoint
    assert provider.endpoint_in("anywhere") == ""


def test_an_object_becomes_public_in_the_way_the_file_says(provider: Provider, bucket: Bucket, s3_server: S3Server):
    bucket.client.put_object(Bucket=bucket.name, Key="images/one.png", Body=BODY, ACL="public-read")
    is_open = status_of(f"{bucket.public_url}/images/one.png") == HTTPStatus.OK
    assert is_open == (provider.access == "acl")
    assert provider.access == s3_server.access_model


def test_cors_is_set_where_the_file_says(provider: Provider, bucket: Bucket):
    assert provider.cors == "api"
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration=RULES)
    (rule,) = bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://books.test"]


def test_an_upload_whose_digest_does_not_fit_is_refused_if_the_file_says_so(provider: Provider, bucket: Bucket):
    wrong = base64.b64encode(hashlib.md5(b"something else", usedforsecurity=False).digest()).decode()
    assert provider.content_md5 == "checked"
    with pytest.raises(ClientError) as refusal:
        bucket.client.put_object(Bucket=bucket.name, Key="one", Body=BODY, ContentMD5=wrong)
    assert refusal.value.response["Error"]["Code"] in ("BadDigest", "InvalidDigest")
    assert bucket.keys_under() == []


def test_a_checksum_header_is_taken(provider: Provider, bucket: Bucket, s3_server: S3Server):
    assert provider.checksums in ("taken", "partly")
    eager = eager_client(s3_server, s3_server.endpoint_url)
    eager.put_object(Bucket=bucket.name, Key="one", Body=BODY)
    assert eager.get_object(Bucket=bucket.name, Key="one")["Body"].read() == BODY


def test_a_checksum_behind_the_file_is_what_ceph_does_not_take(ceph: S3Server, certificates: Certificates):
    """Over https the SDK sends the checksum as a trailer, in chunks, and without the length that Ceph wants."""
    assert called(ceph.name).checksums == "partly"
    eager = eager_client(ceph, ceph.tls_endpoint_url, verify=str(certificates.authority))
    bucket = ceph.make_bucket(public=())
    with pytest.raises(ClientError) as refusal:
        eager.put_object(Bucket=bucket.name, Key="one", Body=BODY)
    assert refusal.value.response["Error"]["Code"] == "MissingContentLength"


def eager_client(server: S3Server, endpoint_url: str | None, verify: str | None = None) -> Any:
    """A client as newer SDKs make it by themselves, with checksums wherever they may be."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        verify=verify,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        config=Config(
            signature_version="s3v4", s3={"addressing_style": "path"}, request_checksum_calculation="when_supported"
        ),
    )


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
