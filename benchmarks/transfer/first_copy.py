"""Time the first copy of a folder of covers into an empty bucket.

python -m benchmarks.transfer.first_copy --server sink|seaweedfs|ceph [--files 20000] [--runs 5] [--delay-ms 20]

The sink has no listing, so there the copying alone is timed; elsewhere ours proves what it sent and the others do not.
A fresh server is started for each run, and what arrived is counted after it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import clients
from .clients import Client
from .compare import Threshold, compare, fastest, say, tell
from .corpus import Corpus, covers
from .measure import Cost, run
from .options import begin, names
from .places import SERVERS, place

GO_TOOLS = ("s5cmd", "rclone")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--server", choices=SERVERS, default="sink")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="added to each of the sink's answers")
    parser.add_argument("--clients", type=names, default=["ours", "s5cmd", "rclone", "aws"])
    parser.add_argument("--aws-runs", type=int, help="the AWS CLI takes its time")
    options = parser.parse_args(arguments)

    candidates = _candidates(options)
    with covers(max(options.files // 10, 1)) as small:
        chosen = [_best(candidates[name], small, options) for name in options.clients]
    with covers(options.files) as corpus:
        say(f"{corpus.files} files, {corpus.size / 1e6:,.0f} MB")
        comparison = compare(
            _title(corpus, options),
            chosen,
            lambda client: _once(client, corpus, options),
            objects=corpus.files,
            runs=options.runs,
            runs_of={} if options.aws_runs is None else {"aws": options.aws_runs},
            thresholds=_thresholds(options),
        )
    tell(comparison, options.json)
    return 0


def _candidates(options: argparse.Namespace) -> dict[str, list[Client]]:
    """Return each client in the variants among which its best is looked for; ours has to find its own pace."""
    many = (32, 64, 128) if options.delay_ms else (8, 16, 32, 64)
    return {
        "ours": [clients.ours()],
        "floor": [clients.floor(16 if options.delay_ms else 4)],
        "s5cmd": [clients.s5cmd(workers) for workers in many],
        "rclone": [clients.rclone(transfers) for transfers in many],
        "aws": [clients.aws()],
    }


def _best(candidates: list[Client], small: Corpus, options: argparse.Namespace) -> Client:
    if len(candidates) == 1:
        return candidates[0]
    return fastest(candidates, lambda client: _once(client, small, options))


def _once(client: Client, corpus: Corpus, options: argparse.Namespace) -> Cost:
    with place(options.server, delay=options.delay_ms / 1000) as target:
        cost = run(client.command(corpus.root, target), environment=target.environment)
        target.expect(corpus.files, corpus.size)
    return cost


def _title(corpus: Corpus, options: argparse.Namespace) -> str:
    delay = f" with {options.delay_ms:.0f} ms added to each answer" if options.delay_ms else ""
    return f"First copy of {corpus.files:,} files, {corpus.size / 1e6:,.0f} MB, to {options.server}{delay}"


def _thresholds(options: argparse.Namespace) -> list[Threshold]:
    if options.server != "sink":
        return [Threshold("wall", 1.0, GO_TOOLS), Threshold("cpu", 0.5, GO_TOOLS)]
    if options.delay_ms:
        return [Threshold("wall", 0.8, GO_TOOLS)]
    return [Threshold("wall", 0.6, GO_TOOLS), Threshold("cpu", 0.5, GO_TOOLS), Threshold("wall", 1 / 12, ("aws",))]


if __name__ == "__main__":
    sys.exit(main())
