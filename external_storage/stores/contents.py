"""Find out whether two objects of the same size hold the same bytes, with as little reading as will do."""

from __future__ import annotations

import hashlib
import threading

from ..errors import ObjectMissing
from ..objects import ObjectInfo, etag_of_parts
from .base import RemembersDigests, Source, Store

CHUNK = 1 << 20


class RecordedDigests:
    """Whether the MD5s recorded beside one store's objects may be believed although its ETags are other ones.

    A store that encrypts gives ETags that are no MD5; then one object is read back, and the records of the others are
    believed. Where an ETag has been an object's MD5, another ETag means other bytes, whatever was recorded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._etags_are_digests = False
        self._read_back = False

    def saw_etag_that_is_the_digest(self) -> None:
        self._etags_are_digests = True

    def tell(self, store: Store, described: ObjectInfo, md5: str) -> bool:
        """Return whether the object, beside which *md5* is recorded, holds the bytes with that MD5."""
        if self._etags_are_digests and described.md5 is not None:
            return md5_of(store, described.key) == md5
        with self._lock:  # the first is waited for
            if not self._read_back:
                self._read_back = md5_of(store, described.key) == md5
                return self._read_back
        return True


def same_content(
    source: Store,
    target: Store,
    source_info: ObjectInfo,
    target_info: ObjectInfo,
    recorded: RecordedDigests | None = None,
) -> bool:
    """Return whether the two objects, equal in size, hold the same bytes.

    1. The MD5 that the target's listing gives.
    2. What the target says of the object when asked (HEAD): how it was cut into parts, or the MD5 recorded beside it,
       if what is *recorded* there may be believed.
    3. Where it says neither, its bytes.
    """
    recorded = recorded or RecordedDigests()
    source_md5 = source_info.md5
    if target_info.md5 is not None:
        source_md5 = source_md5 or md5_of(source, source_info.key)
        if source_md5 == target_info.md5:
            recorded.saw_etag_that_is_the_digest()
            return True
    try:
        described = target.describe(target_info.key)
    except ObjectMissing:
        return False
    if described.size != source_info.size:
        return False
    if described.part_size is not None:
        return described.etag == parts_etag_of(source, source_info, described.part_size)
    source_md5 = source_md5 or md5_of(source, source_info.key)
    if described.recorded_md5 is not None and described.recorded_md5 != described.md5:
        return source_md5 == described.recorded_md5 and recorded.tell(target, described, source_md5)
    return source_md5 == (described.md5 or md5_of(target, target_info.key))


def md5_of(store: Store, key: str) -> str:
    """Read one whole version of the object and return its MD5."""
    with store.open(key) as opened:
        md5 = md5_of_source(opened)
    remember(store, opened.info, md5)
    return md5


def remember(store: Store, info: ObjectInfo, digest: str | None, part_size: int | None = None) -> None:
    """Tell a store that wants to know it the digest of the version, opened as *info*, that was just read from it."""
    remembering = _remembering(store)
    if digest is not None and remembering is not None:
        remembering.remember(info, digest, part_size)


def _remembering(store: Store) -> RemembersDigests | None:
    # Asked for each object: isinstance with a protocol would take a fifth of the time that one costs.
    return store if hasattr(store, "remember") else None


def md5_of_source(opened: Source) -> str:
    """Read an opened object to its end and return its MD5."""
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := opened.read(CHUNK):
        md5.update(chunk)
    opened.check_unchanged()
    return md5.hexdigest()


def parts_etag_of(store: Store, info: ObjectInfo, part_size: int) -> str:
    """Return the ETag that S3 would give to the object if it were sent in parts of *part_size* bytes."""
    remembering = _remembering(store)
    if remembering is not None and (known := remembering.recall(info, part_size)) is not None:
        return known
    digests = []
    with store.open(info.key) as opened:
        while digest := _digest_of_part(opened, part_size):
            digests.append(digest)
        opened.check_unchanged()
    etag = etag_of_parts(digests)
    remember(store, opened.info, etag, part_size)
    return etag


def _digest_of_part(opened: Source, part_size: int) -> bytes:
    """Return the MD5 of the next *part_size* bytes, b"" at the end."""
    md5, left = hashlib.md5(usedforsecurity=False), part_size
    while left and (chunk := opened.read(min(CHUNK, left))):
        md5.update(chunk)
        left -= len(chunk)
    return md5.digest() if left < part_size else b""
