"""Time the copy of one large file.

python -m benchmarks.transfer.large_file [--server sink|seaweedfs|ceph] [--mebibytes 2048] [--runs 5]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from . import clients
from .clients import Client
from .compare import Threshold, compare, tell
from .corpus import Corpus, one_large_file
from .measure import Cost, run
from .options import begin
from .places import SERVERS, place

GO_TOOLS = ("s5cmd", "rclone")

# The sink keeps parts as files of their own and shows no object; rclone's way with several readers would look for it.
SENT_AND_NOT_LOOKED_FOR = ("--multi-thread-streams", "0", "--s3-upload-concurrency", "8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--server", choices=SERVERS, default="sink")
    parser.add_argument("--mebibytes", type=int, default=2048)
    options = parser.parse_args(arguments)
    with one_large_file(options.mebibytes << 20) as corpus:
        comparison = compare(
            f"One file of {options.mebibytes:,} MiB to {options.server}",
            [clients.ours(), clients.s5cmd(), clients.rclone(options=SENT_AND_NOT_LOOKED_FOR)],
            lambda client: _once(client, corpus, options.server),
            objects=1,
            runs=options.runs,
            thresholds=[Threshold("wall", 1.1, GO_TOOLS)],
        )
    tell(comparison, options.json)
    return 0


def _once(client: Client, corpus: Corpus, server: str) -> Cost:
    with place(server) as target:
        cost = run(client.command(corpus.root, target), environment=target.environment)
        if target.lists:  # the sink keeps the parts as files of their own
            target.expect(corpus.files, corpus.size)
    return cost


if __name__ == "__main__":
    sys.exit(main())
