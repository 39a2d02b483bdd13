"""nginx with server blocks of the test's choosing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .absent import program_path
from .processes import listens, new_directory, running

MAIN = """\
worker_processes 1;
error_log stderr notice;
pid {directory}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{servers}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx; *directory* is its own, and its access log lies there."""

    directory: Path

    @property
    def access_log(self) -> str:
        return (self.directory / "access.log").read_text()


@contextmanager
def nginx(servers: str, *, port: int) -> Iterator[Nginx]:
    """Run nginx with the *servers* blocks (configuration text), one of which listens on loopback *port*."""
    program = program_path("nginx", added_by="apt-get install -y nginx")
    directory = new_directory("nginx")
    configuration = directory / "nginx.conf"
    configuration.write_text(MAIN.format(directory=directory, servers=servers))
    directory.chmod(0o755)  # its workers are somebody else
    command = [program, "-p", str(directory), "-c", str(configuration), "-g", "daemon off;"]
    with running(command, directory=directory, answers=lambda: listens(port)):
        yield Nginx(directory)
