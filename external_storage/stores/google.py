"""Keep objects in a bucket of Google Cloud Storage, through a client of Google's own library.

The client is made and logged in by whoever has it; nothing of the library is imported here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

from ..errors import ObjectMissing, SourceChanged
from ..objects import Headers, ObjectInfo
from ..sentences import say
from .container import CHUNK, TIMEOUT_SECONDS, ContainerStore, Opened
from .foreign import translated


class GoogleStore(ContainerStore):
    """A *bucket*, or the part of one under *prefix* ("" or with a final slash), that its client is logged in to.

    Objects for everybody get the predefined *acl*, where one is named; a bucket with uniform access takes none.
    """

    def __init__(self, name: str, bucket: Any, *, prefix: str = "", acl: str | None = None) -> None:
        super().__init__(name, f"gs://{bucket.name}/{prefix}", prefix)
        self._bucket = bucket
        self._acl = acl

    def _found_below(self, start: str) -> Iterator[ObjectInfo]:
        return map(_info, self._bucket.list_blobs(prefix=start or None, timeout=TIMEOUT_SECONDS))

    def _found(self, full_key: str) -> ObjectInfo:
        return _info(self._blob(full_key))

    def _blob(self, full_key: str) -> Any:
        blob = self._bucket.get_blob(full_key, timeout=TIMEOUT_SECONDS)
        if blob is None:
            with translated(self.place, None):  # is it the bucket that is missing?
                next(iter(self._bucket.list_blobs(max_results=1, timeout=TIMEOUT_SECONDS)), None)
            raise ObjectMissing(
                say("There is no {full_key!r} in {place}.", full_key=full_key, place=self.place),
                key=full_key.removeprefix(self._prefix),
            )
        return blob

    def _opened(self, full_key: str, position: int, known: ObjectInfo | None) -> Opened:
        blob = self._blob(full_key)
        info = _info(blob)
        if known and known.etag != info.etag:
            raise SourceChanged(say("{full_key!r} is another object by now.", full_key=full_key), key=full_key)
        # Each piece is asked for by the number of this one version.
        reader = blob.open("rb", chunk_size=CHUNK, if_generation_match=blob.generation, raw_download=True)
        reader.seek(position)
        return Opened(info, iter(lambda: reader.read(CHUNK), b""), reader.close)

    def _send(self, full_key: str, file: IO[bytes], sent: ObjectInfo, headers: Headers, *, replace: bool) -> None:
        blob = self._bucket.blob(full_key)
        blob.cache_control = headers.cache_control or None
        blob.md5_hash = base64.b64encode(bytes.fromhex(sent.md5 or "")).decode("ascii")
        blob.upload_from_file(
            file,
            size=sent.size,
            content_type=headers.content_type,
            predefined_acl=self._acl if headers.public else None,
            if_generation_match=None if replace else 0,
            timeout=TIMEOUT_SECONDS,
        )

    def _remove(self, found: ObjectInfo) -> None:
        self._bucket.delete_blob(found.key, timeout=TIMEOUT_SECONDS)

    def _translated(self, key: str | None) -> AbstractContextManager[None]:
        return translated(self.place, key)


def _info(blob: Any) -> ObjectInfo:
    return ObjectInfo(
        blob.name,
        blob.size,
        base64.b64decode(blob.md5_hash).hex() if blob.md5_hash else None,
        blob.updated.timestamp(),
        str(blob.generation),
        Headers(blob.content_type or "", blob.cache_control or "", public=None),
    )
