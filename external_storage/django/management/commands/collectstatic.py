"""``collectstatic``: Django's own, which also sends the files to the bucket and says what was sent."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic
from django.core.files.storage import Storage

from ... import publishing
from ...console import StorageConsole
from ...staticfiles import StaticStorage


class Command(StorageConsole, collectstatic.Command):
    """Collect here, hash here; then, if the static files live in a bucket, send what it lacks, the manifest last.

    With `StaticStorage` it asks nothing: hashed names are only ever added, so there is nothing to lose. With any other
    storage it is Django's command, which in addition never collects secrets, code or dumps.
    """

    help = "Collect the static files, and send those that the bucket lacks if they are served from one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="Print JSON for programs instead of text.")

    def set_options(self, **options: Any) -> None:
        options["ignore_patterns"] = [*options["ignore_patterns"], *publishing.NEVER_PUBLISHED]
        super().set_options(**options)
        self.is_ours = isinstance(self.storage, StaticStorage)
        if self.is_ours:
            self.interactive = self.interactive and self.clear  # only clearing takes anything away
        self.as_json = options["json"]
        self.verbosity = 0 if self.as_json else self.verbosity

    def delete_file(self, path: str, prefixed_path: str, source_storage: Storage) -> bool:
        """Tell whether the file is to be copied; the one in its place stays until the copy replaces it.

        Contents are compared, not times: a release may bring a file that is older than the one it replaces.
        """
        if not self.is_ours or self.symlink:
            return super().delete_file(path, prefixed_path, source_storage)
        is_there = self.storage.last_collection.has(prefixed_path, source_storage.path(path))
        if not is_there and self.storage.exists(prefixed_path):
            with source_storage.open(path) as new, self.storage.open(prefixed_path) as old:
                is_there = new.read() == old.read()
            self.storage.last_collection.vouch_for(prefixed_path)
        if is_there:
            self.unmodified_files.append(prefixed_path)
        return not is_there

    def handle(self, **options: Any) -> None:
        with self.ending_with_a_word(as_json=options["json"]):
            self._tell_what_was_done(super().handle(**options))

    def _tell_what_was_done(self, summary: str | None) -> None:
        sent = self.storage.sent if self.is_ours else None
        if self.as_json:
            self.tell_json(
                {
                    "collected": len(self.copied_files) + len(self.symlinked_files),
                    "unmodified": len(self.unmodified_files),
                    "sent": sent.as_dict() if sent else None,
                }
            )
            return
        if summary:
            self.tell(summary.strip())
        if sent and self.verbosity:
            for line in [*map(str, sent.outcomes), *sent.lines()]:
                self.tell(line)
