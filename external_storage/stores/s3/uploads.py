"""Begin uploads in parts, take up those of killed runs, and clear away what is left of ours and only of ours."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import unquote_plus

from ...errors import ObjectMissing, StorageError
from ...sentences import say
from .client import S3Client
from .connection import Answer
from .listing import clean_etag
from .multipart import Multipart, PartThere, id_of_begun
from .unfinished import Record, Records, Seen

# Sends the request that begins an upload.
AskToBegin = Callable[[], tuple[Answer, bytes]]


class Uploads:
    """The uploads in parts to one bucket; *place* tells it from other buckets, in the records of all."""

    def __init__(self, client: S3Client, place: str, buffers: threading.Semaphore) -> None:
        self._client = client
        self._place = place
        self._buffers = buffers
        self.records: Records | None = None
        self.on_retry: Callable[[StorageError], None] = lambda error: None

    def begin(self, key: str, wanted: dict[str, str], ask: AskToBegin) -> Multipart:
        """Return an upload for *key*, stored as *wanted*: that of a killed run if there is one, else a new one."""
        if self.records is None:
            return self._upload(key, id_of_begun(self._client, key, ask()))
        for record in self.records.left(self._place, key):
            if (upload := self._taken_up(record, wanted)) is not None:
                return upload
        return self._begun_anew(self.records, key, wanted, ask)

    def _taken_up(self, record: Record, wanted: dict[str, str]) -> Multipart | None:
        upload_id = self._id_of(record, self._list(record.key)[0] if record.upload_id is None else [])
        if upload_id is None:
            record.remove()
            return None
        upload = self._upload(record.key, upload_id, record)
        try:
            upload.there = dict(self._parts(record.key, upload_id))
        except ObjectMissing:
            record.remove()
            return None
        if record.wanted != wanted:
            upload.abort()
            return None
        return upload

    def _begun_anew(self, records: Records, key: str, wanted: dict[str, str], ask: AskToBegin) -> Multipart:
        there, now = self._list(key)
        record = records.begin(self._place, key, wanted, [seen.upload_id for seen in there if seen.key == key], now)
        try:
            upload_id = id_of_begun(self._client, key, ask())
        except BaseException:
            if record is not None:
                record.let_go()
            raise
        if record is not None:
            record.name(upload_id)
        return self._upload(key, upload_id, record)

    def _upload(self, key: str, upload_id: str, record: Record | None = None) -> Multipart:
        return Multipart(self._client, key, upload_id, self._buffers, self.on_retry, record)

    def clear(self, prefix: str) -> tuple[int, list[Seen]]:
        """Abort what our own killed runs left; return how many there were, and the uploads that are not ours."""
        listed, _ = self._list(prefix)
        cleared = 0
        for record in self.records.left(self._place) if self.records is not None else ():
            if not record.key.startswith(prefix):
                record.let_go()
            elif (upload_id := self._id_of(record, listed)) is None:
                record.remove()
            else:
                listed = [seen for seen in listed if seen.upload_id != upload_id]
                cleared += self._upload(record.key, upload_id, record).abort()
        return cleared, listed

    @staticmethod
    def _id_of(record: Record, listed: list[Seen]) -> str | None:
        """Return the id of the recorded upload, None if it never began or cannot be told from another's."""
        if record.upload_id is None:
            candidates = [seen.upload_id for seen in listed if record.may_be(seen)]
            if len(candidates) == 1:
                record.name(candidates[0])
        return record.upload_id

    # What the store says

    def _list(self, prefix: str) -> tuple[list[Seen], float]:
        """Return all unfinished uploads of keys that start with *prefix*, and the time on the store's clock."""
        seen: list[Seen] = []
        query = {"uploads": "", "encoding-type": "url", "prefix": prefix}
        while True:
            text, answer = self._ask(query, "")
            decode = unquote_plus if "<EncodingType>url</EncodingType>" in text else str
            entries = [_fields(entry) for entry in text.split("<Upload>")[1:]]
            seen += [
                Seen(decode(each["Key"]), each["UploadId"], datetime.fromisoformat(each["Initiated"]).timestamp())
                for each in entries
            ]
            if "<IsTruncated>true</IsTruncated>" not in text or not entries:
                return [each for each in seen if each.key.startswith(prefix)], _clock_of(answer)
            query = query | {"key-marker": seen[-1].key, "upload-id-marker": seen[-1].upload_id}

    def _parts(self, key: str, upload_id: str) -> Iterator[tuple[int, PartThere]]:
        """Yield the parts that the store holds, by number."""
        query = {"uploadId": upload_id}
        while True:
            text, _ = self._ask(query, key)
            number = 0
            for each in map(_fields, text.split("<Part>")[1:]):
                number = int(each["PartNumber"])
                yield number, PartThere(int(each["Size"]), clean_etag(each["ETag"]))
            if "<IsTruncated>true</IsTruncated>" not in text or not number:
                return
            query = query | {"part-number-marker": str(number)}

    def _ask(self, query: dict[str, str], key: str) -> tuple[str, Answer]:
        answer, body = self._client.ask("GET", key, query=query)
        text = body.decode("utf-8", "replace")
        if answer.status == 404 and "<Code>NoSuchUpload</Code>" in text:
            raise ObjectMissing(say("The upload is no more."), key=key)
        if answer.status != 200:
            raise self._client.error(answer, body, key or None)
        if "<ListMultipartUploadsResult" not in text and "<ListPartsResult" not in text:
            raise StorageError(say("The store does not say which uploads are unfinished."))
        return text, answer


def _fields(entry: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r"<(\w+)>([^<]*)</", entry)}


def _clock_of(answer: Answer) -> float:
    date = answer.headers.get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return time.time()
