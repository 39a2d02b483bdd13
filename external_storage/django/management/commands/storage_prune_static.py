"""``storage_prune_static``: take away hashed static files that no page has named for some weeks."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.files.storage import InvalidStorageError, storages

from ....errors import SettingsError
from ... import conf
from ...console import StorageCommand
from ...pruning import DAY, Pruned, prune
from ...staticfiles import StaticStorage

USUALLY_KEPT_DAYS = 30.0


class Command(StorageCommand):
    help = (
        "Remove hashed static files that no manifest has named for some weeks. Pages opened before the last release, "
        "and copies of them elsewhere, use such files for a while."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would go; remove nothing.")
        parser.add_argument(
            "--keep-days",
            type=float,
            default=USUALLY_KEPT_DAYS,
            metavar="DAYS",
            help=f"How long a file stays after the last page named it ({USUALLY_KEPT_DAYS:g}).",
        )
        parser.add_argument("--alias", default="staticfiles", help="The storage alias of the static files.")
        parser.add_argument("--store", metavar="NAME", help="The store to look through; without, the one in use.")

    def run(self, **options: Any) -> int:
        if options["keep_days"] < 0:
            raise SettingsError("--keep-days is negative.", remedy="Expected: a number of days, 0 for none.")
        alias = conf.alias_named(options["alias"])
        store = options["store"] or alias.active
        if store not in alias.stores:
            known = ", ".join(alias.stores)
            raise SettingsError(f"{store!r} is no store of the alias {alias.name!r}.", remedy=f"Its stores: {known}.")
        done = prune(_storage_of(alias), store, keep_for=options["keep_days"] * DAY, dry_run=options["dry_run"])
        code = 1 if done.failed else 0
        if options["json"]:
            self.tell_json(_as_dict(done, store, options["dry_run"], code))
        else:
            self._tell(done, dry_run=options["dry_run"])
        return code

    def _tell(self, done: Pruned, *, dry_run: bool) -> None:
        said = "would be removed" if dry_run else "removed"
        for name in done.removed:
            self.tell(f"{said}: {name!r}")
        for name, problem in done.failed.items():
            self.tell(f"failed: {name!r}: {problem}")
        self.tell(
            f"{said} {len(done.removed)}, unused but kept for now {len(done.waiting)}, in use {done.in_use}, "
            f"failed {len(done.failed)}"
        )


def _storage_of(alias: conf.Alias) -> StaticStorage:
    try:
        storage = storages[alias.name]
    except InvalidStorageError as problem:
        raise SettingsError(f"STORAGES has no {alias.name!r}.") from problem
    if not isinstance(storage, StaticStorage):
        raise SettingsError(
            f"The static files of {alias.name!r} are not kept by StaticStorage.",
            remedy="Only that keeps a manifest of what pages name.",
        )
    return storage


def _as_dict(done: Pruned, store: str, dry_run: bool, code: int) -> dict[str, Any]:
    return {
        "store": store,
        "dry_run": dry_run,
        "removed": done.removed,
        "waiting": sorted(done.waiting),
        "in_use": done.in_use,
        "failed": {name: problem.what for name, problem in done.failed.items()},
        "exit_code": code,
    }
