"""Find a process's descendants and read what they have used so far, from /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Return the process ids of all that *pid* started, directly or not, and that still run."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the user and system time of the processes together, their ended children included."""
    return sum(_cpu_of(pid) for pid in pids)


def peak_bytes(pids: list[int]) -> int:
    """Return the most memory that each of the processes has held so far, added up."""
    return sum(_peak_of(pid) for pid in pids)


def _cpu_of(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        # The name, in parentheses, may hold blanks; what follows it does not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS
    return 0.0


def _peak_of(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
