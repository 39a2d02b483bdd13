"""Keep objects in a container of Azure Blob Storage, through a client of Microsoft's own library.

The client is made and logged in by whoever has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

from azure.core import MatchConditions
from azure.storage.blob import ContainerClient, ContentSettings

from ..objects import Headers, ObjectInfo
from .container import TIMEOUT_SECONDS, ContainerStore, Opened
from .foreign import translated


class AzureStore(ContainerStore):
    """A container, or the part of one under *prefix* ("" or with a final slash), that *client* is logged in to."""

    lists_in_order = False  # its order is not that of the bytes: capitals and small letters stand side by side

    def __init__(self, name: str, client: ContainerClient, *, prefix: str = "") -> None:
        super().__init__(
            name,
            f"azure://{client.account_name}/{client.container_name}/{prefix}",
            prefix,
        )
        self._client = client

    def _found_below(self, start: str) -> Iterator[ObjectInfo]:
        return map(_info, self._client.list_blobs(name_starts_with=start or None, timeout=TIMEOUT_SECONDS))

    def _found(self, full_key: str) -> ObjectInfo:
        return _info(self._client.get_blob_client(full_key).get_blob_properties(timeout=TIMEOUT_SECONDS))

    def _opened(self, full_key: str, position: int, known: ObjectInfo | None) -> Opened:
        where: dict[str, Any] = {"offset": position} if position else {}
        if known:
            where |= {"etag": f'"{known.etag}"', "match_condition": MatchConditions.IfNotModified}
        coming = self._client.download_blob(full_key, timeout=TIMEOUT_SECONDS, **where)
        return Opened(known or _info(coming.properties), coming.chunks(), lambda: None)

    def _send(self, full_key: str, file: IO[bytes], sent: ObjectInfo, headers: Headers, *, replace: bool) -> None:
        self._client.upload_blob(
            full_key,
            file,
            length=sent.size,
            overwrite=replace,
            validate_content=True,
            content_settings=ContentSettings(
                content_type=headers.content_type,
                cache_control=headers.cache_control or None,
                content_md5=bytearray.fromhex(sent.md5 or ""),
            ),
            timeout=TIMEOUT_SECONDS,
        )

    def _remove(self, found: ObjectInfo) -> None:
        self._client.delete_blob(found.key, delete_snapshots="include", timeout=TIMEOUT_SECONDS)

    def _translated(self, key: str | None) -> AbstractContextManager[None]:
        return translated(self.place, key)


def _info(blob: Any) -> ObjectInfo:
    md5 = blob.content_settings.content_md5
    return ObjectInfo(
        blob.name,
        blob.size,
        bytes(md5).hex() if md5 else None,
        blob.last_modified.timestamp(),
        blob.etag.strip('"'),
        Headers(blob.content_settings.content_type or "", blob.content_settings.cache_control or "", public=None),
    )
