"""``storage_orphans``: the files that no database row refers to, looked at twice, and removed if somebody says so."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from ....errors import SettingsError
from ....objects import ObjectInfo
from ...console import SecretFree, StorageCommand
from ...orphans import USUAL_DAYS, USUAL_MOST, USUAL_PAUSE, Removal, Search, TooMany, remove
from ...pruning import DAY
from ...way_command import Ticker, stoppable


class Command(StorageCommand):
    help = (
        "Name each file in the store in use that no database row refers to, and ask whether they may go. They are "
        "looked at again after a pause, and only go if nobody refers to them then either. Never while files are moved."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("-n", "--dry-run", action="store_true", help="Name them; remove nothing.")
        parser.add_argument("--alias", default="default", help="The storage alias whose files are meant.")
        parser.add_argument(
            "--older-than",
            type=float,
            default=USUAL_DAYS,
            metavar="DAYS",
            help=f"Leave younger files alone; the row of a new one may not be written yet ({USUAL_DAYS:g}).",
        )
        parser.add_argument(
            "--max-delete",
            type=int,
            default=USUAL_MOST,
            metavar="N",
            help=f"Remove nothing if that would be more than N files ({USUAL_MOST}).",
        )
        parser.add_argument(
            "--pause",
            type=float,
            default=USUAL_PAUSE,
            metavar="SECONDS",
            help=f"How long to wait between the two looks ({USUAL_PAUSE:g}).",
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def run(self, **options: Any) -> int:
        for name in ("older_than", "max_delete", "pause"):
            if options[name] < 0:
                raise SettingsError(f"--{name.replace('_', '-')} is negative.", remedy="Expected: 0 or more.")
        search = Search(options["alias"], older_than=options["older_than"] * DAY)
        done = None
        with stoppable():
            found, count, size = self._look(search, options)
            looked_at = time.monotonic()
            if count and not options["dry_run"] and self._is_wanted(search, count, size, options):
                self._pause(looked_at + options["pause"] - time.monotonic(), silent=options["json"])
                done = remove(options["alias"], found, older_than=options["older_than"] * DAY)
        code = 1 if done and done.failed else 0
        if options["json"]:
            self.tell_json(_as_dict(search, count, size, done, code))
        else:
            self._conclude(search, count, size, done)
            if search.young:
                self.tell("Young ones stay: a row may be written after its file. --older-than 0 names them, too.")
        return code

    def _look(self, search: Search, options: dict[str, Any]) -> tuple[dict[str, ObjectInfo], int, int]:
        """Name every orphan; return those that may go, how many there are, and how many bytes they have together."""
        ticker = Ticker(SecretFree(self.stdout), silent=options["json"])
        found: dict[str, ObjectInfo] = {}
        count = size = 0
        for info in search.orphans():
            count, size = count + 1, size + info.size
            ticker.clear()
            self._tell(info, as_json=options["json"])
            # If there are more, none goes: nothing needs to be remembered of them.
            if count <= options["max_delete"]:
                found[info.key] = info
            ticker.show(f"files in use {search.in_use:,}, without a reference {count:,}")
        ticker.clear()
        return found, count, size

    def _tell(self, info: ObjectInfo, *, as_json: bool) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(info.modified))
        if as_json:
            self.tell_json({"key": info.key, "size": info.size, "modified": info.modified})
        else:
            self.tell(f"orphan: {info.key!r}, {info.size:,} bytes, of {day}")

    def _is_wanted(self, search: Search, count: int, size: int, options: dict[str, Any]) -> bool:
        if count > options["max_delete"]:
            raise TooMany(
                f"Files without a reference: {count:,}. Allowed to go: {options['max_delete']:,}. None went.",
                remedy="Look at what is named above. If all of them may go, raise --max-delete.",
            )
        if options["yes"]:
            return True
        if options["json"] or not sys.stdin.isatty():
            raise SettingsError(
                "Nobody can be asked here.", remedy="Add --yes if the files may go, or --dry-run to name them."
            )
        question = f"Remove these files ({count:,}, {size:,} bytes) from {search.store.place} for good? [y/N] "
        return input(question).strip().lower() in ("y", "yes")

    def _pause(self, seconds: float, *, silent: bool) -> None:
        if seconds > 1 and not silent:
            self.tell(f"Looking once more in {seconds:.0f} s; until then Ctrl-C keeps them all.")
            self.stdout.flush()
        time.sleep(max(0.0, seconds))

    def _conclude(self, search: Search, count: int, size: int, done: Removal | None) -> None:
        for key, why in (done.failed if done else {}).items():
            self.tell(f"failed: {key!r}: {why}")
        self.tell(
            f"in use {search.in_use}, without a reference {count} ({size} bytes), young {search.young}, "
            f"of others or held back {search.known}"
        )
        if done:
            self.tell(
                f"removed {done.removed} ({done.bytes} bytes), changed meanwhile {done.changed}, "
                f"failed {len(done.failed)}"
            )


def _as_dict(search: Search, count: int, size: int, done: Removal | None, code: int) -> dict[str, Any]:
    told = {"store": search.state.active, "in_use": search.in_use, "orphans": count, "orphan_bytes": size}
    told |= {"young": search.young, "known": search.known}
    return told | (done or Removal()).as_dict() | {"exit_code": code}
