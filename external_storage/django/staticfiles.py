"""Static files under hashed names: made on this machine first, then sent to the store in use, the manifest last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile, File
from django.core.files.storage import storages
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

from .. import transfer
from ..errors import StorageError
from ..objects import PublishingRule
from ..sentences import say
from ..stores import BytesSource, LocalStore, Source
from . import conf, publishing
from .last_collection import LastCollection
from .moving.state import fresh_state_of
from .uploads import Upload


class StaticStorage(ManifestStaticFilesStorage):
    """Collect into ``STATIC_ROOT``, link to wherever the alias's files are read.

    The manifest is read from this machine, so a link costs nothing. It is written only after every file it names is in
    each store that pages name now, or are to name: a page never names a file that is not there.
    """

    def __init__(self, alias: str = "staticfiles", location: str | None = None) -> None:
        self.alias = alias
        self.sent: transfer.Report | None = None
        self._is_hashing = False
        super().__init__(location=location)

    @property
    def base_url(self) -> str:
        """Where the files are read: in the store in use, or on the site itself while they are being moved."""
        return conf.public_url_in_use(self.alias)

    @cached_property
    def rule(self) -> PublishingRule:
        """What may be published: the alias's own rule where the site names one."""
        return conf.alias_named(self.alias).publishing_rule or publishing.static_files

    @property
    def remote_stores(self) -> list[str]:
        """The stores, other than ``STATIC_ROOT``, that pages name: those in use, and the one the settings want."""
        wanted = (*fresh_state_of(self.alias).in_use, conf.configured_alias(self.alias).active)
        return [name for name in dict.fromkeys(wanted) if is_remote(name)]

    def stored_name(self, name: str) -> str:
        """Return the hashed name, or the plain one as long as nothing was ever collected (a fresh checkout, a test)."""
        return super().stored_name(name) if self.hashed_files else name

    # Collecting: these files are being served meanwhile, so none may be missing even for a moment.

    def delete(self, name: str) -> None:
        """Delete the file, except while names are hashed: what Django deletes then it saves anew, and that replaces."""
        if not self._is_hashing:
            super().delete(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return *name* itself: a static file's name is its own."""
        return name

    def _save(self, name: str, content: File) -> str:
        # Written anew, it would have to be read again to find out that it is the same.
        if not (self._is_hashing and self._holds(name, content)):
            with Upload.of(name, content) as upload:
                self._write(upload)
        self.last_collection.vouch_for(name)
        return name

    def _holds(self, name: str, content: File) -> bool:
        """Return whether *name* is there with just this content."""
        try:
            held = Path(self.path(name)).read_bytes()
        except FileNotFoundError:
            return False
        content.seek(0)
        return held == content.read()

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool]]:
        """Hash and rewrite what was collected, unless nothing has changed since that was done the last time."""
        if dry_run:
            return
        made = self.last_collection.hashed_names(paths)
        if made is None:
            yield from self._process_all(paths, options)
            return
        yield from ((name, hashed_name, False) for name, hashed_name in made.items())
        self.hashed_files = made
        self._publish()

    def _process_all(self, paths: dict[str, Any], options: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
        self.last_collection.begin_anew()
        self._is_hashing = True
        try:
            yield from super().post_process(paths, **options)
        finally:
            self._is_hashing = False

    def save_manifest(self) -> None:
        """Put what was collected on the disk for good, then publish it."""
        # All at once, for on the way to its hashed name a file is written several times. A power cut before this leaves
        # a manifest that names none of it.
        self._collected.write_to_disk({*self.hashed_files, *self.hashed_files.values()})
        self.last_collection.keep(self.hashed_files)
        self._publish()

    def _publish(self) -> None:
        """Send the collected files, then write the manifest here, then there. The order is what the class promises."""
        stores = self.remote_stores
        for store in stores:
            self.sent = self._send_files(store)
        self._write(BytesSource(self.manifest_name, self._manifest()))
        self._collected.write_to_disk([self.manifest_name])
        for store in stores:
            self._send_manifest(store)

    def send_to(self, store: str) -> transfer.Report:
        """Send what was collected to *store*, the manifest last. Raise `StaticFilesNotSent` if something is left."""
        sent = self._send_files(store)
        self._send_manifest(store)
        return sent

    def _send_files(self, store: str) -> transfer.Report:
        sent = self._send(store, exclude=[self.manifest_name])
        if sent.exit_code not in (0, 4):  # 4: something lies there that is no file; pages name none of it
            raise StaticFilesNotSent(sent)
        return sent

    def _send_manifest(self, store: str) -> None:
        sent = self._send(store, prefix=self.manifest_name, include=[self.manifest_name])
        if sent.exit_code:
            raise StaticFilesNotSent(sent)

    def _manifest(self) -> bytes:
        names = json.dumps(sorted(self.hashed_files.items())).encode()
        self.manifest_hash = self.file_hash(None, ContentFile(names))
        manifest = {"paths": self.hashed_files, "version": self.manifest_version, "hash": self.manifest_hash}
        return json.dumps(manifest).encode()

    def _write(self, source: Source) -> None:
        self._collected.put(source.info.key, source, publishing.AS_A_FILE, replace=True)

    def _send(self, store: str, **which: Any) -> transfer.Report:
        rules = transfer.Rules(publish=self.rule, on_difference="replace", **which)
        target, state_dir = conf.store_named(store), conf.configuration().state_dir
        return transfer.copy(self._collected, target, rules, state_dir=state_dir)

    @cached_property
    def last_collection(self) -> LastCollection:
        """What is remembered of the run before. A class that makes something else of the files remembers nothing."""
        folder = conf.configuration().state_dir if type(self) is StaticStorage else None
        recipe = f"{django.__version__} {settings.STATIC_URL} {self.patterns}"
        file = folder / f"collected-{self.alias}.json" if folder else None
        return LastCollection(file, Path(self.location), recipe)

    @cached_property
    def _collected(self) -> LocalStore:
        return LocalStore("collected", self.location, create=True, durable=False)


def is_remote(store: str) -> bool:
    """Return whether *store* is somewhere else than in a folder of this machine."""
    return not conf.store_settings(store).is_on_this_machine


def storage_of(alias: str) -> StaticStorage | None:
    """Return the site's `StaticStorage` for *alias*; None if the alias is none of static files."""
    # Others are not even made: one that the site never uses may lack its settings.
    ours = (name for name, described in storages.backends.items() if _is_static(described["BACKEND"]))
    return next((storages[name] for name in ours if storages[name].alias == alias), None)


def _is_static(backend: str) -> bool:
    return issubclass(import_string(backend), StaticStorage)


class StaticFilesNotSent(StorageError):
    """Some static files did not reach the store; the manifest is unchanged, so pages go on naming the old ones."""

    def __init__(self, report: transfer.Report) -> None:
        self.exit_code = report.exit_code
        super().__init__(
            report.last_line(), remedy=say("The pages still use the files they used before. Run it again.")
        )
