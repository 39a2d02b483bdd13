"""``storage_move``: bring an alias's files to another store while the site runs."""

from __future__ import annotations

import getpass
import socket
from argparse import ArgumentParser
from typing import Any

from ...moving import foreseeing, journey, static_files
from ...moving.journey import Arrival
from ...moving.telling import View
from ...staticfiles import storage_of
from ...step_command import FORCE, StepCommand


class Command(StepCommand):
    help = (
        "Move the files of ALIAS to the store TARGET while the site runs: check, mirror, copy, verify, switch, watch. "
        "Run it again after it was stopped, and it goes on where it was. The old store keeps its files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("target", metavar="TARGET", help="The configured store they go to.")
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would be done; change nothing.")
        parser.add_argument("--settle", action="store_true", help="Leave the old store behind at the end.")
        parser.add_argument("--force", action="append", default=[], metavar="NAME", help=FORCE)

    def take(self, view: View, **options: Any) -> Arrival:
        alias, target = options["alias"], options["target"]
        if options["dry_run"]:
            return foreseeing.foresee(alias, target, view=view, settles=options["settle"], force=options["force"])
        how = {"settles": options["settle"], "asked_by": f"{getpass.getuser()} on {socket.gethostname()}"}
        if static := storage_of(alias):
            return Arrival(alias, target, static_files.move(static, target, view=view, **how))
        return journey.move(alias, target, view=view, force=options["force"], **how)
