"""Turn what the SDK of the live path raises into our errors, by one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from ..errors import (
    ClockSkewed,
    ContainerMissing,
    CredentialsRefused,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    RegionWrong,
    SlowDown,
    StorageError,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
)
from . import conf

# What a store says -> our error, the sentence, the remedy. {place} is the store, {BUCKET} and its like are the names by
# which the owner knows the settings.
TABLE: dict[str, tuple[type[StorageError], str, str]] = {
    "NoSuchBucket": (ContainerMissing, "There is no bucket {place}.", "Check {BUCKET} and {ENDPOINT_URL}, or make it."),
    "NoSuchKey": (ObjectMissing, "There is no such object in {place}.", ""),
    "InvalidAccessKeyId": (CredentialsRefused, "{place} does not know the access key.", "Check {ACCESS_KEY_ID}."),
    "SignatureDoesNotMatch": (
        CredentialsRefused,
        "The secret does not belong to the access key of {place}.",
        "Check {SECRET_ACCESS_KEY}.",
    ),
    "ExpiredToken": (CredentialsRefused, "The credentials for {place} have expired.", "Set new ones."),
    "InvalidToken": (CredentialsRefused, "{place} refuses the credentials.", "Set new ones."),
    "AccessDenied": (PermissionRefused, "The access key may not do this in {place}.", "Give it the right to."),
    "AllAccessDisabled": (PermissionRefused, "All access to {place} is disabled.", "Ask the provider why."),
    "AuthorizationHeaderMalformed": (RegionWrong, "{place} is in another region.", "Check {REGION}."),
    "PermanentRedirect": (RegionWrong, "{place} is in another region.", "Check {REGION} and {ENDPOINT_URL}."),
    "TemporaryRedirect": (RegionWrong, "{place} is in another region.", "Check {REGION} and {ENDPOINT_URL}."),
    "IllegalLocationConstraintException": (RegionWrong, "{place} is in another region.", "Check {REGION}."),
    "RequestTimeTooSkewed": (ClockSkewed, "This machine's clock and that of {place} differ.", "Set the clock right."),
    "QuotaExceeded": (StoreFull, "There is no room left in {place}.", "Raise the quota or remove something."),
    "InsufficientStorage": (StoreFull, "There is no room left in {place}.", "Raise the quota or remove something."),
    "KeyTooLongError": (KeyRefused, "The name is too long for {place}.", "Give the file a shorter name."),
    "InvalidObjectName": (KeyRefused, "{place} does not take this name.", "Rename the file."),
}
SLOW = {"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "429"}
BY_STATUS = {403: "AccessDenied", 301: "PermanentRedirect", 307: "TemporaryRedirect", 404: "NoSuchKey"}


@contextmanager
def translated(bucket: conf.BucketSettings, key: str | None = None) -> Iterator[None]:
    """Raise one of our errors for whatever the SDK raises in the block."""
    try:
        yield
    except ClientError as error:
        raise for_answer(error, bucket, key) from error
    except BotoCoreError as error:
        raise _for_connection(error, bucket, key) from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def for_answer(error: ClientError, bucket: conf.BucketSettings, key: str | None) -> StorageError:
    """Return our error for an answer that refuses. The store's own message is left out: it may echo our secrets."""
    code, status = code_of(error), status_of(error)
    place = f"s3://{bucket.bucket}/{bucket.prefix}"
    if code in SLOW or status == 429:
        return SlowDown(f"{place} asks for fewer requests.", key=key)
    # A HEAD has no body, so its code is only the status in other words.
    kind = TABLE.get(code) or TABLE.get(BY_STATUS.get(status, ""))
    if kind is None and (status >= 500 or code in ("RequestTimeout", "InternalError")):
        return TransientStoreError(f"{place} answered {status} {code}.", key=key, remedy="Please try again later.")
    if kind is None:
        return StoreRefused(f"{place} answered {status} {code}.", key=key, remedy="Run check_storage.")
    our_error, what, remedy = kind
    return our_error(what.format(place=place), key=key, remedy=remedy.format_map(_KnownNames()))


def _for_connection(error: BotoCoreError, bucket: conf.BucketSettings, key: str | None) -> StorageError:
    host = bucket.endpoint_url or "Amazon S3"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | ConnectionClosedError):
        return TransientStoreError(f"{host} did not answer in time.", key=key, remedy="Please try again later.")
    if isinstance(error, SSLError):
        return StoreUnreachable(f"{host} did not show a certificate that can be trusted.", key=key)
    if isinstance(error, EndpointConnectionError | ProxyConnectionError):
        remedy = "Check {ENDPOINT_URL} and {REGION}.".format_map(_KnownNames())
        return StoreUnreachable(f"Cannot reach the store at {host}.", key=key, remedy=remedy)
    return StoreRefused(f"{host} cannot be used ({type(error).__name__}).", key=key, remedy="Run check_storage.")


class _KnownNames(dict):
    """The names of settings, as the owner knows them, for a remedy that asks for them."""

    def __missing__(self, key: str) -> str:
        return conf.configuration().known_as(key)
