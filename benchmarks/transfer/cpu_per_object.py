"""Compare the CPU time of each object with that of the least a client in Python can do, and show where it goes.

python -m benchmarks.transfer.cpu_per_object [--files 20000] [--runs 5] [--profile]
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from . import clients
from .clients import Client
from .compare import Threshold, compare, tell
from .corpus import Corpus, covers, scratch
from .measure import PROJECT, Cost, run
from .options import begin
from .places import place

SAMPLES_PER_SECOND = 500
SHOWN = 25


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true", help="also tell which functions hold the interpreter")
    options = parser.parse_args(arguments)
    with covers(options.files) as corpus:
        comparison = compare(
            f"CPU for each of {corpus.files:,} objects",
            [clients.floor(4), clients.ours()],
            lambda client: _once(client, corpus),
            objects=corpus.files,
            runs=options.runs,
            thresholds=[Threshold("cpu", 1.7, ("floor",))],
        )
        tell(comparison, options.json)
        for name in comparison.costs:
            print(f"{name}: {comparison.median(name, 'cpu') / corpus.files * 1e6:.0f} µs an object")
        if options.profile:
            print("\n".join(_profile(corpus)))
    return 0


def _once(client: Client, corpus: Corpus) -> Cost:
    with place("sink") as target:
        return run(client.command(corpus.root, target), environment=target.environment)


def _profile(corpus: Corpus) -> Iterator[str]:
    """Yield a line for each function that often held the interpreter; hashing and sending do without it."""
    with scratch("profile") as folder, place("sink") as target:
        samples = folder / "samples"
        spy = [clients.program("py-spy"), "record", "--gil", "--rate", str(SAMPLES_PER_SECOND), "--format", "raw"]
        command = clients.ours().command(corpus.root, target)
        subprocess.run(
            [*spy, "--output", str(samples), "--", *command],
            env={"PATH": "", **target.environment},
            cwd=PROJECT,
            check=True,
            capture_output=True,
        )
        yield from _shares(samples)


def _shares(samples: Path) -> Iterable[str]:
    held: Counter[str] = Counter()
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        held[_innermost(stack)] += int(count)
    total = held.total()
    return [f"{count / total:6.1%}  {function}" for function, count in held.most_common(SHOWN)]


def _innermost(stack: str) -> str:
    if "_find_and_load" in stack:
        return "(imports)"
    return stack.rpartition(";")[2].rpartition(":")[0]


if __name__ == "__main__":
    sys.exit(main())
