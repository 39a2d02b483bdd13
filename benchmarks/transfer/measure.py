"""Run one client to its end and tell what it cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .processes import cpu_seconds, descendants, peak_bytes

PROJECT = Path(__file__).parents[2]

# The kernel keeps the peaks; it must only be asked shortly before the end.
SAMPLE_SECONDS = 0.05


class ClientFailed(Exception):
    """The client ended with an error, so there is nothing to compare; the text ends with its last words."""


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds by the clock, CPU seconds of the client and of the server, the client's peak memory.

    *peak* is in bytes; where the client is several processes, it is the sum of what each held at most.
    """

    wall: float
    cpu: float
    peak: int
    server_cpu: float
    output: str = ""


def run(command: Sequence[str], *, environment: Mapping[str, str]) -> Cost:
    """Run *command* and return its cost. The servers are whatever else this process has started."""
    servers = descendants(os.getpid())
    server_cpu = cpu_seconds(servers)
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        client = subprocess.Popen(
            command,
            cwd=PROJECT,  # where Python finds ours
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        with _Watch(client.pid) as watch:
            _, status, usage = os.wait4(client.pid, 0)
        wall = time.perf_counter() - began
        client.returncode = os.waitstatus_to_exitcode(status)  # it must not be waited for again
        said = _last_words(output)
    if client.returncode:
        raise ClientFailed(f"{command[0]} ended with {client.returncode}.\n{said}")
    return Cost(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=watch.peak,  # the kernel's own figure begins with this process's memory, before the client's exec
        server_cpu=cpu_seconds(servers) - server_cpu,
        output=said,
    )


class _Watch:
    """Look at the memory of a process and its descendants while the block lasts."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, peak_bytes([self._pid, *descendants(self._pid)]))


def _last_words(output) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 2000))
    return output.read().decode(errors="replace")
