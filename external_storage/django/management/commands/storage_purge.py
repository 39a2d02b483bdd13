"""``storage_purge``: delete from a store that was left behind what the store in use was just seen to have."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ....errors import VerificationFailed
from ...console import SecretFree
from ...deleting_command import DeletingCommand
from ...moving import purging, telling
from ...moving.purging import Purge
from ...moving.telling import View
from ...step_command import closing_off
from ...way_command import stoppable


class Command(DeletingCommand):
    help = (
        "Delete from STORE, which ALIAS has left behind, each file that was just seen to be the same in the store in "
        "use. Asks before it does. What only STORE has, or has otherwise, stays there and is named."
    )
    of_store = "The store that was left behind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--forget",
            action="store_true",
            help="Tell STORE of nothing any more, and delete nothing: for one that is dead, or whose files are kept.",
        )

    def run(self, **options: Any) -> int:
        view = telling.for_stream(SecretFree(self.stdout), as_json=options["json"])
        with stoppable(), closing_off(view):
            found = self._forgotten(options) if options["forget"] else self._purged(view, options)
        return self._told(found, as_json=options["json"])

    def _forgotten(self, options: dict[str, Any]) -> Purge:
        alias, store = options["alias"], options["store"]
        found = purging.left_behind(alias, store)
        question = f"Let {store!r} hear of nothing any more? Whatever people remove will stay there."
        return purging.forget(alias, store) if self.is_wanted(question, options) else found

    def _purged(self, view: View, options: dict[str, Any]) -> Purge:
        alias, store = options["alias"], options["store"]
        found = purging.look(alias, store, view=view)
        view.ends()
        question = f"Delete files from {store!r} ({found.may_go:,})? {found.kept_in!r} has each of them."
        if found.may_go and not self.may_delete(found.may_go, question, options):
            return found
        return found if options["dry_run"] else purging.purge(alias, store, view=view, max_delete=options["max_delete"])

    def _told(self, found: Purge, *, as_json: bool) -> int:
        code = VerificationFailed.exit_code if found.stay else 0
        if as_json:
            self.tell_json(found.as_dict() | {"exit_code": code})
            return code
        for each in found.named:
            self.tell(f"{'stays':<9} {each}")
        self.tell(f"{'done':<9} may go {found.may_go}, deleted {found.deleted}, stay {found.stay}")
        if found.is_forgotten:
            self.tell(f"{'':<9} {found.store!r} {'is empty, and ' * found.is_empty}is told of nothing any more.")
        return code
