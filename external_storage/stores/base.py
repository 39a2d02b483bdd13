"""The contract between the pipeline and a place where bytes live.

A `Store` holds objects under keys, in one flat namespace. What not every store can do is a protocol of its own. Every
method raises only `external_storage.errors.StorageError`; every store passes ``tests/contract``. All methods may be
called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import StorageError
from ..objects import Headers, ObjectInfo, PassedOver


class Source(Protocol):
    """One object opened for reading."""

    info: ObjectInfo

    def read(self, size: int = -1, /) -> bytes:
        """Return up to *size* bytes, b"" at the end, all that is left for -1."""
        ...

    def restart(self) -> None:
        """Go back to the first byte of the same version, for a second try."""
        ...

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` unless what was read is one whole version of the object."""
        ...


@runtime_checkable
class Seekable(Protocol):
    """A source that can be read from any byte on, without reading what lies before."""

    def seek(self, position: int) -> None:
        """Read on from byte *position*, which there is, of the same version. Raise `SourceChanged` if that is gone.

        ``check_unchanged`` then speaks for what was read from there to the end.
        """
        ...


class Store(Protocol):
    """Somewhere bytes live under keys: a folder, a bucket with a prefix, memory, …"""

    name: str
    """How people call this store in settings and messages."""

    place: str
    """Where it is, without secrets: ``file:///srv/images``, ``s3://bucket/images``."""

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with *prefix* and lies in (*after*, *until*], in key order (UTF-8 bytes).

        Every page is read. Refused permission raises; it is never an empty listing.
        """
        ...

    def describe(self, key: str) -> ObjectInfo:
        """Return what the store says of one object now, headers included. Raise `ObjectMissing` if there is none."""
        ...

    def open(self, key: str) -> AbstractContextManager[Source]:
        """Open an object for reading as a stream. Raise `ObjectMissing` if there is none."""
        ...

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        """Store all of *source* under *key*, atomically: readers see the old object or the whole new one.

        The digest of what was sent is checked by the store where it can be, and returned as ``md5``. The source's
        ``check_unchanged`` is called before the object becomes visible wherever the store allows that.
        With ``replace=False`` an object already there raises `AlreadyExists` and stays as it was.
        """
        ...

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        """Delete the objects; missing ones are fine. Return each key with None or the error that befell it."""
        ...


@runtime_checkable
class Surveyed(Protocol):
    """A store whose walk can meet things that are no objects, and names them instead of hiding them."""

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        """Yield what ``list`` yields, and between it what was passed over."""
        ...


def walk_of(store: Store) -> Callable[..., Iterator[ObjectInfo | PassedOver]]:
    """Return the fullest walk that *store* has: its ``survey``, or else its ``list``."""
    return store.survey if isinstance(store, Surveyed) else store.list


def objects_among(entries: Iterable[ObjectInfo | PassedOver]) -> Iterator[ObjectInfo]:
    """Make a `Store.list` of a survey: a file that is no object is left out, a folder that cannot be read raises."""
    for entry in entries:
        if isinstance(entry, ObjectInfo):
            yield entry
        elif entry.key.endswith("/") or not entry.key:
            raise entry.error


class Sending(Protocol):
    """An object on its way into a store, begun by `SendsAhead.begin_put`."""

    waits_to_send: bool
    """Whether it can go on when its socket takes more; else, when there is something to read."""

    def fileno(self) -> int:
        """Return the socket it travels on now; another after `advance` has had to connect anew."""
        ...

    def advance(self, *, is_first: bool = True) -> bool:
        """Go on without waiting; return whether it has come to its end, good or bad. Never raises.

        Where several travel on one socket, the others need not look there again after the first one has.
        """
        ...

    def finish(self) -> ObjectInfo:
        """Wait for the end, and return or raise what `Store.put` does."""
        ...


@runtime_checkable
class SendsAhead(Protocol):
    """A store to which one thread can send many objects at once, without waiting for the answer to each."""

    @property
    def is_ready(self) -> bool:
        """Whether one more can be begun without waiting; False where that takes a new connection over a long way."""
        ...

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> Sending:
        """Begin to store *data*, whose MD5 is given, replacing what is there, with the promises of `Store.put`."""
        ...


@runtime_checkable
class ReadsWhole(Protocol):
    """A store from which a small object is read quicker in one go than as a stream."""

    def read_whole(self, key: str, most: int) -> tuple[ObjectInfo, bytes] | None:
        """Return one whole version of an object; None if it is larger than *most* bytes, or is changing just now."""
        ...


@runtime_checkable
class Republishes(Protocol):
    """A store that can change how an object is served without its bytes travelling."""

    def republish(self, info: ObjectInfo, headers: Headers) -> None:
        """Serve the object that *info* describes with *headers* from now on; its content and digests stay.

        An object that is another by now may raise `SourceChanged`. Look at the object afterwards: not every store that
        answers well did as it was told.
        """
        ...


@runtime_checkable
class Noted(Protocol):
    """A store that had to depart from its settings, and says so for the report."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Each a sentence for the owner, such as "this bucket decides access by its policy"."""
        ...


@runtime_checkable
class LeavesUnfinished(Protocol):
    """A store in which a killed process leaves something behind that no reader sees and nobody else clears away."""

    def clear_unfinished(self) -> int:
        """Remove what our own killed runs left, as far as it was met since the last call; return how much."""
        ...


@runtime_checkable
class RemembersUploads(Protocol):
    """A store that takes large objects in parts, and can go on with what a killed run began."""

    def remember_uploads_in(self, folder: Path) -> None:
        """Write down in *folder* from now on which uploads are ours, and take up those written down there."""
        ...


@runtime_checkable
class RetriesItself(Protocol):
    """A store that tries some requests again on its own, such as a single part of a large object."""

    def tell_of_retries(self, on_retry: Callable[[StorageError], None]) -> None:
        """Call *on_retry* from now on, from any thread, with each error that is tried again."""
        ...


@runtime_checkable
class TellsVersions(Protocol):
    """A store that can tell, without reading, that an object is still the one that was read before."""

    def version_of(self, info: ObjectInfo) -> tuple[str, str] | None:
        """Return what names the object, and what names its content; None while that may change unseen."""
        ...


@runtime_checkable
class RemembersDigests(Protocol):
    """A store that wants to hear the digests of what was read from it.

    *part_size* is None for the MD5 of the whole content; else what is meant is the ETag that its parts of so many bytes
    make (see `etag_of_parts`).
    """

    def remember(self, info: ObjectInfo, digest: str, part_size: int | None = None) -> None:
        """Keep the digest of the version that *info* was opened as."""
        ...

    def recall(self, info: ObjectInfo, part_size: int | None = None) -> str | None:
        """Return the digest of the version that *info* describes, if it is known."""
        ...
