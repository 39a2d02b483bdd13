"""Two sites of this software find each other's books, and their covers."""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from bookwyrm.books.models import Author, Edition, Work
from bookwyrm.connectors import outside
from bookwyrm.connectors.importing import import_book
from bookwyrm.connectors.models import Connector
from bookwyrm.outbound import fetch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def peer(live_server, settings, tmp_path):
    """This same software at another address, reached over HTTP alone."""
    host = urlsplit(live_server.url).netloc
    described = {**settings.EXTERNAL_STORAGE["STORES"]}
    described["disk"] = {"KIND": "local", "ROOT": tmp_path / "images", "PUBLIC_URL": f"{live_server.url}/images/"}
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STORES": described}
    settings.MEDIA_ROOT = tmp_path / "images"
    settings.SITE_URL, settings.DOMAIN = live_server.url, host
    settings.OUTBOUND_ALLOWED_HOSTS = [host]
    Connector.objects.exclude(pk=1).delete()
    return Connector.objects.create(
        identifier=host,
        name="A friend's books",
        connector_file=Connector.File.BOOKWYRM,
        base_url=live_server.url,
    )


@pytest.fixture
def fox() -> Edition:
    picture = io.BytesIO()
    Image.new("RGB", (60, 90), "darkred").save(picture, "PNG")
    work = Work.objects.create(title="Fantastique Maître Renard")
    work.authors.set([Author.objects.create(name="Roald Dahl")])
    edition = Edition(work=work, title=work.title, isbn_13="9782070513253", published_year=2003)
    edition.cover.save("fox.png", ContentFile(picture.getvalue()), save=False)
    edition.save()
    return edition


@pytest.mark.parametrize("question", ["maitre RENARD", "dahl", "978-2-07-051325-3", "2070513254"])
def test_a_site_finds_the_books_of_another(peer, fox, question):
    (answer,) = outside.ask(question)
    assert answer.problem == ""
    (result,) = answer.results
    assert (result.title, result.authors, result.year) == ("Fantastique Maître Renard", ("Roald Dahl",), 2003)
    assert result.key == f"{peer.base_url}/book/{fox.pk}"


def test_the_cover_another_site_names_is_a_picture(peer, fox):
    ((result,),) = [answer.results for answer in outside.ask("renard")]
    with Image.open(io.BytesIO(fetch(result.cover).body)) as cover:
        assert cover.size == (60, 90)


def test_the_record_of_another_site_is_enough_to_import(peer, fox):
    edition = import_book(peer, f"{peer.base_url}/book/{fox.pk}", None)
    # Both sites are one database in this test, so the ISBN leads back to the very book.
    assert edition == fox
