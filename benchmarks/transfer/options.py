"""The options that all benchmarks share."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path


def begin(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """Return a parser that knows how often to run, and where the figures go; from now on SIGTERM ends in good order."""
    # So that servers and folders in memory are put away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help=f"of each client, in turn (default: {runs})")
    parser.add_argument("--json", type=Path, help="a file that the figures are added to, one line of JSON a benchmark")
    return parser


def names(text: str) -> list[str]:
    return text.split(",")
