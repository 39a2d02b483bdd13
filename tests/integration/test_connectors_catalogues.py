"""Each catalogue's answers, read from a real server that sends what the service would."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bookwyrm import outbound
from bookwyrm.connectors import bookwyrm_connector, inventaire, openlibrary
from bookwyrm.connectors.catalogue import CatalogueTrouble, catalogue_of
from bookwyrm.connectors.models import Connector
from bookwyrm.connectors.records import AuthorRecord
from tests.integration.catalogues import INVENTAIRE, ISBN, OPENLIBRARY, QUESTION, bookwyrm_pages, connector_for
from tests.servers.web import serving_json


@pytest.fixture
def openlibrary_catalogue(settings):
    with serving_json(OPENLIBRARY) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        yield catalogue_of(connector_for(web, "openlibrary", covers_url="https://covers.test"), 5), web


@pytest.fixture
def inventaire_catalogue(settings):
    with serving_json(INVENTAIRE) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        yield catalogue_of(connector_for(web, "inventaire"), 5), web


@pytest.fixture
def bookwyrm_catalogue(settings):
    pages: dict = {}
    with serving_json(pages) as web:
        pages |= bookwyrm_pages(web.url(""))
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        yield catalogue_of(connector_for(web, "bookwyrm_connector"), 5), web


# Open Library


def test_open_library_finds_works(openlibrary_catalogue):
    catalogue, web = openlibrary_catalogue
    first, second, third = catalogue.search(QUESTION)
    assert (first.key, first.title, first.authors, first.year) == (
        "/works/OL45804W",
        "Fantastic Mr Fox",
        ("Roald Dahl",),
        1970,
    )
    assert first.cover == "https://covers.test/b/id/6498519-M.jpg"
    assert first.view_link == web.url("/works/OL45804W")
    assert second.authors == ("Roald Dahl", "Sally Reid")
    assert (third.authors, third.year, third.cover) == ((), None, None)


def test_open_library_finds_an_edition_by_isbn(openlibrary_catalogue):
    catalogue, _web = openlibrary_catalogue
    (result,) = catalogue.with_isbn(ISBN)
    assert (result.key, result.title, result.authors, result.year) == (
        "/books/OL7353617M",
        "Fantastic Mr. Fox",
        ("Roald Dahl",),
        1988,
    )
    assert result.cover == "https://covers.openlibrary.org/b/id/15152634-M.jpg"


@pytest.mark.parametrize("key", ["/works/OL45804W", "/books/OL7353617M"])
def test_open_library_gives_the_record_of_a_work_or_an_edition(openlibrary_catalogue, key):
    catalogue, web = openlibrary_catalogue
    record = catalogue.record(key)
    assert record.title == "Fantastic Mr. Fox"
    assert record.origin == web.url("/books/OL7353617M")
    assert record.work_title == "Fantastic Mr Fox"
    assert record.work_origin == web.url("/works/OL45804W")
    assert record.isbn_13 == ISBN
    assert record.published_year == 1988
    assert record.cover_url == "https://covers.test/b/id/15152634-L.jpg"
    assert record.work_description == "Three farmers try to get the better of a fox."
    assert record.authors == (
        AuthorRecord("Roald Dahl", web.url("/authors/OL34184A"), "British novelist.", born=1916, died=1990),
    )


def test_of_a_work_the_edition_that_says_most_is_taken(openlibrary_catalogue):
    catalogue, _web = openlibrary_catalogue
    record = catalogue.record("/works/OL45804W")
    assert record.pages == 96
    assert record.details == {
        "subtitle": "A story",
        "series": "Puffin Story Books",
        "description": "",
        "publisher": "Puffin",
        "language": "eng",
    }


def test_a_work_that_was_merged_into_another_is_followed(settings):
    merged = {"key": "/works/OL9W", "type": {"key": "/type/redirect"}, "location": "/works/OL45804W"}
    with serving_json({**OPENLIBRARY, "/works/OL9W.json": merged, "/works/OL9W/editions.json?limit=50": {}}) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        record = catalogue_of(connector_for(web, "openlibrary"), 5).record("/works/OL9W")
    assert record.work_title == "Fantastic Mr Fox"
    assert record.work_origin == web.url("/works/OL45804W")


@pytest.mark.parametrize("location", ["/works/OL9W", "https://evil.example/", "/../admin", None])
def test_a_merger_that_leads_nowhere_ends(settings, location):
    merged = {"key": "/works/OL9W", "type": {"key": "/type/redirect"}, "location": location}
    with serving_json({"/works/OL9W.json": merged}) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        with pytest.raises(CatalogueTrouble):
            catalogue_of(connector_for(web, "openlibrary"), 5).record("/works/OL9W")


# Inventaire


def test_inventaire_finds_works_with_their_authors(inventaire_catalogue):
    catalogue, web = inventaire_catalogue
    first, second = catalogue.search(QUESTION)
    assert (first.key, first.title, first.authors, first.year) == (
        "wd:Q50948",
        "Fantastic Mr Fox",
        ("Roald Dahl",),
        1970,
    )
    assert first.cover == web.url("/img/entities/aaaabbbbccccddddeeeeffff0000111122223333")
    assert first.view_link == web.url("/entity/wd:Q50948")
    assert (second.key, second.authors, second.cover) == ("inv:" + "b" * 32, (), None)


def test_inventaire_without_its_second_answer_still_has_results(settings):
    only_search = {path: page for path, page in INVENTAIRE.items() if path.startswith("/api/search")}
    with serving_json(only_search) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        results = catalogue_of(connector_for(web, "inventaire"), 5).search(QUESTION)
    assert [(result.title, result.authors) for result in results] == [("Fantastic Mr Fox", ()), ("Another fox", ())]


def test_inventaire_finds_an_edition_by_isbn(inventaire_catalogue):
    catalogue, web = inventaire_catalogue
    (result,) = catalogue.with_isbn("9782070513253")
    assert (result.key, result.title, result.authors, result.year) == (
        "isbn:9782070513253",
        "Fantastique Maître Renard",
        ("Roald Dahl",),
        2003,
    )
    assert result.cover == web.url("/img/entities/0123456789abcdef0123456789abcdef01234567")


@pytest.mark.parametrize("key", ["wd:Q50948", "isbn:9782070513253"])
def test_inventaire_gives_the_record_of_a_work_or_an_edition(inventaire_catalogue, key):
    catalogue, web = inventaire_catalogue
    record = catalogue.record(key)
    assert record.title == "Fantastique Maître Renard"
    assert record.origin == web.url("/entity/isbn:9782070513253")
    assert (record.work_title, record.work_origin) == ("Fantastic Mr Fox", web.url("/entity/wd:Q50948"))
    assert (record.isbn_13, record.isbn_10) == ("9782070513253", "2070513254")
    assert (record.published_year, record.pages) == (2003, 108)
    assert record.details == {"subtitle": "", "publisher": "Gallimard", "series": ""}
    assert record.cover_url == web.url("/img/entities/0123456789abcdef0123456789abcdef01234567")
    assert record.authors == (
        AuthorRecord("Roald Dahl", web.url("/entity/wd:Q25161"), "British novelist", born=1916, died=1990),
    )


# Another BookWyrm site


@pytest.mark.parametrize("ask", [lambda site: site.search(QUESTION), lambda site: site.with_isbn(ISBN)])
def test_another_bookwyrm_site_finds_books(bookwyrm_catalogue, ask):
    catalogue, web = bookwyrm_catalogue
    (result,) = ask(catalogue)
    assert (result.key, result.title, result.authors, result.year, result.cover, result.confidence) == (
        web.url("/book/42"),
        "Fantastic Mr Fox",
        ("Roald Dahl",),
        1988,
        web.url("/images/covers/fox.jpg"),
        0.87,
    )


def test_another_bookwyrm_site_gives_the_record_of_a_book(bookwyrm_catalogue):
    catalogue, web = bookwyrm_catalogue
    record = catalogue.record(web.url("/book/42"))
    assert (record.title, record.origin, record.work_origin) == (
        "Fantastic Mr Fox",
        web.url("/book/42"),
        web.url("/book/41"),
    )
    assert (record.isbn_13, record.isbn_10, record.published_year, record.pages) == (ISBN, "0140328726", 1988, 96)
    assert record.details["description"] == "Three farmers & a fox."
    assert record.cover_url == web.url("/images/covers/fox.jpg")
    assert record.authors == (
        AuthorRecord("Roald Dahl", web.url("/author/7"), "British novelist.", born=1916, died=1990),
    )


# Whatever is sent

FOREIGN_KEYS = {
    "openlibrary": [
        "/works/../admin",
        "/works/OL1W/../../x",
        "https://evil.example/works/OL1W",
        "OL1W",
        "",
        "/authors/OL1A",
    ],
    "inventaire": ["wd:Q1|wd:Q2", "wd:Q1&action=x", "https://evil.example/", "inv:short", "", "isbn:1"],
    "bookwyrm_connector": ["http://evil.example/book/1", "//evil.example/book/1", "/book/1", "file:///etc/passwd", ""],
}


@pytest.mark.parametrize(("file", "key"), [(file, key) for file, keys in FOREIGN_KEYS.items() for key in keys])
def test_a_key_that_is_not_of_the_catalogue_is_refused_without_a_request(settings, file, key):
    with serving_json({}) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        with pytest.raises(CatalogueTrouble):
            catalogue_of(connector_for(web, file), 5).record(key)
    assert web.requests == []


def test_a_peer_cannot_have_us_fetch_an_author_from_elsewhere(settings):
    pages: dict = {}
    with serving_json(pages) as web, serving_json({}) as canary:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host, canary.host]
        pages["/book/1.json"] = {"type": "Edition", "title": "Bait", "authors": [canary.url("/author/1")]}
        with pytest.raises(CatalogueTrouble):
            catalogue_of(connector_for(web, "bookwyrm_connector"), 5).record(web.url("/book/1"))
    assert canary.requests == []


def test_a_peer_cannot_pass_its_records_off_as_those_of_another_catalogue(settings):
    pages: dict = {}
    with serving_json(pages) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        author, book = web.url("/author/1"), web.url("/book/1")
        elsewhere = "https://openlibrary.org/authors/OL34184A"
        pages["/book/1.json"] = {"id": elsewhere, "work": elsewhere, "title": "Bait", "authors": [author]}
        pages["/author/1.json"] = {"id": elsewhere, "name": "Not Roald Dahl"}
        record = catalogue_of(connector_for(web, "bookwyrm_connector"), 5).record(book)
    assert (record.origin, record.work_origin, record.authors[0].origin) == (book, "", author)


def test_a_result_of_a_peer_that_leads_elsewhere_is_left_out(settings):
    strange = [
        {"title": "Elsewhere", "key": "https://evil.example/book/1", "author": "x"},
        {"title": "No key", "author": "x"},
        {"title": None, "key": "/book/1"},
        "not even a dict",
    ]
    with serving_json({"/search.json?q=x": strange}) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        assert catalogue_of(connector_for(web, "bookwyrm_connector"), 5).search("x") == []


def test_links_and_covers_that_are_no_web_addresses_are_left_out(settings):
    pages: dict = {}
    with serving_json(pages) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        key = web.url("/book/1")
        strange = {"title": "Bait", "key": key, "view_link": "javascript:alert(1)", "cover": "data:image/png;base64,AA"}
        pages["/search.json?q=x"] = [strange]
        (result,) = catalogue_of(connector_for(web, "bookwyrm_connector"), 5).search("x")
    assert result.view_link == key
    assert result.cover is None


@pytest.mark.parametrize("file", ["openlibrary", "inventaire", "bookwyrm_connector"])
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b"NaN", b'{"docs": {"a": 1}}', b"null"])
def test_an_answer_that_is_no_catalogue_is_trouble_or_nothing(settings, file, body):
    searches = {
        "/search.json?q=x": body,
        "/search.json?q=x&fields=key,title,author_name,first_publish_year,cover_i&limit=10": body,
        "/api/search?types=works&limit=10&search=x": body,
    }
    with serving_json(searches) as web:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host]
        catalogue = catalogue_of(connector_for(web, file), 5)
        try:
            assert catalogue.search("x") == []
        except CatalogueTrouble as trouble:
            assert re.search("could not be read", str(trouble))


NAMES = [
    *("docs", "results", "entities", "entries", "uris", "title", "key", "uri", "label", "authors", "author", "name"),
    *("cover", "cover_i", "claims", "labels", "image", "url", "covers", "works", "isbn_13", "publish_date", "_score"),
    *("confidence", "redirects", "wdt:P50", "wdt:P629", "type"),
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
KEYS = {openlibrary: "/works/OL1W", inventaire: "wd:Q1", bookwyrm_connector: "https://peer.example/book/1"}


@pytest.mark.parametrize("module", KEYS, ids=lambda module: module.__name__.rpartition(".")[2])
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(ANY_JSON, min_size=1, max_size=4))
def test_no_json_makes_a_catalogue_stumble(module, answers):
    """The rule of `Catalogue`: nothing but its own troubles, whatever the other side sends."""

    def get(_address: str):
        answer = answers[asked.count(None) % len(answers)]
        asked.append(None)
        return json.loads(json.dumps(answer))

    asked: list[None] = []
    catalogue = module.Catalogue(Connector(base_url="https://peer.example"), get)
    calls = [(catalogue.search, "x"), (catalogue.with_isbn, ISBN), (catalogue.record, KEYS[module])]
    for call, asked_for in calls:
        try:
            answered = call(asked_for)
        except (CatalogueTrouble, outbound.OutboundFailed):
            continue
        assert answered is not None
