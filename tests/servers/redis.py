"""Redis, keeping nothing on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .absent import program_path
from .processes import free_ports, listens, new_directory, running


@contextmanager
def redis() -> Iterator[str]:
    """Yield the URL of a running server."""
    program = program_path("redis-server", added_by="apt-get install -y redis-server")
    directory = new_directory("redis")
    (port,) = free_ports(1)
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)]
    command += ["--save", "", "--appendonly", "no"]
    with running(command, directory=directory, answers=lambda: listens(port), stop_signal="SIGKILL"):
        yield f"redis://127.0.0.1:{port}/0"
