"""Time the second run, when everything is there already.

python -m benchmarks.transfer.nothing_to_do [--server seaweedfs|ceph] [--files 20000] [--mean-bytes 60000] [--runs 5]

Ours compares digests, the others size and time. Once with the digests that the first run remembered, as every run of a
site has them, and once without, when every file has to be read again. rclone runs as it comes, once, for it takes long;
and told to go by the time of each upload, which is quicker and misses a file that was put back with an older date.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from external_storage.stores.local import UNSEEN_CHANGE_SECONDS

from . import clients
from .compare import Threshold, compare, say, tell
from .corpus import MEAN_BYTES, covers, scratch
from .measure import run
from .options import begin, names
from .places import place

OTHERS = ("s5cmd", "rclone", "aws")
BY_SERVER_TIME = "rclone by server time"
COLD = "ours cold"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--server", choices=("seaweedfs", "ceph"), default="seaweedfs")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--mean-bytes", type=int, default=MEAN_BYTES)
    parser.add_argument("--clients", type=names, default=["ours", COLD, *OTHERS, BY_SERVER_TIME])
    options = parser.parse_args(arguments)
    compared = [
        clients.s5cmd(verb="sync"),
        clients.rclone(),
        clients.rclone(name=BY_SERVER_TIME, options=clients.SERVER_TIME),
        clients.aws(verb="sync"),
    ]
    with (
        covers(options.files, mean=options.mean_bytes) as corpus,
        scratch("state") as state_dir,
        place(options.server) as bucket,
    ):
        warm = clients.ours(state_dir=state_dir)
        compared = [warm, clients.ours(name=COLD), *compared]
        time.sleep(UNSEEN_CHANGE_SECONDS)  # a file that was just written is not trusted to stay as it is
        filled = run(warm.command(corpus.root, bucket), environment=bucket.environment)
        say(f"filled in {filled.wall:.0f} s")
        comparison = compare(
            f"Nothing to do among {corpus.files:,} files, {corpus.size / 1e6:,.0f} MB, on {options.server}",
            [client for client in compared if client.name in options.clients],
            lambda client: run(client.command(corpus.root, bucket), environment=bucket.environment),
            objects=corpus.files,
            runs=options.runs,
            runs_of={"rclone": 1},
            thresholds=[Threshold("wall", 0.5, OTHERS), Threshold("wall", 0.5, (BY_SERVER_TIME,))],
        )
    tell(comparison, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
