"""The storages a site puts in ``STORAGES``: `SiteStorage` for its media, `StaticStorage` for its static files."""

from __future__ import annotations

from datetime import datetime

from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible
from django.utils.encoding import filepath_to_uri

from ..errors import AlreadyExists, ContentRefused
from ..objects import Headers, HoldBack
from . import conf, live, names
from .staticfiles import StaticStorage
from .uploads import Upload, WrittenOnClose

__all__ = ["SiteStorage", "StaticStorage"]


@deconstructible(path="external_storage.django.backends.SiteStorage")
class SiteStorage(Storage):
    """The files of one alias, on whichever of its stores is in use.

    The whole contract of Django's `Storage`, and in addition: a name once given is never given to other bytes by
    `save`; what the alias's publishing rule holds back is not stored (`ContentRefused`); `url` asks nobody; a store in
    trouble raises an `external_storage.errors.StorageError` within the deadline and leaves nothing half written.
    """

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    # Reading

    def _open(self, name: str, mode: str = "rb") -> File:
        name = names.checked(name)
        if mode in ("r", "rb", "rt"):
            return self._live.open(name, mode)
        return WrittenOnClose(name, mode, self._content_to_change(name, mode), self._replace)

    def exists(self, name: str) -> bool:
        return self._live.exists(names.checked(name))

    def size(self, name: str) -> int:
        return self._live.size(names.checked(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return self._live.listdir(names.checked_folder(path))

    def get_modified_time(self, name: str) -> datetime:
        return self._live.get_modified_time(names.checked(name))

    def get_created_time(self, name: str) -> datetime:
        return self._live.get_created_time(names.checked(name))

    def get_accessed_time(self, name: str) -> datetime:
        return self._live.get_accessed_time(names.checked(name))

    def url(self, name: str | None) -> str:
        """Return where anyone reads *name*. It is computed: no store is asked, and the object need not exist."""
        return self.base_url + filepath_to_uri(names.checked(name))

    @property
    def base_url(self) -> str:
        """The URL below which all files of the alias are read, ending in ``/``."""
        return conf.store_settings(self._active).public_url

    def path(self, name: str) -> str:
        """Return the file's path. Raise `NotImplementedError` while the files are not on this machine's disk."""
        if isinstance(conf.store_settings(self._active), conf.LocalSettings):
            return self._live.path(names.checked_folder(name))
        raise NotImplementedError(
            f"The files of {self.alias!r} are in the store {self._active!r}, not on this machine's disk; "
            "use open() instead of path()."
        )

    # Writing

    def _save(self, name: str, content: File) -> str:
        name = names.checked(name)
        with Upload.of(name, content) as upload:
            headers = self._headers(name, upload)
            while True:
                try:
                    self._live.put(name, upload, headers, replace=False)
                except AlreadyExists:  # somebody took the name since it was found to be free
                    name = self.get_available_name(name)
                else:
                    return name

    def delete(self, name: str) -> None:
        self._live.delete(names.checked(name))

    # Our own

    @property
    def _active(self) -> str:
        return conf.alias_named(self.alias).active

    @property
    def _live(self) -> Storage:
        return live.storage_named(self._active)

    def _replace(self, upload: Upload) -> None:
        self._live.put(upload.info.key, upload, self._headers(upload.info.key, upload), replace=True)

    def _headers(self, name: str, upload: Upload) -> Headers:
        answer = conf.alias_named(self.alias).rule(name, upload.first_bytes)
        if isinstance(answer, HoldBack):
            raise ContentRefused(answer.reason, key=name)
        return answer.headers

    def _content_to_change(self, name: str, mode: str) -> bytes:
        """Return what is under *name* already where *mode* keeps it: ``a`` adds to it, ``+`` without ``w`` edits it."""
        if "x" in mode and self._live.exists(name):
            raise FileExistsError(f"There is already a file under {name!r}.")
        if "w" in mode or "x" in mode or ("a" in mode and not self._live.exists(name)):
            return b""
        with self._live.open(name, "rb") as existing:
            return existing.read()
