"""Read pages of ListObjectsV2."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from urllib.parse import unquote_plus

from ...objects import ObjectInfo

_FIELDS = re.compile(r"<(Key|LastModified|ETag|Size)>([^<]*)<")
_MD5 = re.compile(r"[0-9a-f]{32}\Z")

# The same fields, each for all entries of a page at once; the ETag only in the form that most stores give it.
_COLUMNS = [
    re.compile(pattern)
    for pattern in (
        r"<Key>([^<]*)<",
        r"<Size>([0-9]+)<",
        r"<ETag>(?:&quot;|&#34;|\")([0-9a-f]+(?:-[0-9]+)?)(?:&quot;|&#34;|\")<",
        r"<LastModified>([^<]*)<",
    )
]

_MD5_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and how to ask for the next; *next_token* is "" on the last."""

    objects: list[ObjectInfo]
    next_token: str


def read_page(text: str, *, strip: str) -> Page:
    """Read the XML of one page; every key begins with *strip*, which is taken off.

    Expressions instead of a parser: the form is fixed, and a parser costs ten times as much for a million objects.
    """
    head, _, rest = text.partition("<Contents>")
    around = head + rest.rpartition("</Contents>")[2]
    decode = _decode_url if "<EncodingType>url</EncodingType>" in around else unescape
    columns = [column.findall(rest) for column in _COLUMNS]
    if {len(column) for column in columns} == {text.count("<Contents>")}:
        objects = _from_columns(*columns, decode, len(strip))
    else:
        objects = [_read_entry(entry, decode, len(strip)) for entry in text.split("<Contents>")[1:]]
    return Page(objects, next_token(around))


def _from_columns(
    keys: list[str], sizes: list[str], etags: list[str], dates: list[str], decode: Callable[[str], str], cut: int
) -> list[ObjectInfo]:
    """Read the entries of a page on which each has all fields; in half the time that one after the other takes."""
    return [
        ObjectInfo(key[cut:], int(size), etag if len(etag) == _MD5_LENGTH else None, _seconds(date), etag)
        for key, size, etag, date in zip(_decoded(keys, decode), sizes, etags, dates, strict=True)
    ]


def _decoded(keys: list[str], decode: Callable[[str], str]) -> list[str]:
    # Most pages have nothing to decode but the slashes that some stores encode, if they encode at all.
    together = "\n".join(keys)
    if decode is _decode_url:
        together = together.replace("%2F", "/")
    apart = together.split("\n")
    is_plain = len(apart) == len(keys) and not any(character in together for character in ("&", "%", "+"))
    return apart if is_plain else [decode(key) for key in keys]


def _read_entry(entry: str, decode: Callable[[str], str], cut: int) -> ObjectInfo:
    fields = dict(_FIELDS.findall(entry))
    etag = clean_etag(fields.get("ETag", ""))
    return ObjectInfo(
        decode(fields["Key"])[cut:], int(fields["Size"]), md5_in(etag), _seconds(fields["LastModified"]), etag
    )


def _seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


def next_token(text: str) -> str:
    """Return what to ask for the next page with, "" on the last."""
    if "<IsTruncated>true</IsTruncated>" not in text:
        return ""
    found = re.search(r"<NextContinuationToken>([^<]*)<", text)
    return unescape(found[1]) if found else ""


def _decode_url(text: str) -> str:
    return unquote_plus(unescape(text), errors="surrogateescape")


def clean_etag(etag: str) -> str:
    """Return the ETag without quotes, entities, a weakness mark, and in lower case."""
    return unescape(etag).removeprefix("W/").strip('"').lower()


def md5_in(etag: str) -> str | None:
    """Return the ETag if it has the form of an MD5; one made from parts has not."""
    return etag if _MD5.match(etag) else None
