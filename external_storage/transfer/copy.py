"""Copy one object: stream it, hashing on the way, and let no half of it be seen."""

from __future__ import annotations

from ..errors import ContentRefused, SourceChanged
from ..objects import Headers, HoldBack, ObjectInfo
from ..stores.base import Source, Store
from ..stores.contents import remember
from ..stores.sources import PeekedSource
from .plan import Rules

# A source that is written to all the time would keep us for ever.
TRIES = 3

# Most pictures fit, and are then read in one go.
FIRST_BYTES = 1 << 20

# Larger objects are not sent ahead: what is on its way is held in memory.
LARGEST_AHEAD = FIRST_BYTES


def copy_object(source: Store, target: Store, key: str, rules: Rules) -> ObjectInfo:
    """Store the source's object in the target and return what was sent, with its digest.

    Raise `ContentRefused` if the site's rule, given the first bytes, does not let them be published, and
    `SourceChanged` if the object changed each of the times it was read.
    """
    for _ in range(TRIES - 1):
        try:
            return _copy_once(source, target, key, rules)
        except SourceChanged:
            continue
    return _copy_once(source, target, key, rules)


def read_to_copy(source: Store, key: str, rules: Rules) -> tuple[ObjectInfo, bytes, Headers] | None:
    """Read a small object of a source that `ReadsWhole`: the version, its bytes, and how it is to be published.

    Return None for what `copy_object` has to do instead; raise `ContentRefused` as that does.
    """
    read = source.read_whole(key, LARGEST_AHEAD)
    return None if read is None else (*read, _headers(key, read[1], rules))


def _headers(key: str, first_bytes: bytes, rules: Rules) -> Headers:
    answer = rules.publish(key, first_bytes)
    if isinstance(answer, HoldBack):
        raise ContentRefused(answer.reason, key=key)
    return answer.headers


def _copy_once(source: Store, target: Store, key: str, rules: Rules) -> ObjectInfo:
    with source.open(key) as opened:
        first_bytes = _read_first(opened, min(opened.info.size, FIRST_BYTES))
        headers = _headers(key, first_bytes, rules)
        peeked = PeekedSource(opened, first_bytes)
        stored = target.put(key, peeked, headers, replace=rules.on_difference == "replace")
    remember(source, opened.info, stored.md5)
    if stored.part_size is not None:
        remember(source, opened.info, stored.etag, stored.part_size)
    return stored


def _read_first(opened: Source, size: int) -> bytes:
    """Return the first *size* bytes; fewer only if there are no more."""
    first = opened.read(size)
    while len(first) < size and (more := opened.read(size - len(first))):
        first += more
    return first
