"""What the commands with a SOURCE and a TARGET share: their arguments, and the way these mean."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ..errors import SettingsError
from ..transfer.signals import SignalsRaise
from .console import SecretFree, StorageCommand
from .ways import Way, way_between

PLACE = "an alias (its active store), the name of a configured store, or a URL such as file:///srv/images"


class WayCommand(StorageCommand):
    """A command about the way from SOURCE to TARGET."""

    needs_rule = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("source", metavar="SOURCE", help=f"Where the files are: {PLACE}.")
        parser.add_argument("target", metavar="TARGET", help="Where they go, named in the same ways.")
        parser.add_argument("--alias", help="The alias whose rules hold, where the places do not tell.")
        parser.add_argument("--rule", metavar="PATH", help="The publishing rule to use instead, as a dotted path.")
        parser.add_argument("--prefix", default="", help="Only names that begin so.")
        parser.add_argument("--include", action="append", default=[], metavar="PATTERN", help="Only names like this.")
        parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="No names like this.")
        parser.add_argument("--concurrency", type=int, metavar="N", help="How many at once; found by itself without.")

    def way(self, options: dict[str, Any]) -> Way:
        """Return the way that the arguments mean, with its folders looked at."""
        if options["concurrency"] is not None and options["concurrency"] < 1:
            raise SettingsError(
                "--concurrency is less than 1.", remedy="Leave it out, and the number is found by itself."
            )
        way = way_between(
            options["source"],
            options["target"],
            alias=options["alias"],
            rule=options["rule"],
            needs_rule=self.needs_rule or bool(options.get("metadata")),
        )
        way.check_folders()
        return way

    def scope(self, options: dict[str, Any]) -> dict[str, str | Sequence[str]]:
        """Return which names the run is about."""
        return {name: options[name] for name in ("prefix", "include", "exclude")}


@contextmanager
def stoppable() -> Iterator[SignalsRaise]:
    """Let a stopping signal raise `Interrupted` in the block."""
    signals = SignalsRaise()
    signals.begin()
    try:
        yield signals
    finally:
        signals.end()


class Ticker:
    """One line on where a command stands: redrawn on a terminal, written now and then elsewhere."""

    def __init__(self, stream: SecretFree, *, silent: bool = False) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._silent = silent
        self._interval = 0.2 if self._live else 10.0
        self._due = monotonic() + self._interval
        self._drawn = False

    def show(self, text: str) -> None:
        if self._silent or monotonic() < self._due:
            return
        self._due = monotonic() + self._interval
        if self._live:
            self._stream.write(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}")
            self._drawn = True
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away before something else is written."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._drawn = False
