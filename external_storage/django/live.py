"""The live path: one upload, one read, one delete at a time, on the store that is in use now."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

from django.core.files.storage import FileSystemStorage, Storage
from django.core.signals import setting_changed

from ..errors import ContainerMissing
from ..objects import Headers
from ..stores import LocalStore
from . import conf
from .uploads import Upload


class LiveStorage(Protocol):
    """A Django storage that also stores one whole upload under one exact name."""

    def put(self, name: str, upload: Upload, headers: Headers, *, replace: bool) -> None:
        """Store *upload* under *name* so that readers see all of it or none.

        With ``replace=False`` raise `AlreadyExists` where the name is taken, and leave what is there as it was.
        """
        ...


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
    described = conf.store_settings(name)
    if isinstance(described, conf.LocalSettings):
        return FolderStorage(described)
    from .bucket import BucketStorage  # loads the SDK, which a site on its own disk never needs

    return BucketStorage(described, deadline=conf.configuration().deadline)


def check_presence(name: str) -> None:
    """Raise `ContainerMissing` if the store *name* is a folder that is not there: then it lacks nothing for certain."""
    described = conf.store_settings(name)
    if isinstance(described, conf.LocalSettings) and not described.root.is_dir():
        raise ContainerMissing(
            f"The folder {described.root} does not exist.", remedy="Check the path, and that its disk is mounted."
        )


def _forget_when_changed(*, setting: str, **_: object) -> None:
    if setting == conf.SETTING:
        storage_named.cache_clear()


setting_changed.connect(_forget_when_changed)
