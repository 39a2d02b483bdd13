"""Read pages of ListObjectsV2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from urllib.parse import unquote_plus

from ...objects import ObjectInfo

_FIELDS = re.compile(r"<(Key|LastModified|ETag|Size)>([^<]*)<")
_MD5 = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and how to ask for the next; *next_token* is "" on the last."""

    objects: list[ObjectInfo]
    next_token: str


def read_page(text: str, *, strip: str) -> Page:
    """Read the XML of one page; every key begins with *strip*, which is taken off.

    Expressions instead of a parser: the form is fixed, and a parser costs ten times as much for a million objects.
    """
    head, *entries = text.split("<Contents>")
    tail = entries[-1].rpartition("</Contents>")[2] if entries else ""
    cut = len(strip)
    decode = _decode_url if "<EncodingType>url</EncodingType>" in head + tail else unescape
    objects = [_read_entry(entry, decode, cut) for entry in entries]
    return Page(objects, next_token(head + tail))


def _read_entry(entry: str, decode, cut: int) -> ObjectInfo:
    fields = dict(_FIELDS.findall(entry))
    etag = clean_etag(fields.get("ETag", ""))
    return ObjectInfo(
        decode(fields["Key"])[cut:],
        int(fields["Size"]),
        md5_in(etag),
        datetime.fromisoformat(fields["LastModified"]).timestamp(),
        etag,
    )


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
