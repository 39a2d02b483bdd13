"""Time the first copy of a folder of covers to a server that speaks SFTP: ours, rclone and OpenSSH's own `sftp -b`.

python -m benchmarks.transfer.sftp [--files 5000] [--mean-bytes 60000] [--runs 5] [--home]

With --home they bring it from there into an empty folder. One sshd serves all of them. Ours looks afterwards, with a
listing, whether each file arrived; the others do not. What arrived is counted after each copy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import OpenSsh, openssh
from tests.servers.openssh import USER_ID

from .clients import OURS, program
from .compare import Threshold, compare, fastest, tell
from .corpus import Corpus, covers, scratch
from .measure import Cost, run
from .options import begin, names

OTHERS = ("rclone", "sftp")


@dataclass(frozen=True)
class Way:
    """A way to bring a folder to a folder of the server, or home; *command* gives its command line."""

    name: str
    command: Callable[[Path, OpenSsh, Path], Sequence[str]]
    concurrency: int | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = begin(__doc__, runs=5)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--mean-bytes", type=int, default=60_000)
    parser.add_argument("--clients", type=names, default=[OURS, *OTHERS])
    parser.add_argument("--home", action="store_true", help="from the server into an empty folder")
    options = parser.parse_args(arguments)
    home = options.home
    candidates = {OURS: [_ours(home)], "rclone": [_rclone(many, home) for many in (4, 8, 16)], "sftp": [_batch(home)]}
    with openssh() as server:
        with covers(max(options.files // 10, 1)) as small:
            chosen = [_best(candidates[name], small, server) for name in options.clients]
        with covers(options.files, mean=options.mean_bytes) as corpus:
            comparison = compare(
                f"First copy of {corpus.files:,} files, {corpus.size / 1e6:,.0f} MB, {'from' if home else 'to'} SFTP",
                chosen,
                lambda way: _once(way, corpus, server),
                objects=corpus.files,
                runs=options.runs,
                thresholds=[Threshold("wall", 1.0, (other,)) for other in OTHERS],
            )
    tell(comparison, options.json)
    return 0


def _best(candidates: list[Way], small: Corpus, server: OpenSsh) -> Way:
    return candidates[0] if len(candidates) == 1 else fastest(candidates, lambda way: _once(way, small, server))


def _once(way: Way, corpus: Corpus, server: OpenSsh) -> Cost:
    with scratch("sftp") as target:
        for folder in (corpus.root, target):
            folder.chmod(0o755)
        os.chown(target, USER_ID, USER_ID)
        cost = run(way.command(corpus.root, server, target), environment={"HOME": "/nonexistent"})
        sizes = [path.stat().st_size for path in target.rglob("*.jpg")]
        if (len(sizes), sum(sizes)) != (corpus.files, corpus.size):
            raise SystemExit(f"{way.name} brought {len(sizes)} files, {sum(sizes)} bytes, of {corpus.files}.")
    return cost


def _ours(home: bool) -> Way:
    def command(folder: Path, server: OpenSsh, target: Path) -> list[str]:
        here, there = (target, folder) if home else (folder, target)
        line = [sys.executable, "-m", "benchmarks.transfer.sftp_ours", str(here), str(there)]
        line += ["--port", str(server.port), "--server", str(server.directory)]
        return [*line, "--home"] if home else line

    return Way(OURS, command)


def _rclone(transfers: int, home: bool) -> Way:
    """rclone, told to ask for no digests and to set no times."""

    def command(folder: Path, server: OpenSsh, target: Path) -> list[str]:
        login = f"host={server.host},port={server.port},user={server.user},key_file={server.key_file}"
        rest = f"known_hosts_file={server.known_hosts},shell_type=none,disable_hashcheck=true,set_modtime=false"
        pace = ["--transfers", str(transfers), "--checkers", str(transfers)]
        remote = f":sftp,{login},{rest}:"
        ends = [f"{remote}{folder}", str(target)] if home else [str(folder), f"{remote}{target}"]
        return [program("rclone"), "--config", "", "copy", *pace, *ends]

    return Way("rclone", command, transfers)


def _batch(home: bool) -> Way:
    """`sftp` with one command, which brings the whole folder file after file."""

    def command(folder: Path, server: OpenSsh, target: Path) -> list[str]:
        script = server.directory / "batch"
        script.write_text(f"{'get' if home else 'put'} -r {folder}/covers {target}\n")
        options = ["-F", "none", "-i", str(server.key_file), "-P", str(server.port), "-q"]
        options += ["-o", f"UserKnownHostsFile={server.known_hosts}", "-b", str(script)]
        return [program("sftp"), *options, f"{server.user}@{server.host}"]

    return Way("sftp", command)


if __name__ == "__main__":
    sys.exit(main())
