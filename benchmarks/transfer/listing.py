"""Time the listing of a bucket with many small objects.

python -m benchmarks.transfer.listing [--server ceph|seaweedfs] [--keys 120000] [--runs 5]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import clients
from .compare import Threshold, compare, say, tell
from .corpus import covers
from .measure import run
from .options import begin
from .places import place

GO_TOOLS = ("s5cmd", "rclone")

TINY = 100


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--server", choices=("ceph", "seaweedfs"), default="ceph")
    parser.add_argument("--keys", type=int, default=120_000)
    options = parser.parse_args(arguments)
    with place(options.server) as bucket:
        with covers(options.keys, mean=TINY) as corpus:
            filled = run(clients.ours().command(corpus.root, bucket), environment=bucket.environment)
            say(f"filled in {filled.wall:.0f} s")
        comparison = compare(
            f"Listing {options.keys:,} keys from {options.server}",
            clients.listing(),
            lambda client: run(client.command(Path(), bucket), environment=bucket.environment),
            objects=options.keys,
            runs=options.runs,
            thresholds=[Threshold("wall", 0.5, GO_TOOLS), Threshold("cpu", 0.5, GO_TOOLS)],
        )
    tell(comparison, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
