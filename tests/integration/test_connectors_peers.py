"""Two sites of this software find each other's books, and their covers: one in this process, one in its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from bookwyrm.books.models import Edition, Work
from bookwyrm.connectors import outside
from bookwyrm.connectors.importing import import_book
from bookwyrm.connectors.models import Connector
from bookwyrm.env import VARIABLES
from bookwyrm.outbound import fetch
from bookwyrm.search import find
from tests.servers.processes import free_ports, listens, new_directory, running

CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.django_db(transaction=True)


A_BOOK = """
import io
from django.core.files.base import ContentFile
from PIL import Image
from bookwyrm.models import Author, Edition, Work
picture = io.BytesIO()
Image.new("RGB", (60, 90), "darkred").save(picture, "PNG")
work = Work.objects.create(title="Fantastique Maître Renard", description="Un renard.")
work.authors.set([Author.objects.create(name="Roald Dahl", born=1916)])
edition = Edition(work=work, title=work.title, isbn_13="9782070513253", published_year=2003, pages=108)
edition.cover.save("fox.png", ContentFile(picture.getvalue()), save=False)
edition.save()
"""


@pytest.fixture(scope="module")
def other_site() -> Iterator[str]:
    """The address of a second site with one book, whose database and pictures are its own."""
    folder = new_directory("other-site")
    (port,) = free_ports(1)
    values = {"DOMAIN": "127.0.0.1", "PORT": port, "SECRET_KEY": "another-key-for-tests-that-protects-nothing"}
    (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {
        "DJANGO_SETTINGS_MODULE": "bookwyrm.settings",
        "BOOKWYRM_ENV_FILE": str(folder / "env"),
        "BOOKWYRM_STATE_DIR": str(folder / "state"),
        "MEDIA_ROOT": str(folder / "images"),
    }
    run = partial(subprocess.run, cwd=CHECKOUT, env=environment, check=True, capture_output=True, text=True)
    run([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    run([sys.executable, "manage.py", "shell", "-c", A_BOOK])
    serve = ["gunicorn", "--chdir", str(CHECKOUT), "--bind", f"127.0.0.1:{port}", "bookwyrm.wsgi:application"]
    with running(
        [sys.executable, "-m", *serve], directory=folder, answers=lambda: listens(port), environment=environment
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def friend(other_site, settings, tmp_path) -> Connector:
    """The connector with which this site asks the other one, and nobody else."""
    described = {**settings.EXTERNAL_STORAGE["STORES"]}
    described["disk"] = {**described["disk"], "ROOT": tmp_path / "images"}
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STORES": described}
    settings.OUTBOUND_ALLOWED_HOSTS = [urlsplit(other_site).netloc]
    Connector.objects.exclude(pk=1).delete()
    return Connector.objects.create(
        identifier="friend", name="A friend's books", connector_file=Connector.File.BOOKWYRM, base_url=other_site
    )


@pytest.mark.parametrize("question", ["maitre RENARD", "dahl", "978-2-07-051325-3", "2070513254"])
def test_a_site_finds_the_books_of_another(friend, question):
    (answer,) = outside.ask(question)
    assert answer.problem == ""
    (result,) = answer.results
    assert (result.title, result.authors, result.year) == ("Fantastique Maître Renard", ("Roald Dahl",), 2003)
    assert result.key == f"{friend.base_url}/book/1"


def test_the_cover_another_site_names_is_a_picture(friend):
    (result,) = outside.ask("renard")[0].results
    with Image.open(io.BytesIO(fetch(result.cover).body)) as cover:
        assert cover.size == (60, 90)


def test_a_book_of_another_site_comes_here_whole(friend):
    (result,) = outside.ask("renard")[0].results
    edition = import_book(friend, result.key, None)
    edition.refresh_from_db()
    assert (edition.title, edition.isbn_13, edition.pages) == ("Fantastique Maître Renard", "9782070513253", 108)
    assert (edition.published_year, edition.origin) == (2003, f"{friend.base_url}/book/1")
    assert [(author.name, author.born) for author in edition.work.authors.all()] == [("Roald Dahl", 1916)]
    assert edition.description == "Un renard."
    with edition.cover.open() as file, Image.open(file) as cover:
        assert cover.size == (60, 90)
    assert [book for book, _confidence in find("renard dahl")] == [edition]


def test_this_site_answers_the_same_connector(live_server, settings, friend):
    """What we ask of others, others can ask of us."""
    work = Work.objects.create(title="Matilda")
    Edition.objects.create(work=work, title="Matilda")
    settings.SITE_URL = live_server.url
    settings.OUTBOUND_ALLOWED_HOSTS = [urlsplit(live_server.url).netloc]
    Connector.objects.filter(pk=friend.pk).update(base_url=live_server.url)
    (answer,) = outside.ask("matilda")
    assert [(result.title, result.confidence) for result in answer.results] == [("Matilda", 1.0)]
