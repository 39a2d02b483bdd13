"""Ask and change what a bucket has beyond its objects: policy, ACL, CORS and lifecycle rules."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ..errors import AlreadyExists, StorageError
from ..health.bucket import CallNotOffered, Stored
from ..health.cors import Rule
from ..sentences import say
from . import conf, live
from .bucket import NO_ACLS, BucketStorage
from .refusals import code_of, status_of, translated

NOT_OFFERED = {"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "XNotImplemented"}
NOTHING_SET = {"NoSuchCORSConfiguration", "NoSuchBucketPolicy", "NoSuchLifecycleConfiguration"}


class BucketApi:
    """One bucket through the SDK, with the site's own access key; see `external_storage.health.bucket.Bucket`."""

    def __init__(self, described: conf.BucketSettings) -> None:
        self.name = described.bucket
        self._described = described
        storage = live.storage_named(described.name)
        assert isinstance(storage, BucketStorage)
        self._client = storage.connection.meta.client

    # Objects

    def put(self, key: str, body: bytes, *, acl: str | None = None, only_if_absent: bool = False) -> Stored:
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")
        wanted: dict[str, Any] = {"Body": body, "ContentType": "image/png", "ContentMD5": digest}
        if acl:
            wanted["ACL"] = acl
        if only_if_absent:
            wanted["IfNoneMatch"] = "*"
        with translated(self._described, key):
            try:
                answer = self._client.put_object(Bucket=self.name, Key=key, **wanted)
            except ClientError as refusal:
                if only_if_absent and status_of(refusal) in (409, 412):
                    raise AlreadyExists(say("There is already an object under {key!r}.", key=key), key=key) from refusal
                if acl and code_of(refusal) in NO_ACLS:
                    raise CallNotOffered("This bucket takes no ACLs.") from refusal
                raise _or_not_offered(refusal) from refusal
        version = answer.get("VersionId")
        return Stored(None if version in (None, "", "null") else version, answer.get("ServerSideEncryption"))

    def delete(self, key: str, version: str | None = None) -> str | None:
        which = {"VersionId": version} if version else {}
        answer = self._ask("delete_object", Key=key, **which)
        return answer.get("VersionId") if answer.get("DeleteMarker") and not version else None

    def forget_versions(self, prefix: str) -> None:
        """Delete for good every version of what begins with *prefix*, and every mark that says it was deleted."""
        found = self._ask("list_object_versions", Prefix=prefix)
        for each in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            self._ask("delete_object", Key=each["Key"], VersionId=each["VersionId"])

    def try_an_upload_in_parts(self, key: str) -> None:
        upload = self._ask("create_multipart_upload", Key=key)["UploadId"]
        self._ask("abort_multipart_upload", Key=key, UploadId=upload)

    # Looking

    def others(self) -> list[str]:
        with translated(self._described):
            found = self._client.list_buckets().get("Buckets", [])
        return sorted(each["Name"] for each in found if each["Name"] != self.name)

    def grants(self) -> list[tuple[str, str]]:
        found = self._ask("get_bucket_acl").get("Grants", [])
        return [(grant["Grantee"].get("URI", ""), grant["Permission"]) for grant in found]

    def unfinished_are_cleared(self) -> bool:
        rules = self._ask("get_bucket_lifecycle_configuration").get("Rules", [])
        return any(rule.get("Status") == "Enabled" and "AbortIncompleteMultipartUpload" in rule for rule in rules)

    def cors_rules(self) -> list[Rule]:
        return self._ask("get_bucket_cors").get("CORSRules", [])

    def policy(self) -> dict[str, Any] | None:
        text = self._ask("get_bucket_policy").get("Policy")
        try:
            return json.loads(text) if text else None
        except ValueError as problem:
            raise StorageError(say("The policy of the bucket {name!r} is no JSON.", name=self.name)) from problem

    # Changing

    def set_cors_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the bucket's CORS rules; with none, remove them."""
        if rules:
            self._ask("put_bucket_cors", CORSConfiguration={"CORSRules": [dict(rule) for rule in rules]})
        else:
            self._ask("delete_bucket_cors")

    def set_policy(self, policy: dict[str, Any]) -> None:
        """Replace the bucket's policy; one without a statement is removed."""
        if policy["Statement"]:
            self._ask("put_bucket_policy", Policy=json.dumps(policy))
        else:
            self._ask("delete_bucket_policy")

    def _ask(self, call: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a call, an empty one where it says that nothing is set."""
        with translated(self._described):
            try:
                return getattr(self._client, call)(Bucket=self.name, **parameters)
            except ClientError as refusal:
                if code_of(refusal) in NOTHING_SET:
                    return {}
                raise _or_not_offered(refusal) from refusal


def _or_not_offered(refusal: ClientError) -> Exception:
    """Return `CallNotOffered` for a refusal that means so, else the refusal itself."""
    # One server takes PutBucketCors for CreateBucket, and finds the XML malformed.
    if code_of(refusal) in NOT_OFFERED | {"MalformedXML"} or status_of(refusal) in (405, 501):
        return CallNotOffered("This service has no such call in its S3 API.")
    return refusal


def cors_rules_if_seen(described: conf.BucketSettings) -> list[Rule] | None:
    """Return the bucket's CORS rules, None where they cannot be seen with this key."""
    with suppress(StorageError):
        return BucketApi(described).cors_rules()
    return None
