"""PostgreSQL with a cluster of its own, as fast as one that may be lost can be."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .absent import program_path
from .processes import free_ports, new_directory, running

ADDED_BY = "apt-get install -y postgresql"
USER = "bookwyrm"


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of an empty database whose user may make others (Django's test databases)."""
    # Debian keeps these programs out of PATH, one directory a version.
    places = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb = program_path("initdb", added_by=ADDED_BY, places=places)
    server = str(Path(initdb).resolve().with_name("postgres"))
    is_ready = str(Path(initdb).resolve().with_name("pg_isready"))
    directory = new_directory("postgres")
    (port,) = free_ports(1)
    cluster = directory / "cluster"
    _run([*_as_somebody_else(directory), initdb, "-D", cluster, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
    command = [*_as_somebody_else(directory), server, "-D", str(cluster), "-p", str(port)]
    for setting in ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"):
        command += ["-c", setting]
    with running(
        command,
        directory=directory,
        answers=lambda: _quiet([is_ready, "-q", "-h", "127.0.0.1", "-p", str(port)]) == 0,
        stop_signal="SIGINT",  # its "fast" way down: it ends open sessions instead of waiting for them
    ):
        yield f"postgres://{USER}@127.0.0.1:{port}/postgres"


def _as_somebody_else(directory: Path) -> list[str]:
    """Return the prefix that runs a command as ``postgres`` where we are root, whom the server refuses to serve."""
    if os.geteuid() != 0:
        return []
    shutil.chown(directory, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(command: list) -> None:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd="/")
    if result.returncode:
        raise RuntimeError(result.stdout + result.stderr)


def _quiet(command: list[str]) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
