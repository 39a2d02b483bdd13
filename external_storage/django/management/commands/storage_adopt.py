"""``storage_adopt``: begin again where the owner says the files are, after the database that knew it was lost."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...console import StorageCommand
from ...moving import journey
from ...remedies import as_typed
from ...step_command import ALIAS


class Command(StorageCommand):
    help = (
        "Take your word that the files of ALIAS are in STORE, where the database was restored from before the last "
        "move, or lost what it knew of it. No file is copied or deleted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("alias", metavar="ALIAS", help=ALIAS)
        parser.add_argument("store", metavar="STORE", help="The store that has the files.")

    def run(self, **options: Any) -> int:
        state = journey.adopt(options["alias"], options["store"])
        if options["json"]:
            told = {"alias": state.alias, "active": state.active, "retired": list(state.retired), "epoch": state.epoch}
            self.tell_json(told | {"exit_code": 0})
            return 0
        self.tell(f"done      The files of {state.alias!r} are in {state.active!r}, as you say.")
        self.tell(f"          Which rows lack their file: {as_typed('storage_missing')} --alias {state.alias}")
        return 0
