"""Bringing a book here: the rows it makes, once, and its cover."""

from __future__ import annotations

import io
import threading

import pytest
from django.db import connection
from PIL import Image

from bookwyrm import search
from bookwyrm.books.models import Author, Edition, Work
from bookwyrm.connectors.importing import import_book
from bookwyrm.connectors.models import Connector
from bookwyrm.people.models import User
from tests.integration.catalogues import ISBN, OPENLIBRARY, bookwyrm_pages, connector_for
from tests.servers.web import serving_json


def a_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 90), "darkred").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def media(settings, tmp_path):
    described = {**settings.EXTERNAL_STORAGE["STORES"]}
    described["disk"] = {**described["disk"], "ROOT": tmp_path / "images"}
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STORES": described}
    settings.MEDIA_ROOT = tmp_path / "images"
    return tmp_path / "images"


@pytest.fixture
def peer(settings, media):
    """Another site, its pages, and the connector that leads there."""
    pages: dict = {}
    with serving_json(pages) as web:
        pages |= bookwyrm_pages(web.url(""))
        pages["/images/covers/fox.jpg"] = a_picture()
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        yield web, pages


@pytest.fixture
def connector(db, peer):
    made = connector_for(peer[0], "bookwyrm_connector", name="A friend's books")
    made.save()
    return made


@pytest.fixture
def member(client, db):
    person = User.objects.create_user("reader")
    client.force_login(person)
    return person


def post(client, connector, key: str):
    return client.post("/book/import/", {"connector": connector.pk, "key": key}, follow=True)


@pytest.mark.django_db(transaction=True)
def test_a_book_of_another_site_comes_with_work_authors_and_cover(client, connector, peer, member, media):
    web, _pages = peer
    answer = post(client, connector, web.url("/book/42"))
    edition = Edition.objects.get()
    assert answer.redirect_chain == [(f"/book/{edition.pk}/", 302)]
    assert (edition.title, edition.isbn_13, edition.isbn_10) == ("Fantastic Mr Fox", ISBN, "0140328726")
    assert (edition.published_year, edition.pages, edition.publisher) == (1988, 96, "Puffin")
    assert (edition.origin, edition.added_by) == (web.url("/book/42"), member)
    assert (edition.work.title, edition.work.origin) == ("Fantastic Mr Fox", web.url("/book/41"))
    (author,) = edition.work.authors.all()
    assert (author.name, author.origin, author.born, author.died) == ("Roald Dahl", web.url("/author/7"), 1916, 1990)
    assert edition.cover.name.startswith("covers/")
    with Image.open(media / edition.cover.name) as cover:
        assert cover.size == (60, 90)
    assert search.find("fantastic dahl")[0][0] == edition


@pytest.mark.django_db(transaction=True)
def test_importing_again_leads_to_the_same_book(client, connector, peer, member):
    web, _pages = peer
    post(client, connector, web.url("/book/42"))
    post(client, connector, web.url("/book/42"))
    assert (Work.objects.count(), Edition.objects.count(), Author.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [{"isbn_13": ISBN}, {"isbn_10": "0140328726"}])
def test_a_book_known_by_its_isbn_is_not_made_again(connector, peer, known):
    here = Edition.objects.create(work=Work.objects.create(title="Fox"), title="Fox", **known)
    assert import_book(connector, peer[0].url("/book/42"), None) == here
    assert Edition.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_books_added_by_hand_are_not_taken_for_an_imported_one(settings):
    by_hand = Edition.objects.create(work=Work.objects.create(title="By hand"), title="By hand")
    Author.objects.create(name="By hand")
    pages = {"/works/OL1W.json": {"title": "Without a key"}, "/works/OL1W/editions.json?limit=50": {}}
    with serving_json(pages) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        edition = import_book(connector_for(web, "openlibrary"), "/works/OL1W", None)
    assert edition.origin == web.url("/works/OL1W")
    assert edition != by_hand
    assert edition.work != by_hand.work


@pytest.mark.django_db(transaction=True)
def test_another_edition_joins_its_work_and_another_work_its_author(connector, peer):
    web, pages = peer
    pages["/book/43.json"] = {**pages["/book/42.json"], "id": web.url("/book/43"), "isbn10": None, "isbn13": None}
    pages["/book/51.json"] = {**pages["/book/43.json"], "id": web.url("/book/51"), "work": web.url("/book/50")}
    for number in (42, 43, 51):
        import_book(connector, web.url(f"/book/{number}"), None)
    assert (Work.objects.count(), Edition.objects.count(), Author.objects.count()) == (2, 3, 1)


@pytest.mark.django_db(transaction=True)
def test_a_work_of_open_library_is_imported(settings, media):
    pages = {**OPENLIBRARY, "/b/id/15152634-L.jpg": a_picture()}
    with serving_json(pages) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        connector = connector_for(web, "openlibrary", covers_url=web.url(""))
        edition = import_book(connector, "/works/OL45804W", None)
        edition.refresh_from_db()
    assert edition.title == "Fantastic Mr. Fox"
    assert edition.work.title == "Fantastic Mr Fox"
    assert edition.cover.name.startswith("covers/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"", b"\x89PNG broken"])
def test_a_cover_that_is_no_picture_leaves_the_book_without_one(connector, peer, body):
    web, pages = peer
    pages["/images/covers/fox.jpg"] = body
    edition = import_book(connector, web.url("/book/42"), None)
    edition.refresh_from_db()
    assert not edition.cover


@pytest.mark.django_db(transaction=True)
def test_a_cover_inside_is_not_fetched(connector, peer):
    web, pages = peer
    with serving_json({"/cover.jpg": a_picture()}) as canary:
        pages["/book/42.json"] = {**pages["/book/42.json"], "cover": {"url": canary.url("/cover.jpg")}}
        edition = import_book(connector, web.url("/book/42"), None)
    edition.refresh_from_db()
    assert not edition.cover
    assert canary.requests == []


@pytest.mark.django_db(transaction=True)
def test_a_record_that_is_too_long_everywhere_is_cut(connector, peer):
    web, pages = peer
    long = "x" * 3000
    pages["/book/42.json"] = {
        **pages["/book/42.json"],
        **{"title": long, "subtitle": long, "series": long, "publishers": [long], "languages": [long], "pages": 10**12},
        **{"publishedDate": "year 99999999999", "isbn13": long, "isbn10": long, "id": f"{web.url('/book/42')}?{long}"},
    }
    pages["/author/7.json"] = {**pages["/author/7.json"], "name": long}
    edition = import_book(connector, web.url("/book/42"), None)
    edition.refresh_from_db()
    assert edition.title == "x" * 500
    assert (edition.isbn_13, edition.pages, edition.published_year) == ("", None, None)
    assert import_book(connector, web.url("/book/42"), None) == edition


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_book(connector, peer):
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        connector_pk = connector.pk  # SQLite in memory has one connection; the two clicks then follow each other.
        for _click in range(2):
            import_book(Connector.objects.get(pk=connector_pk), peer[0].url("/book/42"), None)
        assert Edition.objects.count() == 1
        return
    start = threading.Barrier(4)

    def click() -> None:
        start.wait()
        try:
            import_book(connector, peer[0].url("/book/42"), None)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _number in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert (Edition.objects.count(), Work.objects.count(), Author.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "https://evil.example/book/1", "nonsense", "x" * 10_000])
def test_a_key_that_leads_nowhere_is_explained(client, connector, member, key):
    answer = post(client, connector, key)
    assert answer.redirect_chain == [("/search/", 302)]
    assert "A friend's books" in " ".join(map(str, answer.context["messages"]))
    assert Edition.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["", "0", "1", "99999", "x", "-1", "٣", "9" * 50])
def test_a_connector_that_is_none_is_not_found(client, connector, member, number):
    """1 is this site itself, from which nothing is imported."""
    assert client.post("/book/import/", {"connector": number, "key": "x"}).status_code == 404


@pytest.mark.django_db
def test_only_members_import_and_only_by_post(client, connector, peer):
    key = peer[0].url("/book/42")
    assert client.post("/book/import/", {"connector": connector.pk, "key": key}).status_code == 302
    client.force_login(User.objects.create_user("reader"))
    assert client.get("/book/import/", {"connector": connector.pk, "key": key}).status_code == 405
    assert Edition.objects.count() == 0
    assert peer[0].requests == []
