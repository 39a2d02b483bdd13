"""Turn an S3 error answer into one of ours, by one table.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html names the codes; the others were met elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ...errors import (
    AlreadyExists,
    ClockSkewed,
    ContainerMissing,
    CredentialsRefused,
    DigestMismatch,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    RegionWrong,
    SlowDown,
    StorageError,
    StoreFull,
    StoreRefused,
    TransientStoreError,
)
from ...sentences import say
from .signing import Credentials

# S3 itself allows fifteen minutes.
TOLERATED_SKEW = 15 * 60


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the store answered, and what it was about."""

    status: int
    code: str
    message: str
    headers: dict[str, str]
    key: str | None
    bucket: str
    place: str
    endpoint: str
    region: str
    named_region: str

    @property
    def about(self) -> str:
        return say("{key!r} in {place}", key=self.key, place=self.place) if self.key is not None else self.place

    @classmethod
    def read(
        cls,
        status: int,
        headers: dict[str, str],
        body: bytes,
        *,
        key: str | None,
        bucket: str,
        place: str,
        endpoint: str,
        region: str,
        credentials: Credentials,
    ) -> Refusal:
        """Read an error answer. The store's own words are dropped if they repeat anything of how we signed."""
        text = body.decode("utf-8", "replace")
        message = _field(text, "Message")
        if credentials.appear_in(message) or re.search(
            r"AWS4-HMAC|Signature=|Credential=|authorization", message, re.I
        ):
            message = ""
        message = "".join(c for c in message if c.isprintable())[:200]
        named = _field(text, "Region") or headers.get("x-amz-bucket-region", "")
        return cls(status, _field(text, "Code"), message, headers, key, bucket, place, endpoint, region, named)


def translate(refusal: Refusal) -> StorageError:
    """Return the error that tells what the store refused, and what to do next."""
    skew = _clock_skew(refusal)
    if skew is not None and (refusal.status == 403 or refusal.code == "RequestTimeTooSkewed"):
        return _clock_skewed(skew, refusal)
    make = _BY_CODE.get(refusal.code) or _BY_STATUS.get(refusal.status) or _unexpected
    return make(refusal)


def _credentials(refusal: Refusal) -> StorageError:
    why = {
        "SignatureDoesNotMatch": say("the secret does not match the access key"),
        "ExpiredToken": say("they have expired"),
        "TokenRefreshRequired": say("they have expired"),
    }.get(refusal.code, say("the access key is unknown or no longer valid"))
    return CredentialsRefused(
        say("{place} does not accept the credentials: {why}.", place=refusal.place, why=why),
        key=refusal.key,
        remedy=say("Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."),
    )


def _permission(refusal: Refusal) -> StorageError:
    return PermissionRefused(
        say(
            "The credentials are known, but may not do this to {about} ({code}).",
            about=refusal.about,
            code=refusal.code or refusal.status,
        ),
        key=refusal.key,
        remedy=say("Allow listing, reading, writing and deleting for this access key in the bucket's settings."),
    )


def _no_bucket(refusal: Refusal) -> StorageError:
    return ContainerMissing(
        say("There is no bucket {bucket!r} at {place}.", bucket=refusal.bucket, place=refusal.endpoint),
        remedy=say("Check AWS_STORAGE_BUCKET_NAME and AWS_S3_ENDPOINT_URL; the bucket is not made for you."),
    )


def _region(refusal: Refusal) -> StorageError:
    right = refusal.named_region
    if not right and 300 <= refusal.status < 400:
        return StoreRefused(
            say("{place} points to another address; signed requests are not sent there.", place=refusal.place),
            remedy=say("Set AWS_S3_ENDPOINT_URL and AWS_S3_REGION_NAME to where the bucket is."),
        )
    named = {"bucket": refusal.bucket, "region": refusal.region}
    if not right:
        return RegionWrong(
            say("The bucket {bucket!r} is not in the region {region!r}.", **named),
            remedy=say("Set AWS_S3_REGION_NAME to the bucket's region."),
        )
    return RegionWrong(
        say("The bucket {bucket!r} is not in the region {region!r} but in {right!r}.", **named, right=right),
        remedy=say("Set AWS_S3_REGION_NAME to {right}.", right=right),
    )


def _clock_skew(refusal: Refusal) -> float | None:
    """Return by how many seconds our clock is ahead of the store's, if by more than it tolerates."""
    try:
        theirs = parsedate_to_datetime(refusal.headers.get("date", "")).timestamp()
    except ValueError:
        return None
    ahead = time.time() - theirs
    return ahead if abs(ahead) > TOLERATED_SKEW else None


def _clock_skewed(skew: float, refusal: Refusal) -> StorageError:
    minutes = round(abs(skew) / 60)
    way = say("{minutes} min ahead of", minutes=minutes) if skew > 0 else say("{minutes} min behind", minutes=minutes)
    return ClockSkewed(
        say("This machine's clock is {way} the store's.", way=way),
        remedy=say("Set the clock, best by NTP, and run the same command again."),
    )


def _clock_said(refusal: Refusal) -> StorageError:
    return ClockSkewed(
        say("{place} says that this machine's clock is wrong.", place=refusal.place),
        remedy=say("Set the clock, best by NTP."),
    )


def _slow_down(refusal: Refusal) -> StorageError:
    after = refusal.headers.get("retry-after", "")
    seconds = float(after) if after.isdigit() else None
    return SlowDown(say("{place} asks us to slow down.", place=refusal.place), key=refusal.key, retry_after=seconds)


def _full(refusal: Refusal) -> StorageError:
    return StoreFull(
        say("{place} has no room left ({code}).", place=refusal.place, code=refusal.code or refusal.status),
        key=refusal.key,
        remedy=say("Raise the quota, then run the same command again."),
    )


def _no_object(refusal: Refusal) -> StorageError:
    return ObjectMissing(say("There is no {about}.", about=refusal.about), key=refusal.key)


def _key(refusal: Refusal) -> StorageError:
    return KeyRefused(
        say("The store refuses the name of {about}.", about=refusal.about),
        key=refusal.key,
        remedy=say("Rename the file."),
    )


def _digest(refusal: Refusal) -> StorageError:
    return DigestMismatch(
        say("What arrived of {about} is not what was sent ({code}).", about=refusal.about, code=refusal.code),
        key=refusal.key,
    )


def _exists(refusal: Refusal) -> StorageError:
    return AlreadyExists(say("There is already a {about}.", about=refusal.about), key=refusal.key)


def _passing(refusal: Refusal) -> StorageError:
    said = f"{refusal.status} {refusal.code}".strip()
    return TransientStoreError(
        say("The store had trouble with {about} ({said}).", about=refusal.about, said=said),
        key=refusal.key,
        remedy=say("Run the same command again later."),
    )


def _unexpected(refusal: Refusal) -> StorageError:
    said = f"{refusal.status} {refusal.code}".strip() + (f": {refusal.message}" if refusal.message else "")
    return StorageError(say("The store refused {about} ({said}).", about=refusal.about, said=said), key=refusal.key)


_Translation = Callable[[Refusal], StorageError]

_BY_CODE: dict[str, _Translation] = {
    code: make
    for make, codes in {
        _credentials: "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken TokenRefreshRequired "
        "InvalidSecurity NotSignedUp UnrecognizedClientException AuthorizationHeaderMissing",
        _permission: "AccessDenied AllAccessDisabled AccountProblem InvalidPayer UnauthorizedAccess "
        "InvalidObjectState MethodNotAllowed Forbidden",
        _no_bucket: "NoSuchBucket",
        _region: "AuthorizationHeaderMalformed PermanentRedirect TemporaryRedirect Redirect "
        "IllegalLocationConstraintException IncorrectEndpoint",
        _clock_said: "RequestTimeTooSkewed RequestExpired",
        _slow_down: "SlowDown Throttling ThrottlingException RequestLimitExceeded TooManyRequests "
        "RequestThrottled BandwidthLimitExceeded",
        _full: "QuotaExceeded StorageFull XMinioStorageFull StorageQuotaExceeded InsufficientStorage "
        "TotalStorageLimitExceeded",
        _no_object: "NoSuchKey NoSuchVersion",
        _key: "KeyTooLongError KeyTooLong InvalidObjectName XMinioInvalidObjectName InvalidURI",
        _digest: "BadDigest InvalidDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch IncompleteBody",
        _exists: "PreconditionFailed",
        _passing: "InternalError RequestTimeout OperationAborted ConditionalRequestConflict RequestTimeoutException",
    }.items()
    for code in codes.split()
}

_BY_STATUS: dict[int, _Translation] = {
    301: _region,
    302: _region,
    307: _region,
    308: _region,
    401: _credentials,
    403: _permission,
    404: _no_object,
    408: _passing,
    412: _exists,
    413: _full,  # what Swift says when a quota is used up
    429: _slow_down,
    500: _passing,
    502: _passing,
    503: _slow_down,
    504: _passing,
    507: _full,
}


def _field(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return found[1].strip() if found else ""
