"""The search page, and the JSON that other sites ask for."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from bookwyrm import search
from bookwyrm.books.models import Author, Edition, Work
from bookwyrm.connectors.models import Connector
from bookwyrm.people.models import User

pytestmark = pytest.mark.django_db

KEYS = ["title", "key", "view_link", "author", "year", "cover", "confidence"]


def a_book(title: str, *authors: str, **fields) -> Edition:
    work = Work.objects.create(title=title)
    work.authors.set([Author.objects.create(name=name) for name in authors])
    return Edition.objects.create(work=work, title=title, **fields)


@pytest.fixture
def hobbit() -> Edition:
    return a_book(
        "The Hobbit",
        "J.R.R. Tolkien",
        "Somebody Else",
        isbn_13="9780261102217",
        isbn_10="0261102214",
        published_year=1937,
        cover="covers/hobbit.jpg",
    )


@pytest.fixture
def member(client: Client) -> User:
    person = User.objects.create_user("reader", password="a long enough one")
    client.force_login(person)
    return person


# JSON


def test_a_search_answers_a_bare_list_of_just_the_agreed_keys(client, hobbit):
    answer = client.get("/search.json", {"q": "hobbit", "min_confidence": "0.1"})
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == [
        {
            "title": "The Hobbit",
            "key": f"http://books.test/book/{hobbit.pk}",
            "view_link": f"http://books.test/book/{hobbit.pk}",
            "author": "J.R.R. Tolkien, Somebody Else",
            "year": 1937,
            "cover": "http://books.test/images/covers/hobbit.jpg",
            "confidence": 0.67,
        }
    ]
    assert list(answer.json()[0]) == KEYS


def test_a_book_without_year_author_or_cover_still_has_every_key(client):
    a_book("Bare")
    (result,) = client.get("/search.json?q=bare").json()
    assert list(result) == KEYS
    assert (result["author"], result["year"], result["cover"]) == ("", None, None)


def test_at_most_ten_are_answered(client):
    work = Work.objects.create(title="Series")
    Edition.objects.bulk_create([Edition(work=work, title=f"Series {number}") for number in range(30)])
    search.reindex()
    assert len(client.get("/search.json?q=series").json()) == 10


def test_ten_answers_take_no_more_queries_than_one(client, django_assert_num_queries):
    for number in range(10):
        a_book(f"Tome {number}", f"Writer {number}", cover=f"covers/{number}.jpg")
    # The connector, the index, the editions with their works, the authors.
    with django_assert_num_queries(4):
        assert len(client.get("/search.json?q=tome").json()) == 10


@pytest.mark.parametrize("query", ["", "?q=", "?q=zzz", "?x=1", "?q=%00", "?q=" + "a" * 5000, "?q=%22%27%29*"])
def test_no_match_is_an_empty_list(client, hobbit, query):
    assert client.get("/search.json" + query).json() == []


@pytest.mark.parametrize("wanted", ["0.1", "", "abc", "nan", "-inf", "1e999", "0", "['x']"])
def test_whatever_is_sent_as_min_confidence_is_tolerated(client, hobbit, wanted):
    assert len(client.get("/search.json", {"q": "hobbit", "min_confidence": wanted}).json()) == 1


def test_results_less_sure_than_wanted_are_left_out(client, hobbit):
    assert client.get("/search.json?q=hobbit&min_confidence=0.9").json() == []


@pytest.mark.parametrize("isbn", ["9780261102217", "978-0-261-10221-7", "0261102214", "0-261-10221-4"])
def test_an_isbn_is_answered_in_either_form(client, hobbit, isbn):
    (result,) = client.get(f"/isbn/{isbn}.json").json()
    assert list(result) == KEYS
    assert (result["title"], result["confidence"]) == ("The Hobbit", 1.0)


@pytest.mark.parametrize("isbn", ["9780261102218", "9780141439518", "hobbit", "1"])
def test_an_unknown_isbn_is_an_empty_list(client, hobbit, isbn):
    assert client.get(f"/isbn/{isbn}.json").json() == []


def test_a_book_is_answered_as_an_activitypub_edition(client, hobbit):
    answer = client.get(f"/book/{hobbit.pk}.json")
    book = answer.json()
    assert answer["Content-Type"] == "application/activity+json"
    assert book["@context"] == "https://www.w3.org/ns/activitystreams"
    assert (book["id"], book["type"], book["title"]) == (
        f"http://books.test/book/{hobbit.pk}",
        "Edition",
        "The Hobbit",
    )
    assert (book["isbn10"], book["isbn13"], book["publishedDate"]) == ("0261102214", "9780261102217", "1937")
    assert book["cover"] == {
        "type": "Document",
        "url": "http://books.test/images/covers/hobbit.jpg",
        "name": "The Hobbit",
    }
    assert len(book["authors"]) == 2


def test_the_authors_of_a_book_answer_at_their_addresses(client, hobbit):
    addresses = client.get(f"/book/{hobbit.pk}.json").json()["authors"]
    names = {client.get(address.removeprefix("http://books.test") + ".json").json()["name"] for address in addresses}
    assert names == {"J.R.R. Tolkien", "Somebody Else"}


def test_a_book_without_a_cover_says_so(client):
    assert client.get(f"/book/{a_book('Bare').pk}.json").json()["cover"] is None


def test_a_book_that_is_not_there_is_not_found(client):
    assert client.get("/book/4711.json").status_code == 404


@pytest.mark.parametrize("path", ["/search.json?q=hobbit", "/isbn/9780261102217.json", "/search/?q=hobbit"])
def test_a_search_changes_nothing_and_takes_no_post(client, hobbit, path):
    assert client.post(path).status_code == 405


AS_OTHER_SITES_ASK = (
    "application/activity+json",
    'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    "application/json, application/activity+json;q=0.9",
)
AS_BROWSERS_ASK = ("*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/plain", "nonsense")


@pytest.mark.parametrize("accept", AS_OTHER_SITES_ASK)
def test_the_id_of_a_book_answers_other_sites_with_json(client, hobbit, accept):
    key = client.get("/search.json?q=hobbit").json()[0]["key"].removeprefix("http://books.test")
    answer = client.get(key, headers={"accept": accept}, follow=True)
    assert answer["Content-Type"] == "application/activity+json"
    assert answer.json()["title"] == "The Hobbit"
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize("accept", AS_BROWSERS_ASK)
def test_the_id_of_a_book_answers_browsers_with_a_page(client, hobbit, accept):
    answer = client.get(f"/book/{hobbit.pk}/", headers={"accept": accept})
    assert answer["Content-Type"].startswith("text/html")
    assert "Accept" in answer["Vary"]


# The page


def test_the_page_shows_the_books_it_found(client, hobbit):
    answer = client.get("/search/?q=hobbit")
    assert answer.status_code == 200
    assert b"The Hobbit" in answer.content
    assert b"J.R.R. Tolkien" in answer.content
    assert b"covers/hobbit.jpg" in answer.content


@pytest.mark.parametrize("query", ["", "?q=", "?q=zzz", "?q=%22+OR", "?q=hobbit&page=0", "?q=hobbit&page=x&outside=1"])
def test_the_page_answers_whatever_is_asked(client, hobbit, query):
    assert client.get("/search/" + query).status_code == 200


def test_what_was_asked_is_shown_without_becoming_markup(client):
    answer = client.get("/search/", {"q": "<script>alert(1)</script>"})
    assert b"<script>alert" not in answer.content


def test_pages_follow_each_other(client):
    work = Work.objects.create(title="Series")
    Edition.objects.bulk_create([Edition(work=work, title=f"Series {number:02}") for number in range(45)])
    search.reindex()
    seen: set[str] = set()
    for number in (1, 2, 3):
        page = client.get(f"/search/?q=series&page={number}").context["page_obj"]
        assert (page.number, page.paginator.count) == (number, 45)
        seen |= {edition.title for edition in page}
    assert len(seen) == 45
    assert client.get("/search/?q=series&page=99").context["page_obj"].number == 3


def test_a_full_page_takes_no_more_queries_than_one_book(client, django_assert_max_num_queries):
    a_book("Tome", "Writer")
    client.get("/search/?q=tome")
    with django_assert_max_num_queries(50) as for_one:
        client.get("/search/?q=tome")
    for number in range(19):
        a_book(f"Tome {number}", f"Writer {number}", cover=f"covers/{number}.jpg")
    with django_assert_max_num_queries(len(for_one.captured_queries)):
        assert len(client.get("/search/?q=tome").context["page_obj"]) == 20


def test_a_visitor_is_not_searched_for_outside(client, hobbit):
    answer = client.get("/search/?q=hobbit&outside=1")
    assert answer.context["asked_outside"] is False
    assert answer.context["may_search_outside"] is False
    assert answer.context["outside"] == []


def test_a_member_is_searched_for_outside_only_when_asked(client, member):
    Connector.objects.exclude(pk=1).update(active=False)
    answer = client.get("/search/?q=hobbit")
    assert answer.context["asked_outside"] is False
    assert answer.context["may_search_outside"] is True


# Where covers are


def own_covers_url(value: str) -> None:
    Connector.objects.filter(pk=1).update(covers_url=value)


@pytest.mark.parametrize("value", ["", "https://books.test/images", "http://books.test/images/"])
def test_covers_are_where_the_storage_has_them(client, hobbit, value):
    own_covers_url(value)
    (result,) = client.get("/search.json?q=hobbit").json()
    assert result["cover"] == "http://books.test/images/covers/hobbit.jpg"
    assert client.get("/search/?q=hobbit").context["page_obj"][0].foreign_cover == ""


@pytest.mark.parametrize("value", ["https://cdn.example/images", "https://cdn.example/images/"])
def test_covers_are_where_a_foreign_covers_url_says(client, hobbit, value):
    own_covers_url(value)
    (result,) = client.get("/search.json?q=hobbit").json()
    assert result["cover"] == "https://cdn.example/images/covers/hobbit.jpg"
    page = client.get("/search/?q=hobbit")
    assert b'src="https://cdn.example/images/covers/hobbit.jpg"' in page.content
    pictures = re.search(r"img-src ([^;]*)", page["Content-Security-Policy"])[1].split()
    scripts = re.search(r"script-src ([^;]*)", page["Content-Security-Policy"])[1].split()
    assert "https://cdn.example" in pictures
    assert "https://cdn.example" not in scripts
    assert "cdn.example" not in client.get("/")["Content-Security-Policy"]


def test_after_the_move_covers_are_in_the_bucket_whatever_of_the_sites_own_is_written(client, hobbit, settings):
    bucket = {
        "KIND": "s3",
        "BUCKET": "books",
        "PREFIX": "images/",
        "REGION": "fr-par",
        "ENDPOINT_URL": "https://s3.fr-par.scw.cloud",
        "CUSTOM_DOMAIN": "media.test",
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        "DEFAULT_ACL": "public-read",
        "USE_HTTPS": True,
    }
    moved = {**settings.EXTERNAL_STORAGE, "STORES": {**settings.EXTERNAL_STORAGE["STORES"], "bucket": bucket}}
    moved["ALIASES"] = {**moved["ALIASES"], "default": {**moved["ALIASES"]["default"], "ACTIVE": "bucket"}}
    settings.EXTERNAL_STORAGE = moved
    for value in ("https://books.test/images", "https://media.test/images", "https://media.test/images/", ""):
        own_covers_url(value)
        (result,) = client.get("/search.json?q=hobbit").json()
        assert result["cover"] == "https://media.test/images/covers/hobbit.jpg", value
    # And back home, with the bucket's address still written in the connector, as the page had it done.
    own_covers_url("https://media.test/images")
    moved = {**moved, "ALIASES": {**moved["ALIASES"], "default": {**moved["ALIASES"]["default"], "ACTIVE": "disk"}}}
    settings.EXTERNAL_STORAGE = moved
    (result,) = client.get("/search.json?q=hobbit").json()
    assert result["cover"] == "http://books.test/images/covers/hobbit.jpg"
