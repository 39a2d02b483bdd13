"""``storage_carry``: work in the background for aliases that are being moved."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...console import StorageCommand
from ...moving import carrying
from ...way_command import stoppable


class Command(StorageCommand):
    help = (
        "Carry changes to the stores that have not heard of them, and make the moves that were asked for, until told "
        "to stop. Let it run beside the site; several may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="Do what is due now, and end.")

    def run(self, **options: Any) -> int:
        if options["once"]:
            carrying.Moves().make_what_is_asked(lambda: False)
            carrying.drain_all(lambda: False)
            return 0
        with stoppable() as signals:
            carrying.carry(signals.came)
        return 0
