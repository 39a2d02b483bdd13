"""``storage_mirror``: let every change of an alias's files be carried to another store too."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...moving import journey
from ...moving.journey import Arrival
from ...moving.telling import View
from ...step_command import FORCE, StepCommand


class Command(StepCommand):
    help = (
        "Try the store TARGET, and carry every change of ALIAS's files to it from now on. Nothing is copied, and no "
        "link changes: storage_copy brings the files that are there already, storage_switch lets links point there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("target", metavar="TARGET", help="The configured store that is to have everything.")
        parser.add_argument("--force", action="append", default=[], metavar="NAME", help=FORCE)

    def take(self, view: View, **options: Any) -> Arrival:
        return journey.mirror(options["alias"], options["target"], view=view, force=options["force"])
