"""Name and describe objects: keys, what a store says of one, and the headers it is published with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import KeyRefused, StorageError
from .sentences import say

# S3 counts bytes, not characters: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
LONGEST_KEY_BYTES = 1024

# Backslashes and control characters: other systems take them for something else.
_MISLEADING = re.compile(r"[\x00-\x1f\x7f\\]")

# Names below /images/ and hashed static names are never reused for other bytes, so they may be kept for a year.
IMMUTABLE = "public, max-age=31536000, immutable"


@lru_cache(8192)  # each part of a run checks what it is given, a moment after the part before it
def check_key(key: str) -> str:
    """Return *key* if every store can hold it and none can be led astray by it, else raise `KeyRefused`.

    A key is ``/``-separated, relative, without empty, ``.`` or ``..`` segments, without backslashes and control
    characters, encodable as UTF-8, and at most 1,024 bytes long.
    """
    try:
        length = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        raise KeyRefused(
            say("The name {key!a} is not valid UTF-8.", key=key), key=key, remedy=say("Rename the file.")
        ) from None
    if not key:
        raise KeyRefused(say("An empty name cannot be stored."), key=key)
    if length > LONGEST_KEY_BYTES:
        raise KeyRefused(
            say(
                "The name {key!r}… has {length} bytes; {limit} is the limit.",
                key=key[:60],
                length=length,
                limit=LONGEST_KEY_BYTES,
            ),
            key=key,
        )
    segments = key.split("/")
    if "" in segments or "." in segments or ".." in segments:
        raise KeyRefused(say("The name {key!r} is absolute or has an empty, '.' or '..' part.", key=key), key=key)
    if _MISLEADING.search(key):
        raise KeyRefused(say("The name {key!r} has a backslash or a control character.", key=key), key=key)
    return key


def in_key_order(key: str) -> bytes:
    """Return what keys are sorted by: their UTF-8 bytes, the order S3 lists in (``a-b`` before ``a/b``)."""
    return key.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Headers:
    """How an object is served: MIME type, ``Cache-Control`` value, and whether anyone may read it.

    *public* is None where an answer does not tell (S3 says nothing of access in a HEAD).
    """

    content_type: str
    cache_control: str = ""
    public: bool | None = False


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of one object.

    *size* is in bytes; *md5* is 32 lower-case hex digits, only where the store vouches that it is the MD5 of the
    content; *modified* is seconds since the epoch; *etag* is whatever opaque version the store gives, unquoted;
    *headers* is None where the answer did not carry them (a listing does not). *recorded_md5* is what whoever stored
    the object wrote beside it; no store checks it. *part_size* is set where the etag is known to be made from the MD5s
    of parts of that many bytes (see `etag_of_parts`). *etag_proves* is set on what a put returns where the store knows
    no digests, took every byte, and gives another etag to what was changed since: who sees it later sees what was sent.
    """

    key: str
    size: int
    md5: str | None = None
    modified: float | None = None
    etag: str | None = None
    headers: Headers | None = None
    recorded_md5: str | None = None
    part_size: int | None = None
    etag_proves: bool = False


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something a walk met under *key* that can be no object, and why: a socket, a link out of the folder, …"""

    key: str
    error: StorageError


def etag_of_parts(part_digests: Sequence[bytes]) -> str:
    """Return the ETag S3 gives to an object uploaded in parts: the MD5 of the parts' MD5s, and their number."""
    return f"{hashlib.md5(b''.join(part_digests), usedforsecurity=False).hexdigest()}-{len(part_digests)}"


@dataclass(frozen=True, slots=True)
class Publish:
    """The rule's yes: the object may be stored, and is served with these headers."""

    headers: Headers


@dataclass(frozen=True, slots=True)
class HoldBack:
    """The rule's no: the object stays where it is, for this reason (a sentence for the owner)."""

    reason: str


# The site's rule, one per alias. It gets the key and the object's first bytes (at least 64 where there are as many),
# or None where only the name is known yet; then it may answer HoldBack for the name alone, and is asked again with the
# bytes before anything is published. The same rule decides for uploads and for copies.
PublishingRule = Callable[[str, bytes | None], Publish | HoldBack]
