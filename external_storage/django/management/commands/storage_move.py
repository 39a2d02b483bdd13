"""``storage_move``: bring an alias's files to another store while the site runs."""

from __future__ import annotations

import getpass
import socket
from argparse import ArgumentParser
from typing import Any

from ...console import SecretFree, StorageCommand
from ...moving import journey, telling
from ...way_command import stoppable


class Command(StorageCommand):
    help = (
        "Move the files of ALIAS to the store TARGET while the site runs: check, mirror, copy, verify, switch, watch. "
        "Run it again after it was stopped, and it goes on where it was. The old store keeps its files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("alias", metavar="ALIAS", help="The storage alias whose files go, such as default.")
        parser.add_argument("target", metavar="TARGET", help="The configured store they go to.")
        parser.add_argument("--settle", action="store_true", help="Leave the old store behind at the end.")
        parser.add_argument(
            "--force", action="append", default=[], metavar="NAME", help="Go on although this blocker is in the way."
        )

    def run(self, **options: Any) -> int:
        with stoppable():
            arrival = journey.move(
                options["alias"],
                options["target"],
                view=telling.for_stream(SecretFree(self.stdout), as_json=options["json"]),
                settles=options["settle"],
                asked_by=f"{getpass.getuser()} on {socket.gethostname()}",
                force=options["force"],
            )
        if options["json"]:
            self.tell_json(arrival.as_dict() | {"exit_code": 0})
        else:
            self.tell(f"{'done':<9} The files of {arrival.alias!r} are in {arrival.state.active!r}.")
        return 0
