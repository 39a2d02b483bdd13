"""Send a large object in parts, each with a digest that the store checks."""

from __future__ import annotations

import hashlib
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from html import unescape

from ...errors import DigestMismatch, StorageError, TransientStoreError
from ...objects import etag_of_parts
from ..base import Source
from ..retrying import Patience
from .client import S3Client
from .connection import Answer
from .listing import clean_etag
from .unfinished import Record

MEBIBYTE = 1 << 20

# Up to this size an object is sent in one request; above it, in parts of at least this size.
SMALLEST_PART = 8 * MEBIBYTE

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MOST_PARTS = 10_000


def part_size_for(size: int) -> int:
    """Return the size of the parts of an object of *size* bytes: whole mebibytes, no more parts than S3 allows."""
    least = -(-size // MOST_PARTS)
    return max(SMALLEST_PART, -(-least // MEBIBYTE) * MEBIBYTE)


@dataclass(frozen=True, slots=True)
class PartThere:
    """A part that the store has got already."""

    size: int
    etag: str


def id_of_begun(client: S3Client, key: str, reply: tuple[Answer, bytes]) -> str:
    """Return the id of the upload that the store's *reply* says has begun."""
    answer, body = reply
    found = re.search(r"<UploadId>([^<]+)<", body.decode("utf-8", "replace"))
    if answer.status != 200 or found is None:
        raise client.error(answer, body, key)
    return unescape(found[1])


class Multipart:
    """One upload in parts. It is completed, or aborted; a kill leaves it behind, unseen by readers.

    With a *record* it can be taken up later, from the parts that are *there*. *on_retry* hears of each part
    that is sent again, and why.
    """

    def __init__(
        self,
        client: S3Client,
        key: str,
        upload_id: str,
        buffers: threading.Semaphore,
        on_retry: Callable[[StorageError], None],
        record: Record | None = None,
    ) -> None:
        self.upload_id = upload_id
        self.record = record
        self._on_retry = on_retry
        self.there: dict[int, PartThere] = {}
        self._client = client
        self._key = key
        # Shared by all uploads of a store, so that memory stays bounded whatever is in flight.
        self._buffers = buffers
        self._patience = Patience()
        self._failed = threading.Event()
        self._error: BaseException | None = None
        self._digests: dict[int, bytes] = {}

    def send(self, source: Source, *, part_size: int, condition: dict[str, str]) -> str:
        """Store all of *source* and return its ETag, which is made from the parts' MD5s."""
        try:
            digests = self._send_parts(source, part_size)
            source.check_unchanged()
            etag = self._complete(digests, condition)
        except TransientStoreError:
            # What is there already need not be sent again by the next try, or the next run.
            if self.record is not None:
                self.record.let_go()
            else:
                self.abort()
            raise
        except BaseException:
            self.abort()
            raise
        if self.record is not None:
            self.record.remove()
        return etag

    def _send_parts(self, source: Source, part_size: int) -> list[bytes]:
        """Read the parts one after another and send several at once; return their MD5s in order."""
        senders: list[threading.Thread] = []
        parts = 0
        while not self._failed.is_set():
            self._buffers.acquire()
            data = self._read_part(source, part_size)
            if not data:
                self._buffers.release()
                break
            parts += 1
            # A thread for each part costs nothing beside eight mebibytes, and unlike a pool's it does not keep a
            # program from ending.
            sender = threading.Thread(target=self._send_part, args=(parts, data), daemon=True)
            try:
                sender.start()
            except RuntimeError:  # this machine allows no more of them
                self._send_part(parts, data)
            else:
                senders.append(sender)
        for sender in senders:
            sender.join()
        if self._error is not None:
            raise self._error
        return [self._digests[number] for number in range(1, parts + 1)]

    def _read_part(self, source: Source, part_size: int) -> bytes:
        try:
            pieces, missing = [], part_size
            while missing and (piece := source.read(min(missing, MEBIBYTE))):
                pieces.append(piece)
                missing -= len(piece)
            return b"".join(pieces)
        except BaseException:
            self._buffers.release()
            raise

    def _send_part(self, number: int, data: bytes) -> None:
        try:
            self._digests[number] = self._send_part_patiently(number, data)
        except BaseException as error:  # noqa: BLE001 — kept, and raised again where the parts are waited for
            self._error = self._error or error
            self._failed.set()
        finally:
            self._buffers.release()

    def _send_part_patiently(self, number: int, data: bytes) -> bytes:
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        if self.there.get(number) == PartThere(len(data), md5.hex()):
            return md5
        attempt = 1
        while True:
            try:
                self._send_part_once(number, data, md5)
                return md5
            except (TransientStoreError, DigestMismatch) as error:
                if attempt >= self._patience.tries or self._failed.is_set():
                    raise
                self._on_retry(error)
                self._failed.wait(self._patience.wait_before(attempt, error))
                attempt += 1

    def _send_part_once(self, number: int, data: bytes, md5: bytes) -> None:
        query = {"partNumber": str(number), "uploadId": self.upload_id}
        headers = {"content-md5": b64encode(md5).decode()}
        answer, body = self._client.ask("PUT", self._key, query=query, headers=headers, body=data)
        if answer.status != 200:
            raise self._client.error(answer, body, self._key)

    def _complete(self, digests: list[bytes], condition: dict[str, str]) -> str:
        """Join the parts. The store may begin to answer 200 before it knows, so the body decides."""
        # The store compares these with the parts it holds: what was sent is what is joined.
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{digest.hex()}&quot;</ETag></Part>"
            for number, digest in enumerate(digests, 1)
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        headers = {"content-type": "application/xml"} | condition
        query = {"uploadId": self.upload_id}
        answer, body = self._client.ask("POST", self._key, query=query, headers=headers, body=document)
        if answer.status != 200 or b"<Error>" in body:
            raise self._client.error(answer, body, self._key)
        found = re.search(r"<ETag>([^<]*)<", body.decode("utf-8", "replace"))
        # Ceph leaves it empty.
        return (found and clean_etag(found[1])) or etag_of_parts(digests)

    def abort(self) -> bool:
        """Clear the upload away; return whether the store says that it is gone."""
        answer = None
        with suppress(StorageError):
            answer, _ = self._client.ask("DELETE", self._key, query={"uploadId": self.upload_id})
        gone = answer is not None and answer.status in (200, 204, 404)
        if self.record is not None:
            if gone:
                self.record.remove()
            else:
                self.record.let_go()
        return gone
