"""What the doctor asks of a bucket beyond its objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import StorageError

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
ANY_ACCOUNT = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
"""How S3 calls those to whom an ACL should give nothing: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"""


class CallNotOffered(StorageError):
    """This service has no such call in its S3 API."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store said of an object it took: its *version* where it keeps them, and how it is encrypted."""

    version: str | None
    encryption: str | None


class Bucket(Protocol):
    """One bucket, asked with the site's own access key.

    Keys are whole: no prefix is put before them. Every method raises only `StorageError`; `CallNotOffered` where the
    service does not know the call, `PermissionRefused` where the key may not make it.
    """

    name: str

    def put(self, key: str, body: bytes, *, acl: str | None = None, only_if_absent: bool = False) -> Stored:
        """Store *body*. Raise `AlreadyExists` if something is there that may not be replaced."""
        ...

    def delete(self, key: str, version: str | None = None) -> str | None:
        """Delete an object, or one version of it for good; return the version of the mark it leaves, if it does."""
        ...

    def try_an_upload_in_parts(self, key: str) -> None:
        """Begin an upload in parts, and give it up."""
        ...

    def others(self) -> list[str]:
        """Return the names of the other buckets that the key may see."""
        ...

    def grants(self) -> list[tuple[str, str]]:
        """Return what the bucket's ACL gives to whom, as pairs of grantee and permission."""
        ...

    def unfinished_are_cleared(self) -> bool:
        """Return whether a rule of the bucket clears away uploads that were never finished."""
        ...

    def cors_rules(self) -> Sequence[Mapping[str, Any]]:
        """Return the bucket's CORS rules; none is an empty list."""
        ...

    def policy(self) -> dict[str, Any] | None:
        """Return the bucket's policy, None if it has none."""
        ...
