"""``storage_copy``: send what TARGET lacks or holds differently, and prove that it is there."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from .... import transfer
from ....errors import StoreRefused
from ....stores import Store
from ....transfer.bandwidth import Bandwidth, ThrottledStore, read_rate
from ... import conf
from ...places import refuse_half_of_a_store_in_use
from ...probing import ProbingCommand
from ...way_command import WayCommand, stoppable
from ...ways import Way


class Command(WayCommand, ProbingCommand):
    help = (
        "Copy to TARGET what it lacks or holds differently, and prove that it is there. Nothing is ever deleted. "
        "Run it as often as you like; a run that was stopped goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would be copied; write nothing.")
        parser.add_argument("--bandwidth", metavar="RATE", help="Bytes a second at most, such as 500k or 2M.")
        parser.add_argument(
            "--on-conflict",
            choices=["replace", "keep"],
            help="What becomes of a file that differs in TARGET; without, a store that is in use keeps its own.",
        )
        parser.add_argument(
            "--without-public-check",
            action="store_true",
            help="Copy although nobody could see whether the files are readable at their public address.",
        )

    def run(self, **options: Any) -> int:
        bandwidth = None if options["bandwidth"] is None else Bandwidth(read_rate(options["bandwidth"]))
        way = self.way(options)
        refuse_half_of_a_store_in_use(way.target)
        way.check_target_can_be_written()
        with way.alone(writes=not options["dry_run"]):
            if not self._is_fit(way, options):
                return StoreRefused.exit_code
            source, target = _throttled(way, bandwidth)
            report = transfer.copy(
                source,
                target,
                way.rules_to_copy(on_conflict=options["on_conflict"], **self.scope(options)),
                concurrency=options["concurrency"],
                progress=self.progress(as_json=options["json"]),
                dry_run=options["dry_run"],
                state_dir=conf.configuration().state_dir,
            )
        return report.exit_code

    def _is_fit(self, way: Way, options: dict[str, Any]) -> bool:
        """Try a bucket before anything is sent to it; whether strangers can read is asked where an alias says so."""
        if way.target.is_folder:
            return True
        alias = way.alias
        is_linked = alias is not None and way.target.configured in alias.stores and alias.serving != conf.PROXY
        with stoppable():
            tried = self.try_the_store(
                way.target.settings,
                way.target.store,
                may_ask=is_linked and not options["without_public_check"],
                write=not options["dry_run"],
                as_json=options["json"],
            )
        return not tried.failures


def _throttled(way: Way, bandwidth: Bandwidth | None) -> tuple[Store, Store]:
    """Return the two stores, slowed down where bytes travel; between two folders, where they are written."""
    source, target = way.source.store, way.target_to_copy_to
    if bandwidth is None:
        return source, target
    if not way.source.is_folder:
        source = ThrottledStore(source, bandwidth)
    if not way.target.is_folder or way.source.is_folder:
        target = ThrottledStore(target, bandwidth)
    return source, target
