"""Decide which part of a file a request asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

# Several ranges at once are nobody's need for pictures and archives, and a known way to tire a server out.
_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from *start* up to and without *stop*, of *size* in all. None of them where it cannot be given."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """What the ``Content-Range`` header says of it."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}" if self.length else f"bytes */{self.size}"


def part_asked_for(wanted: str, size: int) -> Part | None:
    """Return the part of *size* bytes that the ``Range`` header *wanted* names, None for all of it.

    ================================  ==============================
    the header                        the answer
    ================================  ==============================
    ``bytes=2-4``                     from the third to the fifth
    ``bytes=2-``                      from the third on
    ``bytes=-2``                      the last two
    one that begins after the end     a part without bytes (416)
    ``bytes=-0``                      a part without bytes (416)
    several ranges, or none that is   None: all of it, as if nobody
    well formed, or another unit      had asked (RFC 9110, 14.2)
    ================================  ==============================
    """
    match = _ONE_RANGE.fullmatch(wanted.strip())
    if not match or match.groups() == ("", "") or len(wanted) > 100:
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        return Part(size - length, size, size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        return Part(0, 0, size)
    return Part(start, min(int(last) + 1, size) if last else size, size)


def still_holds(condition: str, etag: str, modified: int | None) -> bool:
    """Return whether the file is still the one that ``If-Range`` names, by its quoted *etag* or its time."""
    condition = condition.strip()
    if condition.startswith(('"', "W/")):
        return bool(etag) and condition == etag and not etag.startswith("W/")
    try:
        return modified is not None and int(parsedate_to_datetime(condition).timestamp()) == modified
    except ValueError:
        return False
