"""Start child processes, keep them alive, and end them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
PARENT = "BOOKWYRM_PARENT_PID"

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# A process that ran this long has come up; its next crash is a new story.
STEADY_SECONDS = 60.0


def end_with_parent() -> None:
    """Make the kernel end this process when its parent dies, however that dies (Linux; elsewhere: do nothing)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The kernel tells only of deaths to come, and the parent may have died while this process was still starting.
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        sys.exit("The process that started this one is gone.")


def leave_no_core_dump() -> None:
    """Let no crash of this process or its children write their memory to a file: secrets are in it."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def pause_before_restart(crashes: int) -> float:
    """Return how many seconds to wait after the *crashes*-th crash in a row: 1, 2, 4, … and never more than 30."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, crashes - 1))


@dataclass
class Process:
    """One child process whose output goes, line by line, to *write_line*."""

    name: str
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.time)

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        write_line: Callable[[str, str], None],
        pass_fds: Sequence[int] = (),
        cwd: os.PathLike[str],
    ) -> Process:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            env={**environment, PARENT: str(os.getpid())},
            pass_fds=pass_fds,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C at the terminal reaches the supervisor alone, which then stops things in order.
            process_group=0,
        )
        threading.Thread(target=_copy_lines, args=(name, process, write_line), daemon=True).start()
        return cls(name, process)

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def seconds_up(self) -> float:
        return time.time() - self.started

    def send(self, number: signal.Signals) -> None:
        if self.is_running():
            self.process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Return whether the process has ended within *seconds*."""
        try:
            self.process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the process and all it has started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


def _copy_lines(name: str, process: subprocess.Popen[bytes], write_line: Callable[[str, str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        write_line(name, line.decode("utf-8", "replace").rstrip("\n"))
