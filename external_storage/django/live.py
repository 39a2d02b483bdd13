"""The live path: one upload, one read, one delete at a time, on the store that is in use now."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Protocol, TypeVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage
from django.core.signals import setting_changed

from ..errors import ContainerMissing, ObjectMissing
from ..objects import Headers
from ..sentences import say
from ..stores import LocalStore, Store
from ..stores.retrying import Patience, RetryingStore
from . import conf
from .deadline import within
from .uploads import Upload, spool

T = TypeVar("T")

CHUNK = 256 * 1024

ONCE_MORE = Patience(tries=2, first_wait=0.1)
"""For a connection that the other side gave up while nobody used it. Who waits for a page has no time for more."""

LAST_CHARACTER = "\U0010ffff"
"""Behind every name, in key order."""


class LiveStorage(Protocol):
    """A Django storage that also stores one whole upload under one exact name."""

    def put(self, name: str, upload: Upload, headers: Headers, *, replace: bool) -> None:
        """Store *upload* under *name* so that readers see all of it or none.

        With ``replace=False`` raise `AlreadyExists` where the name is taken, and leave what is there as it was.
        """
        ...


class StoreStorage(Storage):
    """One of our own stores as a Django storage: every operation is bounded in time, every error is one of ours.

    *deadline* is how many seconds a caller waits for any one operation.
    """

    def __init__(self, store: Store, *, deadline: float) -> None:
        self._store = store
        self._deadline = deadline

    # Reading

    def _open(self, name: str, mode: str = "rb") -> File:
        content = self._found(name, self._fetch)
        return File(content if "b" in mode else io.TextIOWrapper(content, "utf-8"), name)

    def _fetch(self, name: str) -> IO[bytes]:
        """Bring the whole object here: a caller that reads slowly must not hold a connection to the store."""
        content = spool()
        with self._store.open(name) as source:
            while chunk := source.read(CHUNK):
                content.write(chunk)
            source.check_unchanged()
        content.seek(0)
        return content

    def exists(self, name: str) -> bool:
        try:
            self._found(name, self._store.describe)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return self._found(name, self._store.describe).size

    def get_modified_time(self, name: str) -> datetime:
        modified = self._found(name, self._store.describe).modified
        if modified is None:
            raise NotImplementedError(f"{self._store.place} does not tell when a file was modified.")
        return datetime.fromtimestamp(modified, UTC if settings.USE_TZ else None)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return self._bounded(lambda: self._listed(f"{path}/" if path else ""))

    def _listed(self, start: str) -> tuple[list[str], list[str]]:
        """Look at one object of each folder, and go on behind that folder."""
        folders: list[str] = []
        files: list[str] = []
        after = ""
        while True:
            for info in self._store.list(start, after=after):
                first, slash, _ = info.key.removeprefix(start).partition("/")
                if slash:
                    folders.append(first)
                    after = f"{start}{first}/{LAST_CHARACTER}"
                    break
                files.append(first)
            else:
                return folders, files

    # Writing

    def put(self, name: str, upload: Upload, headers: Headers, *, replace: bool) -> None:
        upload.restart()
        self._bounded(lambda: self._store.put(name, upload, headers, replace=replace))

    def delete(self, name: str) -> None:
        problem = self._bounded(lambda: self._store.delete([name]))[name]
        if problem is not None:
            raise problem

    def url(self, name: str | None) -> str:
        raise NotImplementedError("Links are made by SiteStorage, which asks no store for them.")

    # Our own

    def _found(self, name: str, work: Callable[[str], T]) -> T:
        try:
            return self._bounded(lambda: work(name))
        except ObjectMissing as missing:
            raise FileNotFoundError(f"There is no {name!r} in the storage.") from missing

    def _bounded(self, work: Callable[[], T]) -> T:
        return within(self._deadline, f"The store {self._store.name!r}", work)


class FolderStorage(FileSystemStorage):
    """Django's own storage for a folder, with writes that no reader sees half of."""

    def __init__(self, described: conf.LocalSettings) -> None:
        super().__init__(location=described.root, base_url=described.public_url)
        self._store = LocalStore(described.name, described.root)

    def put(self, name: str, upload: Upload, headers: Headers, *, replace: bool) -> None:
        upload.restart()
        self._store.put(name, upload, headers, replace=replace)
        if self.file_permissions_mode is not None:
            with suppress(FileNotFoundError):  # somebody deleted it already
                Path(self.path(name)).chmod(self.file_permissions_mode)


@cache
def storage_named(name: str) -> Storage:
    """Return the live storage of the store *name*. No request is made."""
    described, deadline = conf.store_settings(name), conf.configuration().deadline
    if isinstance(described, conf.LocalSettings):
        return FolderStorage(described)
    if isinstance(described, conf.BucketSettings):
        from .bucket import BucketStorage  # loads the SDK, which a site on its own disk never needs

        return BucketStorage(described, deadline=deadline)
    return StoreStorage(RetryingStore(conf.store_named(name), ONCE_MORE), deadline=deadline)


def check_presence(name: str) -> None:
    """Raise `ContainerMissing` if the store *name* is a folder that is not there: then it lacks nothing for certain."""
    described = conf.store_settings(name)
    if described.is_on_this_machine and not described.root.is_dir():
        raise ContainerMissing(
            say("The folder {root} does not exist.", root=described.root),
            remedy=say("Check the path, and that its disk is mounted."),
        )


def _forget_when_changed(*, setting: str, **_: object) -> None:
    if setting == conf.SETTING:
        storage_named.cache_clear()


setting_changed.connect(_forget_when_changed)
