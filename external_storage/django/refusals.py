"""Turn what the SDK of the live path raises into our errors, by the same table as the bulk path's."""

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

from ..errors import StorageError, StoreRefused, StoreUnreachable, TransientStoreError
from ..sentences import say
from ..stores.s3.refusals import Refusal, translate
from . import conf


@contextmanager
def translated(bucket: conf.BucketSettings, key: str | None = None) -> Iterator[None]:
    """Raise one of our errors for whatever the SDK raises in the block."""
    try:
        yield
    except ClientError as error:
        raise translate(_refusal(error, bucket, key)) from error
    except BotoCoreError as error:
        raise _for_connection(error, bucket, key) from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refusal(error: ClientError, bucket: conf.BucketSettings, key: str | None) -> Refusal:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    # To a HEAD there is no body, and the SDK puts the status where the code would be.
    code = "" if code_of(error).isdigit() else code_of(error)
    return Refusal(
        status=status_of(error),
        code=code,
        message="",  # a store may repeat in it what it was sent
        headers=dict(headers),
        key=key,
        bucket=bucket.bucket,
        place=f"s3://{bucket.bucket}/{bucket.prefix}",
        endpoint=bucket.endpoint_url or "Amazon S3",
        region=bucket.region or "",
        named_region=str(error.response.get("Error", {}).get("Region", "") or headers.get("x-amz-bucket-region", "")),
    )


def _for_connection(error: BotoCoreError, bucket: conf.BucketSettings, key: str | None) -> StorageError:
    host = bucket.endpoint_url or "Amazon S3"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | ConnectionClosedError):
        return TransientStoreError(
            say("{host} did not answer in time.", host=host), key=key, remedy=say("Please try again later.")
        )
    if isinstance(error, SSLError):
        return StoreUnreachable(say("{host} did not show a certificate that can be trusted.", host=host), key=key)
    if isinstance(error, EndpointConnectionError | ProxyConnectionError):
        known_as = conf.configuration().known_as
        remedy = say(
            "Check {endpoint_setting} and {region_setting}, and that the store runs.",
            endpoint_setting=known_as("ENDPOINT_URL"),
            region_setting=known_as("REGION"),
        )
        return StoreUnreachable(say("Cannot reach the store at {host}.", host=host), key=key, remedy=remedy)
    return StoreRefused(
        say("{host} cannot be used ({error}).", host=host, error=type(error).__name__),
        key=key,
        remedy=say("Run check_storage."),
    )
