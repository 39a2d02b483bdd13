"""Adding and correcting books, and the pages that show them."""

from __future__ import annotations

import pytest
from django.db import transaction

from bookwyrm.books.cataloguing import names_in
from bookwyrm.models import Author, Edition, SiteSettings, Work
from tests import site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]


@pytest.fixture
def reader(client):
    ada = site.person("ada")
    client.force_login(ada)
    return ada


def test_a_book_added_by_hand_is_a_work_an_edition_and_its_authors(client, reader):
    form = site.book_form(
        title="Der Leuchtturm",
        author_names="Ada Quill\n  Ben   Tarrant ; ada quill",
        isbn_13="978-0-261-10221-7",
        published_year="1996",
        pages="310",
        language="de",
        cover=site.upload(),
    )
    answer = client.post("/book/new/", form)
    edition = Edition.objects.get()
    assert answer["Location"] == f"/book/{edition.pk}/"
    assert edition.work.title == "Der Leuchtturm"
    assert [author.name for author in edition.work.authors.order_by("pk")] == ["Ada Quill", "Ben Tarrant"]
    assert (edition.isbn_13, edition.isbn_10) == ("9780261102217", "0261102214")
    assert (edition.published_year, edition.pages, edition.language) == (1996, 310, "de")
    assert edition.added_by == reader
    assert edition.cover_width == 400
    page = client.get(answer["Location"]).content.decode()
    for shown in ("Der Leuchtturm", "Ada Quill", "Ben Tarrant", "9780261102217", edition.cover.name[:-4]):
        assert shown in page


def test_authors_who_are_here_are_not_added_again(client, reader):
    site.book(authors=("Ada Quill",))
    client.post("/book/new/", site.book_form(title="Another", author_names="ADA QUILL"))
    assert Author.objects.count() == 1


def test_names_may_stand_in_lines_or_between_semicolons():
    assert names_in(" A B ;C\n\n a  b \nD, E") == ["A B", "C", "D, E"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"title": ""}, "This field is required."),
        ({"author_names": " \n "}, "This field is required."),
        ({"author_names": ";"}, "at least one author"),
        ({"author_names": "x" * 300}, "too long for a name"),
        ({"isbn_13": "9780261102218"}, "no ISBN of 13 digits"),
        ({"isbn_13": "0261102214"}, "no ISBN of 13 digits"),
        ({"isbn_10": "0261102215"}, "no ISBN of 10 digits"),
        ({"isbn_10": "not a number"}, "no ISBN of 10 digits"),
        ({"isbn_13": "9780261102217", "isbn_10": "080442957X"}, "belong to different books"),
        ({"isbn_10": "0261103342"}, "with this ISBN is here already"),
        ({"published_year": "12000"}, "less than or equal to 2200"),
        ({"pages": "-3"}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_with_a_book_is_told_and_what_was_typed_stays(client, reader, fields, told):
    site.book("Here already", isbn_13="9780261103344", isbn_10="0261103342")
    page = client.post("/book/new/", site.book_form(description="Typed with care.") | fields)
    assert page.status_code == 422
    assert told in page.content.decode()
    assert "Typed with care." in page.content.decode()
    assert Edition.objects.count() == 1


def test_an_isbn_10_is_enough(client, reader):
    client.post("/book/new/", site.book_form(isbn_10="0-8044-2957-x"))
    edition = Edition.objects.get()
    assert (edition.isbn_13, edition.isbn_10) == ("9780804429573", "080442957X")


def test_the_form_can_begin_filled_in(client, reader):
    page = client.get("/book/new/?title=Der+Leuchtturm&author_names=Ada+Quill&isbn_13=9780261102217").content.decode()
    for value in ("Der Leuchtturm", "Ada Quill", "9780261102217"):
        assert value in page


def test_a_correction_reaches_edition_work_and_authors(client, reader):
    edition = site.book("The Lihgthouse", authors=("Ada Quil",))
    page = client.get(f"/book/{edition.pk}/edit/").content.decode()
    assert "Ada Quil" in page
    form = site.book_form(title="The Lighthouse", author_names="Ada Quill", isbn_13="9780261102217")
    assert client.post(f"/book/{edition.pk}/edit/", form)["Location"] == f"/book/{edition.pk}/"
    work = Work.objects.get()
    assert (work.title, [author.name for author in work.authors.all()]) == ("The Lighthouse", ["Ada Quill"])
    edition.refresh_from_db()
    assert (edition.title, edition.isbn_10) == ("The Lighthouse", "0261102214")


def test_a_correction_may_keep_its_own_isbn(client, reader):
    edition = site.book(isbn_13="9780261102217", isbn_10="0261102214")
    form = site.book_form(isbn_13="9780261102217", isbn_10="0261102214", subtitle="A novel")
    assert client.post(f"/book/{edition.pk}/edit/", form).status_code == 302


def test_a_translation_does_not_rename_the_work(client, reader):
    edition = site.book("Le phare")
    translated = Edition.objects.create(work=edition.work, title="The Lighthouse")
    client.post(f"/book/{translated.pk}/edit/", site.book_form(title="The Light House", author_names="Ada Quill"))
    assert Work.objects.get().title == "Le phare"


def test_a_book_page_shows_the_other_editions(client):
    edition = site.book("Le phare")
    translated = Edition.objects.create(work=edition.work, title="The Lighthouse")
    page = client.get(f"/book/{edition.pk}/")
    assert list(page.context["other_editions"]) == [translated]


def test_an_authors_page_shows_each_work_by_an_edition_with_a_cover(client):
    edition = site.book("Le phare")
    with_cover = Edition.objects.create(work=edition.work, title="The Lighthouse", cover=site.upload())
    Edition.objects.create(work=edition.work, title="Der Leuchtturm")
    Work.objects.create(title="A work without editions").authors.set(edition.work.authors.all())
    author = edition.work.authors.get()
    page = client.get(f"/author/{author.pk}/")
    assert [work.shown_edition for work in page.context["works"]] == [with_cover]


def test_an_author_is_described(client, reader):
    author = site.book().work.authors.get()
    form = {"name": "Ada Quill", "bio": "Wrote.", "born": "1900", "died": "1980"}
    assert client.post(f"/author/{author.pk}/edit/", form)["Location"] == f"/author/{author.pk}/"
    assert "Wrote." in client.get(f"/author/{author.pk}/").content.decode()
    wrong = client.post(f"/author/{author.pk}/edit/", form | {"died": "1890"})
    assert "Nobody dies before being born." in wrong.content.decode()


def test_the_home_page_shows_the_newest_books_first(client):
    editions = [site.book(f"Book {number}", authors=(f"Author {number}",)) for number in range(30)]
    page = client.get("/")
    assert list(page.context["new_editions"]) == editions[:5:-1]
    assert page.context["book_count"] == 30


def test_the_home_page_costs_the_same_however_many_books_there_are(client, django_assert_max_num_queries):
    for number in range(24):
        site.book(f"Book {number}", authors=(f"Author {number}", f"Editor {number}"))
    SiteSettings.current()
    with django_assert_max_num_queries(6):
        client.get("/")


@pytest.mark.parametrize("page", ["/book/1/", "/book/1/edit/", "/author/1/", "/author/1/edit/"])
def test_what_is_not_there_is_not_found(client, reader, page):
    assert client.get(page).status_code == 404


def test_a_cover_is_put_replaced_and_removed_from_the_page_of_the_book(client, reader, media):
    edition = site.book()
    names = []
    for _ in range(2):
        assert client.post(f"/book/{edition.pk}/cover/", {"cover": site.upload()})["Location"] == f"/book/{edition.pk}/"
        edition.refresh_from_db()
        names.append(edition.cover.name)
    assert names[0] != names[1]
    client.post(f"/book/{edition.pk}/cover/", {"remove": "1"})
    edition.refresh_from_db()
    assert edition.cover == ""
    assert site.stored_files(media) == set()


def test_a_cover_form_without_a_cover_says_so(client, reader):
    page = client.post(f"/book/{site.book().pk}/cover/", {})
    assert page.status_code == 422
    assert "Choose a file or give an address." in page.content.decode()


def test_another_edition_joins_the_same_work_and_takes_what_editions_share(client, reader):
    edition = site.book("Le phare", series="Bords de mer", isbn_13="9780261102217")
    assert f"/book/new/?edition_of={edition.pk}" in client.get(f"/book/{edition.pk}/").content.decode()
    page = client.get(f"/book/new/?edition_of={edition.pk}").content.decode()
    for value in ("Le phare", "Ada Quill", "Bords de mer"):
        assert value in page
    assert "9780261102217" not in page
    client.post(f"/book/new/?edition_of={edition.pk}", site.book_form(title="The Lighthouse", author_names="Ada Quill"))
    work = Work.objects.get()
    assert (work.title, Author.objects.count()) == ("Le phare", 1)
    assert {one.title for one in work.editions.all()} == {"Le phare", "The Lighthouse"}


def test_a_correction_of_the_authors_made_with_another_edition_reaches_the_work(client, reader):
    edition = site.book("Le phare", authors=("Ada Quil",))
    client.post(f"/book/new/?edition_of={edition.pk}", site.book_form(author_names="Ada Quill"))
    assert [author.name for author in Work.objects.get().authors.all()] == ["Ada Quill"]


@pytest.mark.parametrize("number", ["999999", "x", "-1", "", "9" * 40])
def test_an_edition_of_nothing_is_not_found(client, reader, number):
    assert client.get(f"/book/new/?edition_of={number}").status_code == 404


def test_a_work_goes_with_its_last_edition(client):
    edition = site.book("Le phare")
    translated = Edition.objects.create(work=edition.work, title="The Lighthouse")
    edition.delete()
    assert Work.objects.get().editions.get() == translated
    translated.delete()
    assert not Work.objects.exists()


def test_one_form_may_exchange_the_only_edition_of_a_work():
    edition = site.book("Le phare")
    with transaction.atomic():
        edition.delete()
        Edition.objects.create(work=edition.work, title="The Lighthouse")
    assert Work.objects.get().editions.get().title == "The Lighthouse"
