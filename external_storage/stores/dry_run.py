"""Read from a store, and be sure that nothing in it changes."""

from __future__ import annotations

from ..errors import SettingsError, StorageError
from ..objects import Headers, ObjectInfo
from ..sentences import say
from .base import Source
from .passing_on import PassesReadingOn


class DryRunStore(PassesReadingOn):
    """A store that reads as the other one does and refuses every write."""

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        raise SettingsError(say("This is a dry run; {key!r} was not written to {place}.", key=key, place=self.place))

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        raise SettingsError(say("This is a dry run; nothing was deleted from {place}.", place=self.place))
