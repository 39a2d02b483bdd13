"""Run one client to its end and tell what it cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .processes import cpu_seconds, descendants, resident_bytes

# Often enough to see a peak, seldom enough not to be one.
SAMPLE_SECONDS = 0.05


class ClientFailed(Exception):
    """The client ended with an error, so there is nothing to compare; the text ends with its last words."""


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds by the clock, CPU seconds of the client and of the server, the client's peak memory.

    *peak* is the sum over the client's process tree, in bytes.
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
        peak=max(watch.peak, usage.ru_maxrss * 1024),
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
            self.peak = max(self.peak, resident_bytes([self._pid, *descendants(self._pid)]))


def _last_words(output) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 2000))
    return output.read().decode(errors="replace")
