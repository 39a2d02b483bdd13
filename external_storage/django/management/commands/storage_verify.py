"""``storage_verify``: is in TARGET what is in SOURCE, byte for byte, and served as it should be?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from .... import transfer
from ....errors import SettingsError, VerificationFailed
from ....health.asking import NoAnswer, ask
from ....transfer.metadata import Access, look_at_metadata
from ... import conf
from ...console import SecretFree
from ...way_command import Ticker, WayCommand, stoppable
from ...ways import Way

CALLED = {
    "=": "same",
    "+": "only in the source",
    "-": "only in the target",
    "*": "different",
    "!": "unreadable",
}
THREADS = 8


class Command(WayCommand):
    help = (
        "Compare TARGET with SOURCE, and name each file that is not the same: + only in the source, - only in the "
        "target, * different, ! could not be read. Changes nothing, but for --fix-metadata."
    )
    needs_rule = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help="Name those that are the same (=) too.")
        parser.add_argument("--read-data", action="store_true", help="Read every byte of TARGET back.")
        parser.add_argument(
            "--metadata",
            action="store_true",
            help="Compare type, cache header and who may read, as the rule wants them.",
        )
        parser.add_argument("--fix-metadata", action="store_true", help="Repair them in place.")

    def run(self, **options: Any) -> int:
        options["metadata"] = options["metadata"] or options["fix_metadata"]
        way = self.way(options)
        with stoppable():
            if not options["fix_metadata"]:
                return self._verify(way, options)
            with way.alone():
                return self._verify(way, options)

    def _verify(self, way: Way, options: dict[str, Any]) -> int:
        found = self._told(self._lines(way, options), options)
        code = 0 if set(found) <= {"="} else VerificationFailed.exit_code
        if options["json"]:
            counts = {CALLED[symbol].replace(" ", "_"): found[symbol] for symbol in CALLED}
            places = {"source": way.source.store.place, "target": way.target.store.place}
            self.tell_json({**places, **counts, "exit_code": code})
        else:
            self.tell(", ".join(f"{called} {found[symbol]}" for symbol, called in CALLED.items()))
        return code

    def _lines(self, way: Way, options: dict[str, Any]) -> Iterator[transfer.Line]:
        threads = options["concurrency"] or THREADS
        rules = way.rules(**self.scope(options))
        source, target = way.source.store, way.target.store
        lines = transfer.verify(source, target, rules, read_data=options["read_data"], concurrency=threads)
        if not options["metadata"]:
            return lines
        if way.target.provider is None:
            raise SettingsError(
                f"{way.target.store.place} keeps no headers; the server that serves it decides them.",
                remedy="Leave out --metadata, or name a bucket as TARGET.",
            )
        # Of an alias that the site serves itself, strangers have no business in the bucket, and it may be closed.
        is_proxied = way.alias is not None and way.alias.serving == conf.PROXY
        access = None if is_proxied else _Strangers(way.target.public_url).may_read
        return look_at_metadata(lines, source, target, rules, access, mend=options["fix_metadata"], threads=threads)

    def _told(self, lines: Iterable[transfer.Line], options: dict[str, Any]) -> Counter[str]:
        """Tell each line that is worth it; return how many there were of each kind."""
        found: Counter[str] = Counter()
        ticker = Ticker(SecretFree(self.stdout), silent=options["json"])
        for line in lines:
            found[line.symbol] += 1
            if options["all"] or line.symbol != "=" or line.reason:
                ticker.clear()
                self._tell_line(line, as_json=options["json"])
            ticker.show(f"{found.total():,} compared, {found.total() - found['=']:,} not the same")
        ticker.clear()
        return found

    def _tell_line(self, line: transfer.Line, *, as_json: bool) -> None:
        if as_json:
            self.tell_json({"symbol": line.symbol, "key": line.key, "reason": line.reason})
            return
        # Quoted, because a name may hold what would move the cursor.
        self.tell(f"{line.symbol} {json.dumps(line.key, ensure_ascii=False)}: {line.reason}".rstrip(": "))


class _Strangers:
    """What somebody without credentials can read below a public address."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def may_read(self, key: str) -> Access:
        url = self._public_url + quote(key)
        answer = ask("GET", url)
        if isinstance(answer, NoAnswer):
            return Access(None, f"Who may read it could not be seen: {answer.what}")
        if answer.status >= 500 or answer.status == 429:
            return Access(None, f"Who may read it could not be seen: {url} answered {answer.status}.")
        return Access(answer.status == 200, f"{url} answered {answer.status}.")
