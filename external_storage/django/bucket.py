"""The live path to a bucket: django-storages, held to this project's promises."""

from __future__ import annotations

import base64
import io
import os
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from django.conf import settings
from django.core.files.base import File
from django.utils.timezone import make_naive
from storages.backends.s3 import S3Storage

from ..errors import AlreadyExists, ObjectMissing
from ..objects import Headers
from ..sentences import say
from ..stores.s3.store import RECORDED_MD5
from . import conf
from .deadline import within
from .refusals import code_of, status_of, translated
from .uploads import Upload, spool

P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 256 * 1024

ACL, CONDITION = "ACL", "IfNoneMatch"
"""The two things we ask of a store that not every store understands."""

NO_ACLS = {"AccessControlListNotSupported", "InvalidBucketAclWithObjectOwnership"}
NOT_UNDERSTOOD = {"NotImplemented", "InvalidArgument", "InvalidRequest", "UnsupportedOperation"}
TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


class BucketStorage(S3Storage):
    """One bucket's live storage: every operation is bounded in time, every error is one of ours.

    *deadline* is how many seconds a caller waits for any one operation, retries included.
    """

    def __init__(self, described: conf.BucketSettings, *, deadline: float) -> None:
        self._described = described
        self._deadline = deadline
        # What this bucket turned out not to take. One process learns it once, with its first refused upload.
        self._not_taken: set[str] = set()
        self._connecting = threading.Lock()
        self._resource: Any = None
        super().__init__(
            access_key=described.access_key_id,
            secret_key=described.secret_access_key,
            security_token=None,
            session_profile=None,
            bucket_name=described.bucket,
            location=described.prefix,
            region_name=described.region,
            endpoint_url=described.endpoint_url,
            custom_domain=None,
            default_acl=None,
            querystring_auth=False,
            file_overwrite=False,
            gzip=False,
            object_parameters={},
            verify=_authorities(),
            client_config=_client_config(described),
        )

    @property
    def connection(self) -> Any:
        """The SDK's resource, one for all threads: only its client is used, and clients may be shared."""
        with self._connecting:
            if self._resource is None:
                # django-storages makes one for each thread, which costs every new thread 50 ms and 10 MB.
                self._resource = self._create_session().resource(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    verify=self.verify,
                    config=self.client_config,
                )
        return self._resource

    def _create_session(self) -> boto3.Session:
        session = botocore.session.get_session()
        session.register_component("data_loader", _what_the_sdk_knows_of_services())
        return boto3.Session(self.access_key, self.secret_key, botocore_session=session)

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    # Reading

    def _open(self, name: str, mode: str = "rb") -> File:
        try:
            content = self._bounded(name, self._fetch, name)
        except ObjectMissing as missing:
            raise FileNotFoundError(f"There is no {name!r} in the storage.") from missing
        return File(content if "b" in mode else io.TextIOWrapper(content, "utf-8"), name)

    def _fetch(self, name: str) -> Any:
        """Bring the whole object here: a caller that reads slowly must not hold a connection to the store."""
        answer = self._client.get_object(**self._object(name))
        content = spool()
        with answer["Body"] as body:
            while chunk := body.read(CHUNK):
                content.write(chunk)
        content.seek(0)
        return content

    def exists(self, name: str) -> bool:
        return self._bounded(name, super().exists, name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        return self._bounded(name, super().listdir, name)

    def size(self, name: str) -> int:
        return self._described_by_store(name)["ContentLength"]

    def get_modified_time(self, name: str) -> datetime:
        modified = self._described_by_store(name)["LastModified"]
        return modified if settings.USE_TZ else make_naive(modified)

    def _described_by_store(self, name: str) -> dict[str, Any]:
        try:
            return self._bounded(name, self._head, name)
        except ObjectMissing as missing:
            raise FileNotFoundError(f"There is no {name!r} in the storage.") from missing

    def _head(self, name: str) -> dict[str, Any]:
        return self._client.head_object(**self._object(name))

    def url(self, name: str, parameters: Any = None, expire: Any = None, http_method: Any = None) -> str:
        raise NotImplementedError("Links are made by SiteStorage, which asks no store for them.")

    # Writing

    def put(self, name: str, upload: Upload, headers: Headers, *, replace: bool) -> None:
        self._bounded(name, self._put, name, upload, headers, replace)

    def delete(self, name: str) -> None:
        self._bounded(name, self._remove, name)

    def _remove(self, name: str) -> None:
        # A missing object is fine, for S3 and for Django; a missing bucket is not, and has a code of its own.
        self._client.delete_object(**self._object(name))

    def _put(self, name: str, upload: Upload, headers: Headers, replace: bool) -> None:
        wanted = self._parameters(upload, headers) | self._object(name)
        if not replace:
            wanted[CONDITION] = "*"
        left_out = set(self._not_taken)
        while True:
            sent = {key: value for key, value in wanted.items() if key not in left_out}
            upload.restart()
            try:
                self._client.put_object(Body=upload.file, **sent)
            except ClientError as refusal:
                if code_of(refusal) in TAKEN or status_of(refusal) == 412:
                    self._check_it_is_not_ours(name, upload, refusal)
                    return
                if (blamed := _blamed(refusal, sent)) is None:
                    raise
                left_out.add(blamed)
            else:
                self._not_taken |= left_out  # only now is it certain that the refusal was about what we left out
                return

    def _check_it_is_not_ours(self, name: str, upload: Upload, refusal: ClientError) -> None:
        """Raise `AlreadyExists`, unless the object in the way is our own, put there by a try whose answer was lost."""
        was_retried = refusal.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        if was_retried and self._head(name).get("ETag", "").strip('"') == upload.info.md5:
            return
        raise AlreadyExists(say("There is already an object under {name!r}.", name=name), key=name) from refusal

    def _parameters(self, upload: Upload, headers: Headers) -> dict[str, Any]:
        """Return what an object is stored with; the bulk path's `S3Store` sends exactly the same."""
        digest = base64.b64encode(upload.digest).decode("ascii")
        parameters = {
            "ContentType": headers.content_type,
            "ContentLength": upload.info.size,
            "ContentMD5": digest,
            "Metadata": {RECORDED_MD5.removeprefix("x-amz-meta-"): digest},
        }
        if headers.cache_control:
            parameters["CacheControl"] = headers.cache_control
        if self._described.acl:
            parameters[ACL] = self._described.acl if headers.public else conf.PRIVATE
        return parameters

    # Our own

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    def _bounded(self, name: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def guarded() -> R:
            with translated(self._described, name):
                return work(*args, **kwargs)

        return within(self._deadline, f"The store {self._described.name!r}", guarded)


@cache
def _what_the_sdk_knows_of_services() -> Loader:
    """Return what all sessions share: each of its own would read the same megabytes of JSON again."""
    return botocore.session.get_session().get_component("data_loader")


def _client_config(described: conf.BucketSettings) -> Config:
    """Return the SDK's settings. Each is a lesson, told in docs/decisions/s3-live-client.md."""
    return Config(
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
        s3={"addressing_style": described.addressing_style},
    )


def _authorities() -> str | None:
    """Return the list of certificate authorities that the bulk path trusts too; None for the one the SDK finds.

    That is the machine's own, which may hold a private authority, or the one that SSL_CERT_FILE names.
    """
    of_the_sdk = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    if of_the_sdk and not os.environ.get("SSL_CERT_FILE"):
        return None
    known = ssl.get_default_verify_paths()
    in_folder = Path(known.capath) / "ca-certificates.crt" if known.capath else None
    return known.cafile or (str(in_folder) if in_folder and in_folder.is_file() else None)


def _blamed(refusal: ClientError, sent: dict[str, Any]) -> str | None:
    """Return which of our optional requests a refusal is about, None if about none of them."""
    code = code_of(refusal)
    if code in NO_ACLS and ACL in sent:
        return ACL
    if code not in NOT_UNDERSTOOD and status_of(refusal) != 501:
        return None
    return ACL if ACL in sent else CONDITION if CONDITION in sent else None
