"""A small demo library behind the real web server, with a reader who can sign in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import free_ports, listens, new_directory, running

PROJECT = Path(__file__).parents[2]
DOMAIN = "books.test"
READER, PASSWORD = "reader", "a-lamp-to-read-by"


@dataclass(frozen=True)
class DemoSite:
    port: int
    url: str = f"http://{DOMAIN}"


@contextmanager
def demo_site(books: int) -> Iterator[DemoSite]:
    """Yield a site that calls itself http://books.test and listens on a port of this machine."""
    directory = new_directory("demo-site")
    (port,) = free_ports(1)
    (directory / "env").write_text(f"SECRET_KEY={os.urandom(32).hex()}\nDOMAIN={DOMAIN}\nPORT=80\n")
    environment = {
        "PATH": os.environ["PATH"],
        "BOOKWYRM_ENV_FILE": str(directory / "env"),
        "BOOKWYRM_STATE_DIR": str(directory / "state"),
        "MEDIA_ROOT": str(directory / "images"),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONPATH": str(PROJECT),
    }
    for command in (
        "migrate --no-input",
        "collectstatic --no-input",
        f"demo --books {books}",
        f"createsuperuser --no-input --username {READER} --email reader@books.test",
    ):
        _manage(command, environment)
    server = [sys.executable, "-m", "gunicorn", "bookwyrm.wsgi:application", "--threads=4", f"--bind=127.0.0.1:{port}"]
    with running(server, directory=directory, environment=environment, answers=lambda: listens(port)):
        yield DemoSite(port)


def _manage(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
