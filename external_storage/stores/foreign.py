"""Turn what somebody else's library raises into our errors, where it is not known which library that is.

Goes by what such errors have in common: a status, as of HTTP, or a name that says what happened. No message of theirs
is repeated, because it may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import (
    ContainerMissing,
    CredentialsRefused,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    SettingsError,
    SlowDown,
    SourceChanged,
    StorageError,
    StoreFull,
    StoreUnreachable,
    TransientStoreError,
)
from ..sentences import say

_NO_CONTAINER = {"ContainerNotFound", "ContainerBeingDeleted"}


@contextmanager
def translated(place: str, key: str | None) -> Iterator[None]:
    """Raise one of our errors for whatever is raised in the block."""
    try:
        yield
    except StorageError:
        raise
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=place), key=key) from error
    except FileExistsError as error:
        raise KeyRefused(say("A part of {key!r} is a file in {place}.", key=key, place=place), key=key) from error
    except PermissionError as error:
        raise PermissionRefused(
            say("{key!r} in {place} may not be used: {why}.", key=key, place=place, why=error.strerror),
            key=key,
        ) from error
    except NotImplementedError as error:
        raise SettingsError(say("{place} cannot do what is needed here (such as listing).", place=place)) from error
    except Exception as error:
        raise _by_what_it_has(error, place, key) from error


def _by_what_it_has(error: Exception, place: str, key: str | None) -> StorageError:
    status, kind = _status_of(error), type(error).__name__
    failed = f"{place} failed on {key!r} ({kind})."
    if kind == "SuspiciousFileOperation":
        return KeyRefused(say("{place} refuses the name {key!r}.", place=place, key=key), key=key)
    if getattr(error, "error_code", None) in _NO_CONTAINER:
        return ContainerMissing(
            say("The container of {place} does not exist.", place=place), remedy=say("Make it, or check its name.")
        )
    match status:
        case 404 if key is None:
            return ContainerMissing(
                say("{place} does not exist.", place=place), remedy=say("Make it, or check its name.")
            )
        case 404:
            return ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=place), key=key)
        case 401:
            return CredentialsRefused(say("{place} does not accept these credentials.", place=place), key=key)
        case 403:
            return PermissionRefused(say("{key!r} in {place} may not be used.", key=key, place=place), key=key)
        case 409 | 412:
            return SourceChanged(say("{key!r} in {place} is another object by now.", key=key, place=place), key=key)
        case 429:
            return SlowDown(say("{place} asks for fewer requests.", place=place), key=key)
        case 507:
            return StoreFull(say("{place} has no room left.", place=place), key=key)
    if status >= 500 or status == 408 or isinstance(error, TimeoutError) or "Timeout" in kind:
        return TransientStoreError(failed, key=key)
    if isinstance(error, ConnectionError) or kind in ("ServiceRequestError", "TransportError", "ConnectError"):
        return StoreUnreachable(
            say("Cannot reach {place}.", place=place), key=key, remedy=say("Check its address, and that it runs.")
        )
    if isinstance(error, OSError) or "Connection" in kind or kind == "ServiceResponseError":
        return TransientStoreError(failed, key=key)
    return StorageError(failed, key=key)


def _status_of(error: Exception) -> int:
    """Return the HTTP status that an error carries, 0 for none. Each library has its own place for it."""
    answer = getattr(error, "response", None)
    found = [getattr(error, name, None) for name in ("status_code", "code", "http_status")]
    found.append(getattr(answer, "status_code", None))
    for status in found:
        if isinstance(status, int) and 100 <= int(status) < 600:
            return int(status)
    return 0
