"""Run one command for as long as somebody holds our standard input open.

    python guarded.py DIRECTORY SIGNAL COMMAND…

The test process keeps the other end of the pipe. When that closes, because the test closed it or because the test
process was killed, the command's whole process group gets SIGNAL, then SIGKILL, and DIRECTORY is removed. A pipe is the
one thing the kernel closes for a process that had no time to clean up.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time

PATIENCE = 20.0


def main(directory: str, signal_name: str, *command: str) -> int:
    # Ctrl-C in a terminal reaches the whole foreground group; only the end of the pipe may end us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    wait_for_either(server)
    stop_group(server, signal.Signals[signal_name])
    shutil.rmtree(directory, ignore_errors=True)
    return server.returncode


def wait_for_either(server: subprocess.Popen) -> None:
    """Return when the server has ended or nobody holds our standard input any more."""
    ended = os.pidfd_open(server.pid)
    select.select([sys.stdin, ended], [], [])
    os.close(ended)


def stop_group(server: subprocess.Popen, first: signal.Signals) -> None:
    for number, patience in ((first, PATIENCE), (signal.SIGKILL, PATIENCE)):
        deadline = time.monotonic() + patience
        while group_lives(server) and time.monotonic() < deadline:
            if number:
                os.killpg(server.pid, number)
                number = None
            time.sleep(0.02)
    server.wait()


def group_lives(server: subprocess.Popen) -> bool:
    server.poll()  # reap, or the leader's own zombie would keep the group alive
    try:
        os.killpg(server.pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
