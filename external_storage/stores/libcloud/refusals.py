"""Turn what Apache Libcloud raises into our errors. No message of a service is repeated: it may hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from libcloud.common.exceptions import BaseHTTPError, RateLimitReachedError
from libcloud.common.types import InvalidCredsError, LibcloudError
from libcloud.storage.types import ContainerDoesNotExistError, ObjectDoesNotExistError, ObjectHashMismatchError
from requests import ConnectionError, RequestException, Timeout
from requests.exceptions import SSLError
from urllib3.exceptions import NewConnectionError

from ...errors import (
    ContainerMissing,
    CredentialsRefused,
    DigestMismatch,
    ObjectMissing,
    PermissionRefused,
    SlowDown,
    SourceChanged,
    StorageError,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
)
from ...sentences import say

# The library tells the status in a sentence where its own exceptions have no word for it.
_STATUS = re.compile(r"\b([45]\d\d)\b")


@contextmanager
def translated(place: str, key: str | None = None) -> Iterator[None]:
    """Raise one of our errors for whatever the library raises in the block."""
    try:
        yield
    except ObjectDoesNotExistError as error:
        raise ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=place), key=key) from error
    except ContainerDoesNotExistError as error:
        what = say("The container of {place} does not exist.", place=place)
        raise ContainerMissing(what, remedy=say("Make it, or check its name.")) from error
    except InvalidCredsError as error:
        what = say("{place} does not accept this key, or does not let it do this.", place=place)
        raise CredentialsRefused(what, key=key, remedy=say("Check KEY and SECRET, and what they may do.")) from error
    except ObjectHashMismatchError as error:
        raise DigestMismatch(
            say("{key!r} did not arrive in {place} as it was sent.", key=key, place=place), key=key
        ) from error
    except RateLimitReachedError as error:
        raise SlowDown(
            say("{place} asks for fewer requests.", place=place), key=key, retry_after=error.retry_after or None
        ) from error
    except PermissionError as error:
        raise PermissionRefused(say("{key!r} in {place} may not be used.", key=key, place=place), key=key) from error
    except Timeout as error:
        raise TransientStoreError(say("{place} did not answer in time.", place=place), key=key) from error
    except ConnectionError as error:
        if not _never_connected(error):
            raise TransientStoreError(say("{place} broke the connection off.", place=place), key=key) from error
        raise StoreUnreachable(
            say("Cannot reach {place}.", place=place),
            key=key,
            remedy=say("Check host and port, and that the service runs."),
        ) from error
    except (RequestException, OSError) as error:
        raise TransientStoreError(
            say("{place} failed on {key!r} ({name}).", place=place, key=key, name=type(error).__name__), key=key
        ) from error
    except (LibcloudError, BaseHTTPError) as error:
        raise _for_status(_status_in(error), place, key) from error


def _never_connected(error: ConnectionError) -> bool:
    """Return whether nobody answered at all, or nobody whose certificate can be trusted."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, SSLError) or isinstance(reason, NewConnectionError)


def _status_in(error: Exception) -> int:
    if status := getattr(error, "code", None) or getattr(error, "http_code", None):
        return int(status)
    found = _STATUS.search(str(error))
    return int(found[1]) if found else 0


def _for_status(status: int, place: str, key: str | None) -> StorageError:
    if status == HTTPStatus.PRECONDITION_FAILED:
        return SourceChanged(say("{key!r} in {place} is another object by now.", key=key, place=place), key=key)
    passing = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)
    if status in passing or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED):
        return TransientStoreError(
            say("{place} failed on {key!r} (status {status}).", place=place, key=key, status=status), key=key
        )
    said = f"status {status}" if status else "without a reason"
    return StoreRefused(
        say("{place} refused the request ({said}).", place=place, said=said),
        key=key,
        remedy=say("Check the driver's options."),
    )
