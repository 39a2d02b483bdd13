"""Tasks that leave a trace in a file, for workers in processes of their own."""

import os
import signal
import time
from pathlib import Path

from django_tasks import task


def traces(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _leave(path: str, word: str) -> int:
    with Path(path).open("a") as file:
        file.write(word + "\n")
    return len(traces(path))


@task()
def leave_a_trace(path: str) -> None:
    _leave(path, "done")


@task()
def be_slow_the_first_time(path: str) -> None:
    if _leave(path, "begun") == 1:
        time.sleep(60)
    _leave(path, "done")


@task()
def fail_twice(path: str) -> None:
    if _leave(path, "tried") < 3:
        raise ValueError("not yet")
    _leave(path, "done")


@task()
def always_fail(path: str) -> None:
    _leave(path, "tried")
    raise ValueError("never")


@task()
def kill_the_process(path: str) -> None:
    _leave(path, "tried")
    os.kill(os.getpid(), signal.SIGKILL)
