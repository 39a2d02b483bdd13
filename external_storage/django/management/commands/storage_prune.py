"""``storage_prune``: delete from the store that files are moved to what only that has, and nobody knows of."""

from __future__ import annotations

from typing import Any

from ...console import SecretFree, worst
from ...deleting_command import DeletingCommand
from ...moving import pruning, telling
from ...moving.pruning import Pruned
from ...step_command import closing_off
from ...way_command import stoppable


class Command(DeletingCommand):
    help = (
        "Delete from STORE, which ALIAS is being moved to, each file that only STORE has, that was not uploaded since "
        "changes are carried there, and that no row refers to: mostly, what was copied there and then deleted at the "
        "source. Names each of them, and asks."
    )
    of_store = "The store that is mirrored."

    def run(self, **options: Any) -> int:
        alias, store = options["alias"], options["store"]
        view = telling.for_stream(SecretFree(self.stdout), as_json=options["json"])
        with stoppable(), closing_off(view):
            found = pruning.look(alias, store, view=view, each=lambda key: view.says("prune", f"only there: {key!r}"))
            view.ends()
            question = f"Delete files from {store!r} ({found.found:,})? No other store of {alias!r} has them."
            if self.may_delete(found.found, question, options):
                found = pruning.prune(alias, store, view=view, max_delete=options["max_delete"])
        return self._told(found, as_json=options["json"])

    def _told(self, found: Pruned, *, as_json: bool) -> int:
        code = worst(error.exit_code for error in found.failed.values())
        if as_json:
            self.tell_json(found.as_dict() | {"exit_code": code})
            return code
        for key, error in found.failed.items():
            self.tell(f"{'failed':<9} {key!r}: {error.what}")
        self.tell(f"{'done':<9} only there {found.found}, deleted {found.deleted}, failed {len(found.failed)}")
        return code
