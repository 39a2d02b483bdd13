"""``storage_switch``: let links point at the store that is mirrored, once nothing is in the way."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...moving import journey
from ...moving.journey import Arrival
from ...moving.telling import View
from ...step_command import FORCE, StepCommand


class Command(StepCommand):
    help = (
        "Let new files of ALIAS go to TARGET and links point there, once nothing is in the way. Each blocker is named. "
        "Nothing is copied; storage_move copies, and switches."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("target", metavar="TARGET", help="The store that is mirrored.")
        parser.add_argument("--force", action="append", default=[], metavar="NAME", help=FORCE)

    def take(self, view: View, **options: Any) -> Arrival:
        return journey.switch(options["alias"], options["target"], view=view, force=options["force"])
