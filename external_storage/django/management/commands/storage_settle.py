"""``storage_settle``: leave behind the store that links do not point at any more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...moving import journey
from ...moving.journey import Arrival
from ...moving.telling import View
from ...step_command import FORCE, StepCommand


class Command(StepCommand):
    help = (
        "Leave behind the store that is only kept in step with the one in use. Its files stay there; it hears of "
        "deletions and of replaced files, and of nothing else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--force", action="append", default=[], metavar="NAME", help=FORCE)

    def take(self, view: View, **options: Any) -> Arrival:
        return journey.settle(options["alias"], view=view, force=options["force"])
