"""Measure the memory that listing and planning a copy of very many objects takes.

python -m benchmarks.transfer.planning [--objects 100000,1000000] [--runs 5]

Both buckets are made up by a synthetic server; the target lacks every tenth object. Nothing is copied.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import clients
from .compare import Ceiling, compare, tell
from .measure import run
from .options import begin, names
from .synthetic import synthetic

MOST_MEMORY = 150e6


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--objects", type=names, default=["100000", "1000000"])
    parser.add_argument("--clients", type=names, default=["ours", "s5cmd", "rclone"])
    options = parser.parse_args(arguments)
    with synthetic() as server:
        for count in options.objects:
            compared = clients.planning(f"objects-{count}", f"lacking-{count}")
            comparison = compare(
                f"Planning the copy of {int(count):,} objects, of which every tenth is missing",
                [client for client in compared if client.name in options.clients],
                lambda client: run(client.command(Path(), server), environment=server.environment),
                objects=int(count),
                runs=options.runs,
                thresholds=[Ceiling("peak", MOST_MEMORY)],
            )
            tell(comparison, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
