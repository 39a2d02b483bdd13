"""What the commands share that delete files of a store: they count first, ask, and delete no more than was allowed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from ..errors import SettingsError
from .console import StorageCommand
from .moving.purging import TooMany
from .step_command import ALIAS


class DeletingCommand(StorageCommand):
    """A command that deletes files of one store of an alias, but only those that it has named or counted before."""

    of_store = ""
    """What the store is, for the help."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("alias", metavar="ALIAS", help=ALIAS)
        parser.add_argument("store", metavar="STORE", help=self.of_store)
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would be deleted; delete nothing.")
        parser.add_argument("--max-delete", type=int, metavar="N", help="Delete nothing if that would be more than N.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def may_delete(self, count: int, question: str, options: dict[str, Any]) -> bool:
        """Return whether *count* files may be deleted. Raise `TooMany`, or `SettingsError` if nobody can be asked."""
        store, allowed = options["store"], options["max_delete"]
        if allowed is not None and count > allowed:
            raise TooMany(
                f"Files that would be deleted from {store!r}: {count:,}. Allowed: {allowed:,}.",
                remedy="Nothing was deleted. Raise --max-delete if that is what you want.",
            )
        return bool(count) and self.is_wanted(question, options)

    def is_wanted(self, question: str, options: dict[str, Any]) -> bool:
        """Return whether it was asked for, by an option or by an answer."""
        if options["dry_run"] or options["yes"]:
            return not options["dry_run"]
        if options["json"] or not sys.stdin.isatty():
            raise SettingsError("Nobody can be asked here.", remedy="Add --yes if that may be done.")
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
