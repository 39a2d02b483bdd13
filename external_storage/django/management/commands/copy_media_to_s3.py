"""``copy_media_to_s3``: send the media folder to the bucket."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from ....errors import StoreRefused
from ... import conf, sending
from ...console import worst
from ...locking import only_run_on
from ...probing import ProbingCommand


class Command(ProbingCommand):
    help = "Copy the media files from this machine's folder to the bucket. Run it as often as you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("-n", "--dry-run", action="store_true", help="Say what would be copied; write nothing.")
        parser.add_argument("--alias", default="default", help="The storage alias whose files are sent.")
        parser.add_argument(
            "--without-public-check",
            action="store_true",
            help="Copy although nobody could see whether the pictures are readable at their public address.",
        )

    def run(self, **options: Any) -> int:
        route = sending.route_of(options["alias"])
        sending.check_folder(route)
        with only_run_on(route.folder.root):
            return self._send(route, **options)

    def _send(self, route: sending.Route, **options: Any) -> int:
        # Where the site serves the files itself, no visitor ever asks the bucket.
        may_ask = not options["without_public_check"] and route.alias.serving != conf.PROXY
        tried = self.try_the_store(
            route.bucket,
            conf.store_named(route.bucket.name),
            may_ask=may_ask,
            write=not options["dry_run"],
            as_json=options["json"],
        )
        if tried.failures:
            return StoreRefused.exit_code
        report = sending.send(route, self.progress(as_json=options["json"]), dry_run=options["dry_run"])
        if options["dry_run"]:
            return report.exit_code
        public_url = tried.public_url if may_ask else None
        seen = list(self._look_at_the_result(route, public_url, as_json=options["json"]))
        if seen and not options["json"]:
            self.tell(report.last_line())  # which is always the last
        return worst([report.exit_code, *seen])

    def _look_at_the_result(self, route: sending.Route, public_url: str | None, *, as_json: bool) -> Iterator[int]:
        """Ask for some of the copied pictures as a visitor does, and name the ones that were lost before the copy.

        Without a *public_url* no visitor is played.
        """
        unseen = sending.unreadable_samples(route, public_url) if public_url else []
        lost = [] if route.bucket_is_in_use else sending.lost_files(route)
        if unseen:
            self.tell_seen(unseen, as_json=as_json)
            yield 5
        if lost:
            self._tell_lost(lost, as_json)
            yield 4

    def _tell_lost(self, lost: list[str], as_json: bool) -> None:
        if as_json:
            self.tell_json({"missing": lost})
            return
        for key in lost:
            self.tell(f"missing: {key!r}: the database refers to it, and neither the folder nor the bucket has it.")
