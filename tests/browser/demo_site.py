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
LONG_NAMED = "w" * 150

# Names as long as the fields take them, without a space to break at: nothing may push a page wider than its window.
ADD_LONG_NAMES = """
from bookwyrm.models import Author, Edition, Review, Shelf, ShelvedBook, User, Work
long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 6
person = User.objects.create_user("w" * 150, display_name=long[:100], bio=long)
work = Work.objects.create(title=long)
work.authors.set([Author.objects.create(name=long[:255]), *Author.objects.all()[:6]])
texts = {name: long[:255] for name in ("subtitle", "series", "publisher")}
edition = Edition.objects.create(work=work, title=long, description=long, language="no-such-thing!", **texts)
Shelf.objects.create(owner=person, identifier="x" * 90, name=long[:100])
for shelf in person.shelves.all():
    ShelvedBook.objects.create(shelf=shelf, edition=edition)
Review.objects.create(author=person, edition=edition, rating=5, title=long[:200], text=long)
# Last in every list, so that other pages still begin with a book like any other.
Review.objects.filter(author=person).update(created_at="2000-01-01T00:00Z")
Edition.objects.filter(pk=edition.pk).update(created_at="2000-01-01T00:00Z")
"""


@dataclass(frozen=True)
class DemoSite:
    port: int
    environment: dict[str, str]
    url: str = f"http://{DOMAIN}"

    def shell(self, code: str) -> str:
        """Run Python inside the site, as another of its processes, and return what it printed."""
        return _manage(("shell", "--command", code), self.environment)


@contextmanager
def demo_site(books: int, **variables: str) -> Iterator[DemoSite]:
    """Yield a site that calls itself http://books.test and listens on a port of this machine.

    *variables* go into its ``.env``.
    """
    directory = new_directory("demo-site")
    (port,) = free_ports(1)
    lines = {"SECRET_KEY": os.urandom(32).hex(), "DOMAIN": DOMAIN, "PORT": "80", **variables}
    (directory / "env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (directory / "env").chmod(0o600)
    environment = {
        "PATH": os.environ["PATH"],
        "BOOKWYRM_ENV_FILE": str(directory / "env"),
        "BOOKWYRM_STATE_DIR": str(directory / "state"),
        "MEDIA_ROOT": str(directory / "images"),
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONPATH": str(PROJECT),
    }
    for command in (
        ("migrate", "--no-input"),
        ("collectstatic", "--no-input"),
        ("demo", f"--books={books}"),
        ("createsuperuser", "--no-input", f"--username={READER}", "--email=reader@books.test"),
        ("shell", "--command", ADD_LONG_NAMES),
    ):
        _manage(command, environment)
    server = [sys.executable, "-m", "gunicorn", "bookwyrm.wsgi:application", "--threads=4", f"--bind=127.0.0.1:{port}"]
    with running(server, directory=directory, environment=environment, answers=lambda: listens(port)):
        yield DemoSite(port, environment)


def _manage(command: tuple[str, ...], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
