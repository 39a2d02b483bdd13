"""What a test knows of an S3 server, and how it gets a bucket of its own."""

from __future__ import annotations

import json
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import boto3
from botocore.client import Config


@dataclass(frozen=True)
class Bucket:
    """A fresh bucket. *public_url* (no slash at the end) is where anybody finds its public objects."""

    name: str
    public_url: str
    client: Any

    def keys_under(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


@dataclass(frozen=True)
class S3Server:
    """A running S3 server whose signatures are checked.

    *access_model* says what makes an object public: its own ACL (``acl``) or the bucket's policy (``policy``).
    """

    name: str
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    access_model: Literal["acl", "policy"] = field(kw_only=True)
    tls_endpoint_url: str | None = None

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def make_bucket(self, public: tuple[str, ...] = ("images/", "static/")) -> Bucket:
        """Make a bucket where objects under the *public* prefixes can be read by all.

        With ACLs the prefixes have no part in it: each object is as public as whoever wrote it said.
        """
        name = self._buckets_made_ahead.take()
        if self.access_model == "policy" and public:
            self.client.put_bucket_policy(Bucket=name, Policy=json.dumps(public_read_policy(name, public)))
        return Bucket(name, f"{self.endpoint_url}/{name}", self.client)

    @cached_property
    def _buckets_made_ahead(self) -> MadeAhead:
        return MadeAhead(self.client)


class MadeAhead:
    """Empty buckets, made while others are in use: the first object of each takes SeaweedFS a fifth of a second."""

    READY = 3

    def __init__(self, client: Any) -> None:
        self._client = client
        self._making: deque[Future[str]] = deque()
        self._makers = ThreadPoolExecutor(self.READY, thread_name_prefix="buckets")

    def take(self) -> str:
        while len(self._making) <= self.READY:
            self._making.append(self._makers.submit(self._make))
        return self._making.popleft().result()

    def _make(self) -> str:
        name = f"books-{uuid.uuid4().hex[:12]}"
        self._client.create_bucket(Bucket=name)
        self._client.put_object(Bucket=name, Key="first", Body=b"x")
        self._client.delete_object(Bucket=name, Key="first")
        return name


def public_read_policy(bucket: str, prefixes: tuple[str, ...]) -> dict[str, Any]:
    """Return the policy that lets anybody read, and not list, the objects under *prefixes*."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/{prefix}*" for prefix in prefixes],
            }
        ],
    }
