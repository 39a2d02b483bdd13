"""The storages a site puts in ``STORAGES``: `SiteStorage` for its media, `StaticStorage` for its static files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible
from django.utils.encoding import filepath_to_uri

from ..errors import AlreadyExists, ContentRefused, StorageError, TransientStoreError
from ..objects import Headers, HoldBack
from . import conf, live, names
from .moving import marks, reserving
from .moving.state import state_of
from .serving import keeping
from .staticfiles import StaticStorage
from .uploads import Upload, WrittenOnClose

__all__ = ["SiteStorage", "StaticStorage"]

T = TypeVar("T")


@deconstructible(path="external_storage.django.backends.SiteStorage")
class SiteStorage(Storage):
    """The files of one alias, wherever the alias stands: on one store, or on the way from one to another.

    The whole contract of Django's `Storage`, and in addition: a name once given is never given to other bytes by
    `save`; what the alias's publishing rule holds back is not stored (`ContentRefused`); `url` asks nobody; a store in
    trouble raises an `external_storage.errors.StorageError` within the deadline and leaves nothing half written.

    While the alias is moved, nobody has to know: what is written reaches the other store by itself, and never waits for
    it. How, and why nothing is lost by it, is told in docs/decisions/moving-a-running-site.md.
    """

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    # Reading

    def _open(self, name: str, mode: str = "rb") -> File:
        name = names.checked(name)
        if mode in ("r", "rb", "rt"):
            return self._read(name, lambda store: store.open(name, mode))
        return WrittenOnClose(name, mode, self._content_to_change(name, mode), self._replace)

    def exists(self, name: str) -> bool:
        name = names.checked(name)
        try:
            return self._read(name, lambda store: _found(store, name))
        except FileNotFoundError:
            return False

    def size(self, name: str) -> int:
        name = names.checked(name)
        return self._read(name, lambda store: store.size(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        folder, state = names.checked_folder(path), state_of(self.alias)
        start = f"{folder}/" if folder else ""
        behind = [key for key in marks.not_yet_in_active(state) if key.startswith(start)]
        try:
            folders, files = self._live(state.active).listdir(folder)
        except FileNotFoundError:
            if not behind:
                raise
            folders, files = [], []
        changed = {key.removeprefix(start): self.exists(key) for key in behind}
        return _corrected(set(folders), set(files) - {names.GUARD_KEY}, changed)

    def get_modified_time(self, name: str) -> datetime:
        name = names.checked(name)
        return self._read(name, lambda store: store.get_modified_time(name))

    def get_created_time(self, name: str) -> datetime:
        name = names.checked(name)
        return self._read(name, lambda store: store.get_created_time(name))

    def get_accessed_time(self, name: str) -> datetime:
        name = names.checked(name)
        return self._read(name, lambda store: store.get_accessed_time(name))

    def url(self, name: str | None) -> str:
        """Return where anyone reads *name*. It is computed: no store is asked, and the object need not exist.

        Raise `ValueError`, like Django's own storage for a folder without URL, if nobody may: the alias is private.
        """
        if conf.configured_alias(self.alias).private:
            raise ValueError(f"The files of {self.alias!r} are private, and have no address that anybody may read.")
        return self.base_url + filepath_to_uri(names.checked(name))

    @property
    def base_url(self) -> str:
        """The URL below which all files of the alias are read, ending in ``/``."""
        return conf.public_url_in_use(self.alias)

    def path(self, name: str) -> str:
        """Return the file's path. Raise `NotImplementedError` unless all files are on this machine's disk."""
        state = state_of(self.alias)
        if not state.is_moving and conf.store_settings(state.active).is_on_this_machine:
            return self._live(state.active).path(names.checked_folder(name))
        where = f"on the way to {state.standby!r}" if state.is_moving else f"in the store {state.active!r}"
        raise NotImplementedError(
            f"The files of {self.alias!r} are {where}, not on this machine's disk; use open() instead of path()."
        )

    # Writing

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return _Names(self).get_available_name(name, max_length)

    def _save(self, name: str, content: File) -> str:
        name = names.checked(name)
        with Upload.of(name, content) as upload:
            headers = self._headers(name, upload)
            while True:
                try:
                    self._create(name, upload, headers)
                except AlreadyExists:  # somebody took the name since it was found to be free
                    name = self.get_available_name(name)
                else:
                    return name

    def delete(self, name: str) -> None:
        name = names.checked(name)
        self._touch(name, lambda store: store.delete(name), deletes=True)

    # Our own

    def _live(self, store: str) -> Storage:
        return live.storage_named(store)

    def _read(self, name: str, work: Callable[[Storage], T]) -> T:
        """Return what *work* finds in the store that has *name*, or in the next one if that definitely lacks it."""
        state = state_of(self.alias)
        tried: list[str] = []
        while True:
            # Asked anew after each miss: what was deleted in between must not be found in another store.
            store = next((each for each in marks.readable_in(state, name) if each not in tried), None)
            if store is None:
                raise FileNotFoundError(f"There is no {name!r} in the storage.")
            try:
                return work(self._live(store))
            except FileNotFoundError:
                if not state.is_moving:
                    raise
                live.check_presence(store)
                tried.append(store)

    def _create(self, name: str, upload: Upload, headers: Headers) -> None:
        self._touch(name, lambda store: store.put(name, upload, headers, replace=False), creates=True)

    def _replace(self, upload: Upload) -> None:
        name = upload.info.key
        headers = self._headers(name, upload)
        self._touch(name, lambda store: store.put(name, upload, headers, replace=True))

    def _touch(self, name: str, work: Callable[[Storage], None], **how: bool) -> None:
        """Do *work* on the store that *name* is to be written to, with the name marked for the others meanwhile."""
        touch = marks.begin(self.alias, name, **how)
        try:
            work(self._live(touch.holder))
        except BaseException as error:
            # A store that has answered is done with it. One that was given up, or a thread that was ended, may not be.
            answered = isinstance(error, StorageError) and not isinstance(error, TransientStoreError)
            marks.end(touch, gave_up=not answered)
            raise
        else:
            marks.end(touch)
        finally:
            keeping.forget(touch.state.stores, name)

    def _headers(self, name: str, upload: Upload) -> Headers:
        answer = conf.configured_alias(self.alias).rule(name, upload.first_bytes)
        if isinstance(answer, HoldBack):
            raise ContentRefused(answer.reason, key=name)
        return answer.headers

    def _content_to_change(self, name: str, mode: str) -> bytes:
        """Return what is under *name* already where *mode* keeps it: ``a`` adds to it, ``+`` without ``w`` edits it."""
        if "x" in mode and self.exists(name):
            raise FileExistsError(f"There is already a file under {name!r}.")
        if "w" in mode or "x" in mode or ("a" in mode and not self.exists(name)):
            return b""
        with self._open(name, "rb") as existing:
            return existing.read()


class _Names(Storage):
    """Choose names as Django does, going by the store in use alone: an upload must not wait for the other one."""

    def __init__(self, storage: SiteStorage) -> None:
        self._storage = storage
        self.get_alternative_name = storage.get_alternative_name
        self.get_valid_name = storage.get_valid_name

    def exists(self, name: str) -> bool:
        name, state = names.checked(name), state_of(self._storage.alias)
        if not state.is_moving:
            return live.storage_named(state.active).exists(name)
        taken = reserving.is_reserved(state.alias, name)
        return taken or live.storage_named(marks.true_holder(state, name)).exists(name)


def _corrected(folders: set[str], files: set[str], changed: dict[str, bool]) -> tuple[list[str], list[str]]:
    """Return a listing with what the store has still to hear of: paths below it, and whether a file is there."""
    for path, is_there in changed.items():
        first, slash, _ = path.partition("/")
        if not slash:
            (files.add if is_there else files.discard)(first)
        elif is_there:
            folders.add(first)
    return sorted(folders), sorted(files)


def _found(store: Storage, name: str) -> bool:
    """Return True, or raise `FileNotFoundError` like the other questions."""
    if not store.exists(name):
        raise FileNotFoundError(name)
    return True
