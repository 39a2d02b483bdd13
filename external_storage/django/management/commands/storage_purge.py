"""``storage_purge``: delete from a store that was left behind what the store in use was just seen to have."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from ....errors import SettingsError, VerificationFailed
from ...console import SecretFree, StorageCommand
from ...moving import purging, telling
from ...moving.purging import Purge, TooMany
from ...step_command import ALIAS, closing_off
from ...way_command import stoppable


class Command(StorageCommand):
    help = (
        "Delete from STORE, which ALIAS has left behind, each file that was just seen to be the same in the store in "
        "use. Asks before it does. What only STORE has, or has otherwise, stays there and is named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("alias", metavar="ALIAS", help=ALIAS)
        parser.add_argument("store", metavar="STORE", help="The store that was left behind.")
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would be deleted; delete nothing.")
        parser.add_argument("--max-delete", type=int, metavar="N", help="Delete nothing if that would be more than N.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def run(self, **options: Any) -> int:
        alias, store, allowed = options["alias"], options["store"], options["max_delete"]
        view = telling.for_stream(SecretFree(self.stdout), as_json=options["json"])
        with stoppable(), closing_off(view):
            found = purging.look(alias, store, view=view)
            view.ends()
            if allowed is not None and found.may_go > allowed:
                raise TooMany(
                    f"{found.may_go:,} files would be deleted from {store!r}, and {allowed:,} are allowed.",
                    remedy="Nothing was deleted. Raise --max-delete if that is what you want.",
                )
            if not options["dry_run"] and self._is_wanted(found, options):
                found = purging.purge(alias, store, view=view, max_delete=allowed)
        return self._told(found, as_json=options["json"])

    def _is_wanted(self, found: Purge, options: dict[str, Any]) -> bool:
        if options["yes"] or not found.may_go:
            return True
        if options["json"] or not sys.stdin.isatty():
            raise SettingsError("Nobody can be asked here.", remedy="Add --yes if the files may be deleted.")
        question = f"Delete {found.may_go:,} files from {found.store!r}? {found.kept_in!r} has each of them. [y/N] "
        return input(question).strip().lower() in ("y", "yes")

    def _told(self, found: Purge, *, as_json: bool) -> int:
        code = VerificationFailed.exit_code if found.stay else 0
        if as_json:
            self.tell_json(found.as_dict() | {"exit_code": code})
            return code
        for each in found.named:
            self.tell(f"{'stays':<9} {each}")
        self.tell(f"{'done':<9} may go {found.may_go}, deleted {found.deleted}, stay {found.stay}")
        if found.is_empty:
            self.tell(f"{'':<9} {found.store!r} is empty, and is told of nothing any more.")
        return code
