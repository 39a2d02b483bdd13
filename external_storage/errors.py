"""Say what went wrong with a store, on which key, and what to do next.

One tree. Each store translates its library's exceptions into these at its border, by one table,
``raise … from cause``. A message never carries a secret, a signed URL or an Authorization header.

``exit_code`` is what a command that ends on the error returns (see ``docs/reference/exit-codes.md``).
"""

from __future__ import annotations

import signal
from typing import Any

from .sentences import joined, say


class StorageError(Exception):
    """The root: *what* failed, the *key* it failed on where there is one, and the *remedy* in one sentence."""

    exit_code = 1

    report: Any = None
    """What a run of `external_storage.transfer` had done when this error ended it."""

    def __init__(self, what: str, *, key: str | None = None, remedy: str = "") -> None:
        self.what = what
        self.key = key
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        """Return both sentences, which can still be said in another language where they could be."""
        return joined(filter(None, (self.what, self.remedy)), " ")


# Exit code 2: wrong usage or settings; nothing was touched.


class SettingsError(StorageError):
    """A setting or an argument is missing, malformed or contradicts another; *setting* names it."""

    exit_code = 2

    def __init__(self, what: str, *, setting: str | None = None, remedy: str = "") -> None:
        self.setting = setting
        super().__init__(what, remedy=remedy)


# Exit code 3: the store as a whole says no, so every further request would fail as well. Never retried.


class StoreRefused(StorageError):
    """The store refuses to work with us at all; a run stops at once."""

    exit_code = 3


class StoreUnreachable(StoreRefused):
    """No connection: refused, no such name, no route, or TLS could not be trusted."""


class CredentialsRefused(StoreRefused):
    """The key id is unknown, the secret does not match, or the credentials have expired."""


class PermissionRefused(StoreRefused):
    """The credentials are known, but may not do this. Never to be read as "missing"."""


class ContainerMissing(StoreRefused):
    """The bucket or folder itself does not exist (or is somebody else's)."""


class RegionWrong(StoreRefused):
    """The bucket lives in another region than the one configured."""


class ClockSkewed(StoreRefused):
    """This machine's clock and the store's differ by more than the store allows."""


class StoreFull(StoreRefused):
    """No room left: a quota, or a full disk."""


# One object. The run goes on with the others.


class ObjectMissing(StorageError):
    """The store answered, and definitely holds no object under this key."""


class KeyRefused(StorageError):
    """This key cannot be used, here or on this store (``..``, a control character, too long, …)."""

    exit_code = 4


class SourceChanged(StorageError):
    """The source grew, shrank or was replaced while it was read."""

    exit_code = 4


class SourceUnreadable(StorageError):
    """The source exists and cannot be read."""

    exit_code = 4


class KeptByRetention(StorageError):
    """The store keeps the object as it is, by a retention or a lock that somebody set on it."""

    exit_code = 4


class AlreadyExists(StorageError):
    """A conditional write found an object under the key."""


class DigestMismatch(StorageError):
    """What arrived is not what was sent."""


class ContentRefused(StorageError):
    """The site's publishing rule does not let these bytes become public; *what* is the reason."""

    exit_code = 4


# Passing trouble. Retried with a bound, then counted as a failure of that object.


class TransientStoreError(StorageError):
    """A reset connection, a time-out, a 5xx: the same request may succeed later."""


class SlowDown(TransientStoreError):
    """The store asks for fewer requests (503 SlowDown, 429); *retry_after* is in seconds where it said."""

    def __init__(self, what: str, *, key: str | None = None, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(what, key=key, remedy=say("Run the same command again later."))


# Exit codes 5 and 6.


class VerificationFailed(StorageError):
    """Verification found objects that are missing or differ."""

    exit_code = 5


class LockHeld(StorageError):
    """Another run works on the same alias; *what* names its process and when it began."""

    exit_code = 6


# Exit codes 130 and 143 (128 and the signal's number).


class Interrupted(StorageError):
    """A signal asked the run to stop."""

    def __init__(self, signum: int) -> None:
        self.exit_code = 128 + signum
        super().__init__(
            say("Stopped by {signal}.", signal=signal.Signals(signum).name),
            remedy=say("Nothing is lost: run the same command again to go on."),
        )
