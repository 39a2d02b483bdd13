"""Shelves and reviews."""

from __future__ import annotations

import pytest

from bookwyrm.models import Review, Shelf, ShelvedBook
from tests import site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media", "no_tries_yet")]


@pytest.fixture
def reader(client):
    ada = site.person("ada")
    client.force_login(ada)
    return ada


def shelves_of(edition) -> set[str]:
    return {shelved.shelf.identifier for shelved in ShelvedBook.objects.filter(edition=edition)}


def test_a_book_is_on_one_of_the_four_shelves_at_a_time(client, reader):
    edition = site.book()
    for identifier, _ in Shelf.DEFAULTS:
        answer = client.post(f"/book/{edition.pk}/shelve/", {"shelf": identifier})
        assert answer["Location"] == f"/book/{edition.pk}/"
        assert shelves_of(edition) == {identifier}
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": "read"})
    assert shelves_of(edition) == {"read"}
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": ""})
    assert shelves_of(edition) == set()


def test_ones_own_shelf_holds_a_book_beside_the_four_and_lets_it_go_again(client, reader):
    edition = site.book()
    client.post("/shelf/new/", {"name": "Sea stories"})
    own = reader.shelves.get(name="Sea stories")
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": "reading"})
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": own.identifier})
    assert shelves_of(edition) == {"reading", own.identifier}
    shown = client.get(f"/book/{edition.pk}/").context["shelf_options"]
    assert {shelf.identifier for shelf, on_it in shown if on_it} == {"reading", own.identifier}
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": own.identifier})
    assert shelves_of(edition) == {"reading"}
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": own.identifier})
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": ""})
    assert shelves_of(edition) == {own.identifier}


def test_shelving_leads_back_to_a_page_of_this_site_only(client, reader):
    edition = site.book()
    for wanted, there in (("/search/?q=x", "/search/?q=x"), ("https://evil.example/", f"/book/{edition.pk}/")):
        form = {"shelf": "read", "next": wanted}
        assert client.post(f"/book/{edition.pk}/shelve/", form)["Location"] == there


def test_nobody_puts_books_on_other_peoples_shelves(client, reader):
    edition, ben = site.book(), site.person("ben")
    bens = Shelf.objects.create(owner=ben, identifier="bens-1", name="Ben's")
    assert client.post(f"/book/{edition.pk}/shelve/", {"shelf": bens.identifier}).status_code == 404
    assert shelves_of(edition) == set()


@pytest.mark.parametrize("shelf", ["a\0b", "no such shelf", "x" * 5000, "../read"])
def test_nonsense_in_place_of_a_shelf_is_not_found(client, reader, shelf):
    assert client.post(f"/book/{site.book().pk}/shelve/", {"shelf": shelf}).status_code == 404


@pytest.mark.parametrize("action", ["rename", "delete"])
def test_nobody_changes_other_peoples_shelves(client, reader, action):
    bens = Shelf.objects.create(owner=site.person("ben"), identifier="bens-1", name="Ben's")
    assert client.post(f"/user/ben/shelf/bens-1/{action}/", {"name": "Mine"}).status_code == 403
    bens.refresh_from_db()
    assert bens.name == "Ben's"


@pytest.mark.parametrize("action", ["rename", "delete"])
def test_the_four_shelves_stay_as_they_are(client, reader, action):
    assert client.post(f"/user/ada/shelf/read/{action}/", {"name": "Mine"}).status_code == 404
    assert reader.shelves.filter(identifier="read").exists()


def test_a_shelf_is_made_renamed_and_taken_down(client, reader):
    there = client.post("/shelf/new/", {"name": "Sea stories"})["Location"]
    edition = site.book()
    own = reader.shelves.get(name="Sea stories")
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": own.identifier})
    assert edition.title in client.get(there).content.decode()
    assert client.post(f"{there}rename/", {"name": "Tales of the sea"})["Location"] == there
    assert "Tales of the sea" in client.get(there).content.decode()
    assert client.post(f"{there}delete/")["Location"] == "/user/ada/shelves/"
    assert client.get(there).status_code == 404
    assert client.get(f"/book/{edition.pk}/").status_code == 200


@pytest.mark.parametrize("name", ["", "sea STORIES", "To read", "x" * 101])
def test_a_shelf_needs_a_name_of_its_own(client, reader, name):
    client.post("/shelf/new/", {"name": "Sea stories"})
    assert client.post("/shelf/new/", {"name": name}).context["form"].errors
    assert reader.shelves.count() == 5


@pytest.mark.parametrize("name", ["★★★", "海", "../..", "<script>"])
def test_any_name_makes_an_address(client, reader, name):
    there = client.post("/shelf/new/", {"name": name})["Location"]
    page = client.get(there)
    assert page.status_code == 200
    assert "<script>" not in page.content.decode().split("<main")[1]


def test_a_long_shelf_comes_in_pages(client, reader):
    shelf = reader.shelves.get(identifier="read")
    for number in range(25):
        ShelvedBook.objects.create(shelf=shelf, edition=site.book(f"Book {number}"))
    assert len(client.get("/user/ada/shelf/read/").context["page_obj"]) == 24
    assert len(client.get("/user/ada/shelf/read/?page=2").context["page_obj"]) == 1
    assert client.get("/user/ada/shelf/read/?page=nonsense").status_code == 200


# Reviews


def test_a_review_is_written_rewritten_and_removed(client, reader):
    edition = site.book()
    client.post(f"/book/{edition.pk}/review/", {"rating": "4", "title": "Fine", "text": "I liked it."})
    client.post(f"/book/{edition.pk}/review/", {"rating": "5", "title": "", "text": "I loved it."})
    review = Review.objects.get()
    assert (review.rating, review.title, review.text) == (5, "", "I loved it.")
    page = client.get(f"/book/{edition.pk}/")
    assert (page.context["my_review"], page.context["average_rating"]) == (review, 5)
    assert "I loved it." in page.content.decode()
    assert client.post(f"/review/{review.pk}/delete/")["Location"] == f"/book/{edition.pk}/"
    assert not Review.objects.exists()


def test_a_rating_needs_no_words_and_words_need_no_rating(client, reader):
    one, two = site.book(), site.book("Another")
    client.post(f"/book/{one.pk}/review/", {"rating": "3"})
    client.post(f"/book/{two.pk}/review/", {"rating": "", "text": "Words."})
    assert set(Review.objects.values_list("rating", "text")) == {(3, ""), (None, "Words.")}


@pytest.mark.parametrize(
    "form", [{}, {"rating": "6"}, {"rating": "0"}, {"title": "Only a title"}, {"rating": "4", "text": "x" * 20_001}]
)
def test_what_is_no_review_comes_back_with_what_was_typed(client, reader, form):
    edition = site.book()
    page = client.post(f"/book/{edition.pk}/review/", form)
    assert page.status_code == 422
    assert page.context["review_form"].errors
    assert not Review.objects.exists()


def test_nobody_removes_other_peoples_reviews(client, reader):
    review = Review.objects.create(author=site.person("ben"), edition=site.book(), rating=1)
    assert client.post(f"/review/{review.pk}/delete/").status_code == 404
    assert Review.objects.exists()


def test_everyone_is_counted_in_the_average(client):
    edition = site.book()
    for stars in (2, 5, 5):
        Review.objects.create(author=site.person(), edition=edition, rating=stars)
    Review.objects.create(author=site.person(), edition=edition, text="No stars.")
    page = client.get(f"/book/{edition.pk}/")
    assert (page.context["average_rating"], page.context["rating_count"]) == (4, 3)


def test_what_people_wrote_is_text_and_not_a_page(client):
    edition = site.book()
    Review.objects.create(author=site.person(), edition=edition, title="<script>1</script>", text="<img src=x>")
    main = client.get(f"/book/{edition.pk}/").content.decode().split("<main")[1]
    assert "<script>" not in main
    assert "<img src=x>" not in main
