"""Start a guarded server process and wait until it answers."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

GUARD = Path(__file__).with_name("guarded.py")


class ServerFailed(Exception):
    """The server ended, or did not answer in time; the text ends with its own last words."""


def free_ports(count: int) -> list[int]:
    """Return *count* different loopback ports nobody listens on.

    They lie below the range the kernel hands out to outgoing connections, so none is taken again before it is used.
    """
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    held: list[socket.socket] = []
    candidates = iter(random.SystemRandom().sample(range(first_ephemeral - 12_000, first_ephemeral), 12_000))
    try:
        while len(held) < count:
            listener = socket.socket()
            try:
                listener.bind(("127.0.0.1", next(candidates)))
            except OSError:
                listener.close()
                continue
            held.append(listener)
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


def new_directory(name: str) -> Path:
    """Make a directory of the server's own; its guard removes it again."""
    return Path(tempfile.mkdtemp(prefix=f"bookwyrm-{name}-"))


@contextmanager
def running(
    command: Sequence[str],
    *,
    directory: Path,
    answers: Callable[[], bool],
    patience: float = 30.0,
    stop_signal: str = "SIGTERM",
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen]:
    """Run *command* until the block ends or this process dies, entering the block once *answers* says yes."""
    log = directory / "server.log"
    with log.open("wb") as output:
        guard = subprocess.Popen(
            [sys.executable, "-S", str(GUARD), str(directory), stop_signal, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait_for(answers, guard, log, patience)
        yield guard
    finally:
        assert guard.stdin
        guard.stdin.close()
        guard.wait()


def _wait_for(answers: Callable[[], bool], guard: subprocess.Popen, log: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not answers():
        last_words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        if guard.poll() is not None:
            raise ServerFailed(f"The server ended with {guard.returncode}.\n{last_words}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"The server did not answer within {patience:.0f} s.\n{last_words}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Tell whether something accepts connections on this loopback port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
