"""Keep objects in a bucket, under a prefix of it."""

from __future__ import annotations

import hashlib
import re
import threading
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import lru_cache
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from ...errors import (
    AlreadyExists,
    KeptByRetention,
    ObjectMissing,
    PermissionRefused,
    SettingsError,
    SourceChanged,
    StorageError,
    TransientStoreError,
)
from ...objects import Headers, ObjectInfo, check_key
from ...sentences import say
from ..base import Source
from ..sources import BytesSource, check_digest
from .client import S3Client
from .connection import Answer, Exchange
from .listing import Page, clean_etag, md5_in, next_token, read_page
from .multipart import SMALLEST_PART, part_size_for
from .ranges import list_in_ranges
from .signing import Credentials, encode
from .tree_order import in_key_order_from_tree
from .unfinished import Records
from .uploads import Uploads

# Where we write an object's MD5 beside it, for stores whose ETag is none and for objects sent in parts. The name and
# the form (Base64) are those that rclone reads and writes.
RECORDED_MD5 = "x-amz-meta-md5chksum"

# How many bytes each part of an object had; with it, its ETag can be computed from the original again.
RECORDED_PART_SIZE = "x-amz-meta-part-size"

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
MOST_DELETED_AT_ONCE = 1000

# Parts held in memory at once, over all uploads of a store.
PART_BUFFERS = 8

# Unfinished uploads of others that are named in the report.
MOST_UPLOADS_NAMED = 10

# What stores that decide access by policy answer to an ACL header (Amazon since 2023; R2 says 501).
_ACL_REFUSED = {"AccessControlListNotSupported", "InvalidBucketAclWithObjectOwnership"}

# Until when nobody may delete or replace an object; a legal hold has no end.
RETAINED_UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"

# S3 says 200; what only resembles it says 201 for a new object and 204 for a replaced one.
_STORED = (200, 201, 204)

_BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]\Z")


class S3Store:
    """The objects of *bucket* whose names begin with *prefix*.

    *acl* is the canned ACL for objects that anyone may read; None sends none, for buckets that decide by policy.
    Without *endpoint_url* it is Amazon's for the region. *credentials*, where given instead of a fixed key, is asked
    anew every minute, for those that expire.
    """

    def __init__(
        self,
        name: str,
        *,
        bucket: str,
        prefix: str = "",
        region: str = "",
        endpoint_url: str | None = None,
        access_key_id: str = "",
        secret_access_key: str = "",
        session_token: str | None = None,
        credentials: Callable[[], Credentials] | None = None,
        acl: Literal["public-read", "private"] | str | None = None,
        addressing_style: Literal["auto", "path", "virtual"] = "auto",
        ca_bundle: str | None = None,
    ) -> None:
        if not _BUCKET_NAME.match(bucket):
            raise SettingsError(say("{bucket!r} is no bucket name.", bucket=bucket), setting="bucket")
        if prefix and (prefix.startswith("/") or not prefix.endswith("/")):
            raise SettingsError(
                say("The prefix {prefix!r} must end with a slash and not begin with one.", prefix=prefix),
                setting="prefix",
            )
        self.name = name
        self.bucket = bucket
        self.prefix = prefix
        self.region = region or "us-east-1"
        self.place = f"s3://{bucket}/{prefix}".rstrip("/")
        endpoint = endpoint_url or f"https://s3.{self.region}.amazonaws.com"
        fixed = Credentials(access_key_id, secret_access_key, session_token)
        self._client = S3Client(
            bucket=bucket,
            region=self.region,
            endpoint_url=endpoint,
            credentials=credentials or (lambda: fixed),
            virtual_addressing=_is_virtual(addressing_style, endpoint, bucket),
            place=self.place,
            ca_bundle=ca_bundle,
        )
        self._acl = acl
        self._notes: dict[str, None] = {}
        self._uploads = Uploads(self._client, f"{endpoint}/{bucket}", buffers=threading.BoundedSemaphore(PART_BUFFERS))
        # Until the bucket has answered once, a bare 404 may mean that the bucket itself is missing.
        self._bucket_seen = False
        self._lists_as_tree: bool | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        listing = list_in_ranges(self._pages, prefix, after, until)
        if self._lists_as_tree is None:
            first = next(listing, None)  # its answer tells what kind of store this is
            listing = chain(() if first is None else (first,), listing)
        if self._lists_as_tree:
            listing = in_key_order_from_tree(self._listing, self._first_listed, prefix, after, until)
        yield from listing

    def describe(self, key: str) -> ObjectInfo:
        full = self._full(key)
        answer, body = self._client.ask("HEAD", full)
        if answer.status != 200:
            raise self._explain_head(answer, body, key)
        self._bucket_seen = True
        info = _info(key, answer)
        if "-" in (info.etag or "") and info.part_size is None and info.recorded_md5 is None:
            info = replace(info, part_size=self._size_of_first_part(full, info.size))
        return info

    def _size_of_first_part(self, full: str, size: int) -> int | None:
        """Ask how an object of another program was cut into parts; not every store can tell."""
        answer, _ = self._client.ask("HEAD", full, query={"partNumber": "1"})
        told = int(answer.headers.get("content-length", "0"))
        return told if answer.status == 206 and 0 < told < size else None

    def open(self, key: str) -> _S3Source:
        return _S3Source(key, lambda headers: self._get(key, headers), self._client.end)

    def _get(self, key: str, headers: dict[str, str]) -> Answer:
        answer = self._client.request("GET", self._full(key), headers=headers)
        if answer.status not in (200, 206):
            body = answer.body()
            self._client.end(answer)
            raise self._client.error(answer, body, key)
        self._bucket_seen = True
        return answer

    def _listing(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """Yield what the store lists, page after page, in the store's own order."""
        for page in self._pages(prefix, after, ahead=True):
            yield from page.objects

    def _first_listed(self, prefix: str, after: str) -> ObjectInfo | None:
        return next((info for page in self._pages(prefix, after, most=1) for info in page.objects), None)

    def _pages(self, prefix: str, after: str, *, ahead: bool = False, most: int | None = None) -> Iterator[Page]:
        """Yield page after page of *most* objects; *ahead*, each is asked for before the one before it is even read."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": self.prefix + prefix}
        if most:
            query["max-keys"] = str(most)
        if after:
            query["start-after"] = self.prefix + after
        asked: Exchange | None = None
        try:
            while True:
                asked, answered = None, asked or self._client.begin("GET", query=query)
                text = self._page_in(*self._client.take(answered))
                token = next_token(text)
                query = {**query, "continuation-token": token}
                if token and ahead:
                    asked = self._client.begin("GET", query=query)
                yield read_page(text, strip=self.prefix)
                if not token:
                    return
        finally:
            if asked is not None:
                asked.abandon()

    def _page_in(self, answer: Answer, body: bytes) -> str:
        if answer.status != 200 or not body.rstrip().endswith(b"</ListBucketResult>"):
            raise self._listing_failed(answer, body)
        self._bucket_seen = True
        self._lists_as_tree = answer.headers.get("server", "").startswith("SeaweedFS")
        return body.decode("utf-8", "surrogateescape")

    def _listing_failed(self, answer: Answer, body: bytes) -> StorageError:
        if answer.status == 200:
            return TransientStoreError(say("The listing of {place} broke off.", place=self.place))
        return self._client.error(answer, body, None)

    def _explain_head(self, answer: Answer, body: bytes, key: str) -> StorageError:
        """Ask again with GET, which may say why, unless a plain 404 leaves no doubt."""
        if answer.status == 404 and self._bucket_seen:
            return ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=self.place), key=key)
        try:
            again = self._get(key, {"range": "bytes=0-0"})
        except StorageError as error:
            return error
        again.keeps_connection = False
        self._client.end(again)
        return TransientStoreError(
            say("{place} answers {status} and then 200 for {key!r}.", place=self.place, status=answer.status, key=key),
            key=key,
        )

    # Writing

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        full = self._full(key)
        condition = {} if replace else self._condition_of_absence(key)
        if source.info.size > SMALLEST_PART:
            return self._put_in_parts(key, full, source, headers, condition)
        data = _read_whole(source)
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        check_digest(source.info, md5.hex())
        answer, body = self._ask_published("PUT", full, condition | _digests(md5), headers, body=data)
        return self._stored_whole(key, data, md5, headers, answer, body)

    @property
    def is_ready(self) -> bool:
        return self._client.is_ready

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> _S3Sending:
        return _S3Sending(self, key, data, md5, headers)

    def republish(self, info: ObjectInfo, headers: Headers) -> None:
        """Let the store copy the object onto itself with other headers; what we recorded beside it goes along."""
        full = self._full(info.key)
        request = {
            "x-amz-copy-source": f"/{encode(self.bucket)}/{encode(full, safe='/')}",
            "x-amz-copy-source-if-match": f'"{info.etag}"',
            "x-amz-metadata-directive": "REPLACE",
        }
        if info.recorded_md5 is not None:
            request[RECORDED_MD5] = b64encode(bytes.fromhex(info.recorded_md5)).decode()
        if info.part_size is not None:
            request[RECORDED_PART_SIZE] = str(info.part_size)
        # Whatever the store refuses of it, no conclusion is drawn for uploads.
        answer, body = self._client.ask("PUT", full, headers=request | self._published(headers))
        if answer.status == 412:
            raise SourceChanged(say("{key!r} was replaced meanwhile.", key=info.key), key=info.key)
        if answer.status not in _STORED or b"<Error>" in body:
            raise self._client.error(answer, body, info.key)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        results: dict[str, StorageError | None] = {}
        for start in range(0, len(keys), MOST_DELETED_AT_ONCE):
            results.update(self._delete_batch(keys[start : start + MOST_DELETED_AT_ONCE]))
        return results

    def remember_uploads_in(self, folder: Path) -> None:
        self._uploads.records = Records(folder)

    def tell_of_retries(self, on_retry: Callable[[StorageError], None]) -> None:
        self._uploads.on_retry = on_retry

    def clear_unfinished(self) -> int:
        """Abort the uploads in parts that killed runs of ours left; name the others, and leave them alone."""
        try:
            cleared, others = self._uploads.clear(self.prefix)
        except StorageError as error:
            self._notes[f"Whether unfinished uploads lie in {self.place} could not be found out: {error.what}"] = None
            return 0
        if others:
            names = ", ".join(f"{each.key!r} ({each.upload_id})" for each in others[:MOST_UPLOADS_NAMED])
            more = f" and {len(others) - MOST_UPLOADS_NAMED} more" if len(others) > MOST_UPLOADS_NAMED else ""
            self._notes[
                f"Unfinished uploads lie in {self.place} that were not begun here, and were left alone: {names}{more}."
            ] = None
        return cleared

    def _stored_whole(
        self, key: str, data: bytes, md5: bytes, headers: Headers, answer: Answer, body: bytes
    ) -> ObjectInfo:
        """Return what the store's answer to a PUT says it holds now."""
        if answer.status == 412 and (own := self._own_object(key, md5.hex())) is not None:
            etag = own.etag or ""
        elif answer.status not in _STORED or b"<Error>" in body:
            error = self._client.error(answer, body, key)
            raise (self._kept(key) if isinstance(error, PermissionRefused) else None) or error
        else:
            etag = clean_etag(answer.headers.get("etag", ""))
        self._bucket_seen = True
        return ObjectInfo(key, len(data), md5.hex(), etag=etag, headers=headers)

    def _own_object(self, key: str, md5: str) -> ObjectInfo | None:
        """Return what is there if it has this MD5: then a request of ours was carried out and its answer got lost."""
        seen = self.describe(key)
        return seen if md5 in (seen.md5, seen.recorded_md5) else None

    def _put_in_parts(
        self, key: str, full: str, source: Source, headers: Headers, condition: dict[str, str]
    ) -> ObjectInfo:
        info = source.info
        part_size = part_size_for(info.size)
        request = {RECORDED_PART_SIZE: str(part_size)}
        if info.md5 or info.recorded_md5:
            request[RECORDED_MD5] = b64encode(bytes.fromhex(info.md5 or info.recorded_md5 or "")).decode()
        upload = self._uploads.begin(
            full,
            request | self._published(headers),
            lambda: self._ask_published("POST", full, request, headers, query={"uploads": ""}),
        )
        etag = upload.send(source, part_size=part_size, condition=condition)
        return ObjectInfo(key, info.size, info.md5, etag=etag, headers=headers, part_size=part_size)

    def _condition_of_absence(self, key: str) -> dict[str, str]:
        """Raise `AlreadyExists` if the object is there, and return the header that guards the moment until the PUT.

        Some stores ignore the header; the question before makes sure that none overwrites what was there long ago.
        """
        try:
            self.describe(key)
        except ObjectMissing:
            return {"if-none-match": "*"}
        raise AlreadyExists(say("{key!r} is already in {place}.", key=key, place=self.place), key=key)

    def _published(self, headers: Headers) -> dict[str, str]:
        """Return the request headers that make the object be served as wanted; not to be changed."""
        return _published(headers.content_type, headers.cache_control, self._acl if headers.public else self._private)

    @property
    def _private(self) -> str | None:
        return None if self._acl is None else "private"

    def _ask_published(
        self, method: str, full: str, request: dict[str, str], headers: Headers, **rest: Any
    ) -> tuple[Answer, bytes]:
        """Send what stores an object; where the store refuses only our way of asking, ask in another way."""
        while True:
            sent = request | self._published(headers)
            signed_payload = self._client.signs_payload
            answer, body = self._client.ask(method, full, headers=sent, **rest)
            if not self._can_ask_otherwise(sent, signed_payload, answer, body):
                return answer, body

    def _can_ask_otherwise(self, sent: dict[str, str], signed_payload: bool, answer: Answer, body: bytes) -> bool:
        """Return whether the store refused only our way of asking, and note how to ask from now on."""
        if answer.status in _STORED:
            return False
        code = self._client.refusal(answer, body, None).code
        if "x-amz-acl" in sent and (code in _ACL_REFUSED or answer.status == 501):
            self._acl = None
            self._notes[f"{self.place} decides access by its policy; no ACL is sent."] = None
            return True
        if code == "XAmzContentSHA256Mismatch" and not signed_payload:
            self._client.signs_payload = True
            return True
        return False

    def _delete_batch(self, keys: list[str]) -> dict[str, StorageError | None]:
        results: dict[str, StorageError | None] = {}
        by_full: dict[str, str] = {}
        for key in keys:
            try:
                by_full[self._full(key)] = key
                results[key] = None
            except StorageError as error:
                results[key] = error
        if by_full:
            for full, code in self._ask_to_delete(list(by_full)).items():
                key = by_full[full]
                refused = say(
                    "{key!r} could not be deleted from {place} ({code}).", key=key, place=self.place, code=code
                )
                results[key] = self._kept(key) or StorageError(refused, key=key)
        return results

    def _kept(self, key: str) -> KeptByRetention | None:
        """Return what to tell if a retention keeps the object as it is; a bare refusal does not say so."""
        answer, _ = self._client.ask("HEAD", self._full(key))
        until = answer.headers.get(RETAINED_UNTIL, "")[:10] if answer.status == 200 else ""
        if until:
            what = say("{key!r} is kept in {place} by retention until {until}.", key=key, place=self.place, until=until)
        elif answer.status == 200 and answer.headers.get(LEGAL_HOLD) == "ON":
            what = say("{key!r} is kept in {place} by a legal hold.", key=key, place=self.place)
        else:
            return None
        return KeptByRetention(
            what, key=key, remedy=say("It stays as it is until its time is over, or until who locked it unlocks it.")
        )

    def _ask_to_delete(self, full_keys: list[str]) -> dict[str, str]:
        """Delete at most a thousand objects; return the code for each that the store did not delete."""
        objects = "".join(f"<Object><Key>{_escape(full)}</Key></Object>" for full in full_keys)
        document = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
        md5 = hashlib.md5(document, usedforsecurity=False).digest()
        headers = {"content-md5": b64encode(md5).decode(), "content-type": "application/xml"}
        answer, body = self._client.ask("POST", query={"delete": ""}, headers=headers, body=document)
        text = body.decode("utf-8", "replace")
        if answer.status != 200 or "<DeleteResult" not in text:
            raise self._client.error(answer, body, None)
        errors = re.findall(r"<Error>(.*?)</Error>", text, re.S)
        told = {unescape(_inner(each, "Key")): _inner(each, "Code") for each in errors}
        return {full: code for full, code in told.items() if full in full_keys and code != "NoSuchKey"}

    def _full(self, key: str) -> str:
        return self.prefix + check_key(key)


class _S3Source:
    """An object being downloaded."""

    def __init__(self, key: str, get: Callable[[dict[str, str]], Answer], end: Callable[[Answer], None]) -> None:
        self._get = get
        self._end = end
        self._answer = get({})
        self._read = 0
        self.info = _info(key, self._answer)

    def __enter__(self) -> _S3Source:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end(self._answer)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        data = self._answer.read(size)
        self._read += len(data)
        return data

    def restart(self) -> None:
        self.seek(0)

    def seek(self, position: int) -> None:
        self._end(self._answer)
        condition = {"if-match": f'"{self.info.etag}"'} if self.info.etag else {}
        try:
            self._answer = self._get(condition | ({"range": f"bytes={position}-"} if position else {}))
        except (AlreadyExists, ObjectMissing) as error:
            raise SourceChanged(
                say("{key!r} was replaced while it was read.", key=self.info.key), key=self.info.key
            ) from error
        self._read = position if self._answer.status == 206 else 0
        while self._read < position:  # the store knows no ranges
            self.read(min(1 << 20, position - self._read))

    def check_unchanged(self) -> None:
        if self._read != self.info.size:
            raise SourceChanged(say("{key!r} was not read to its end.", key=self.info.key), key=self.info.key)


class _S3Sending:
    """A small object being uploaded, while its thread goes on with others."""

    def __init__(self, store: S3Store, key: str, data: bytes, md5: bytes, headers: Headers) -> None:
        self._store = store
        self._key = key
        self._data = data
        self._headers = headers
        self._md5 = md5
        self._sent = _digests(self._md5) | store._published(headers)
        self._signed_payload = store._client.signs_payload
        self._exchange = store._client.begin("PUT", store._full(key), headers=self._sent, body=data)
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    @property
    def waits_to_send(self) -> bool:
        return self._exchange.waits_to_send

    def fileno(self) -> int:
        return self._exchange.fileno()

    def advance(self, *, is_first: bool = True) -> bool:
        try:
            self._answer = self._exchange.advance()
        except StorageError as error:
            self._error = error
            return True
        return self._answer is not None

    def finish(self) -> ObjectInfo:
        if self._error is not None:
            raise self._error
        answer, client = self._answer or self._exchange.wait(), self._store._client
        try:
            body = answer.body()
        finally:
            client.end(answer)
        if self._store._can_ask_otherwise(self._sent, self._signed_payload, answer, body):
            return self._store.put(self._key, BytesSource(self._key, self._data), self._headers)
        return self._store._stored_whole(self._key, self._data, self._md5, self._headers, answer, body)


@lru_cache(256)
def _published(content_type: str, cache_control: str, acl: str | None) -> dict[str, str]:
    request = {"content-type": _header_value(content_type)}
    if cache_control:
        request["cache-control"] = _header_value(cache_control)
    if acl is not None:
        request["x-amz-acl"] = acl
    return request


def _digests(md5: bytes) -> dict[str, str]:
    """Return the headers by which the store checks an object's bytes now, and others will later."""
    encoded = b2a_base64(md5, newline=False).decode()
    return {"content-md5": encoded, RECORDED_MD5: encoded}


def _info(key: str, answer: Answer) -> ObjectInfo:
    """Read what the headers of a HEAD or a GET say of the object."""
    headers = answer.headers
    etag = clean_etag(headers.get("etag", ""))
    # An encrypted object's ETag may look like an MD5 and be none.
    sealed = headers.get("x-amz-server-side-encryption", "AES256") != "AES256" or any(
        name.startswith("x-amz-server-side-encryption-customer") for name in headers
    )
    part_size = headers.get(RECORDED_PART_SIZE, "")
    return ObjectInfo(
        key,
        int(headers.get("content-length", "0")),
        None if sealed else md5_in(etag),
        _http_date(headers.get("last-modified", "")),
        etag,
        Headers(headers.get("content-type", ""), headers.get("cache-control", ""), public=None),
        recorded_md5=_recorded_md5(headers.get(RECORDED_MD5, "")),
        part_size=int(part_size) if part_size.isdigit() and int(part_size) and "-" in etag else None,
    )


def _recorded_md5(encoded: str) -> str | None:
    try:
        digest = b64decode(encoded, validate=True)
    except (NotBase64, ValueError):
        return None
    return digest.hex() if len(digest) == 16 else None


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _read_whole(source: Source) -> bytes:
    """Read a small source; one that has become large meanwhile is not read to its end, and counts as changed."""
    data = source.read(SMALLEST_PART + 1)
    while len(data) < source.info.size and (more := source.read(SMALLEST_PART + 1 - len(data))):
        data += more
    source.check_unchanged()
    return data


def _is_virtual(style: str, endpoint_url: str, bucket: str) -> bool:
    """Return whether the bucket is named in the host: always, never, or on Amazon where its certificate allows it."""
    if style not in ("auto", "path", "virtual"):
        raise SettingsError(say("{style!r} is no addressing style.", style=style), setting="addressing_style")
    return style == "virtual" or (style == "auto" and ".amazonaws.com" in endpoint_url and "." not in bucket)


def _header_value(value: str) -> str:
    """Return *value* as the signature wants it; refuse what would end the header and begin another."""
    if not value.isprintable() or not value.isascii():
        raise SettingsError(say("{value!r} cannot be sent as a header.", value=value))
    return " ".join(value.split())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inner(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return found[1] if found else ""
