"""``storage_missing``: which rows lack their file, and where a copy of it may be had."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management import get_commands

from ....errors import VerificationFailed
from ...console import SecretFree, StorageCommand
from ...missing import Missing, Search
from ...remedies import as_typed
from ...way_command import Ticker, stoppable

REBUILDING = "rebuild_thumbnails"


class Command(StorageCommand):
    help = (
        "Name each file that a database row refers to and that the store in use lacks, with the rows and with where a "
        "copy may be had: another store of the alias, or the picture that a smaller one is made from. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--alias", default="default", help="The storage alias whose files are meant.")
        parser.add_argument("--store", default="", metavar="NAME", help="Look in this store, not in the one in use.")

    def run(self, **options: Any) -> int:
        search = Search(options["alias"], options["store"])
        ticker = Ticker(SecretFree(self.stdout), silent=options["json"])
        found: Counter[str] = Counter()
        with stoppable():
            for missing in search.missing():
                ticker.clear()
                found[_kind(missing)] += 1
                self._tell(missing, search, as_json=options["json"])
                ticker.show(f"files looked for {search.references:,}, missing {found.total():,}")
        ticker.clear()
        code = VerificationFailed.exit_code if found.total() > found["to_make"] else 0
        counts = {kind: found[kind] for kind in ("elsewhere", "to_make", "unknown", "lost")}
        if options["json"]:
            self.tell_json({"store": search.name, "references": search.references, **counts, "exit_code": code})
        else:
            self._conclude(search, counts)
        return code

    def _tell(self, missing: Missing, search: Search, *, as_json: bool) -> None:
        if as_json:
            self.tell_json(missing.as_dict() | {"store": search.name})
            return
        more = f" and {missing.row_count - len(missing.rows)} more" if missing.row_count > len(missing.rows) else ""
        self.tell(f"missing: {missing.key!r} of {'; '.join(map(str, missing.rows))}{more}")
        self.tell(f"{'':<8} -> {_where(missing, search)}")

    def _conclude(self, search: Search, counts: dict[str, int]) -> None:
        self.tell(
            f"files that rows refer to {search.references}, missing in {search.store.place}: in another store "
            f"{counts['elsewhere']}, to be made again {counts['to_make']}, not known {counts['unknown']}, "
            f"nowhere {counts['lost']}"
        )


def _kind(missing: Missing) -> str:
    """Return what can be done about it, the easiest first."""
    if missing.copies and not missing.can_be_made:
        return "elsewhere"
    if missing.made_from:
        return "to_make"
    return "unknown" if missing.unasked else "lost"


def _where(missing: Missing, search: Search) -> str:
    match _kind(missing):
        case "to_make":
            how = REBUILDING if REBUILDING in get_commands() else "upload the picture again"
            when = "" if missing.can_be_made else " once that is there"
            return f"It can be made again from {missing.made_from!r}{when}: {as_typed(how)}"
        case "elsewhere":
            return f"{_named(missing.copies)} it: {as_typed('storage_copy')} {missing.copies[0]} {search.name}"
        case "unknown":
            reasons = "; ".join(f"{name}: {why}" for name, why in missing.unasked.items())
            return f"Not every store could be asked. {reasons}"
    return "No store has it. If a backup has not either, it has to be uploaded again."


def _named(stores: list[str]) -> str:
    return f"{', '.join(map(repr, stores))} {'has' if len(stores) == 1 else 'have'}"
