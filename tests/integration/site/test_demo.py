"""The invented library."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from bookwyrm import search
from bookwyrm.books.isbn import isbn_13
from bookwyrm.images.publishing import may_publish
from bookwyrm.models import Author, Edition, Review, Shelf, ShelvedBook, User, Work
from bookwyrm.site.demo import DemoLibrary
from bookwyrm.site.demo.covers import draw_avatar, draw_cover
from bookwyrm.site.demo.filling import fill
from external_storage.objects import Publish
from tests import site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Edition, Work, Author, User, Shelf, ShelvedBook, Review))


def test_the_same_seed_invents_the_same_library():
    assert list(DemoLibrary(60, 3).books()) == list(DemoLibrary(60, 3).books())
    assert list(DemoLibrary(60, 3).people()) == list(DemoLibrary(60, 3).people())
    assert draw_cover("Title", "Author", 7, 3) == draw_cover("Title", "Author", 7, 3)
    assert draw_avatar(2, 3) == draw_avatar(2, 3)


def test_another_seed_invents_another():
    assert not {book.isbn_13 for book in DemoLibrary(200, 1).books()} & {
        book.isbn_13 for book in DemoLibrary(200, 2).books()
    }


def test_a_library_that_grows_keeps_its_books():
    assert list(DemoLibrary(50).books()) == list(DemoLibrary(80).books())[:50]


def test_the_books_are_believable():
    books = list(DemoLibrary(400).books())
    assert len({book.isbn_13 for book in books}) == 400
    assert all(isbn_13(book.isbn_13) for book in books)
    assert {book.language for book in books} == {"en", "fr", "de", "es", "it", "pt"}
    assert len({book.title for book in books}) > 300
    assert all(book.pages > 20 and 1900 < book.published_year < 2025 for book in books)
    assert any(book.reprint_of is not None for book in books)
    assert all(book.reprint_of is None or book.reprint_of < book.number for book in books)
    assert any(len(book.authors) > 1 for book in books)
    assert not re.search(r"[{}]", "".join(book.title + book.description for book in books))


def test_covers_are_files_as_people_have_them():
    files = [draw_cover("The Lighthouse at Marvenna", "Ada Quill", number) for number in range(60)]
    formats, exif, sizes = set(), 0, set()
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            formats.add(image.format)
            exif += bool(image.getexif())
            sizes.add(image.size)
    assert formats == {"JPEG", "PNG", "WEBP"}
    assert 0 < exif < 60
    assert len(sizes) > 20


def test_a_filled_site_can_be_looked_at_and_filling_again_changes_nothing(media, capsys, client):
    call_command("demo", books=24)
    first = capsys.readouterr().out
    assert "Added 24 books, 12 people" in first
    before, files = counts(), site.stored_files(media)
    editions = Edition.objects.exclude(cover="")
    assert 18 <= len(editions) <= 24
    for edition in editions:
        assert edition.cover.name in files
        for width in edition.cover_widths:
            assert f"thumbnails/{edition.cover.name.rpartition('.')[0]}-{width}.webp" in files
    assert all(isinstance(may_publish(key, (media / key).read_bytes()), Publish) for key in files)
    assert Review.objects.exists() and ShelvedBook.objects.exists()
    assert search.find(Edition.objects.first().title), "the index knows them"

    password = re.search(r"with the password (\S+)", first)[1]
    assert client.login(username="demo", password=password)
    for page in ("/", "/user/demo/", "/user/demo/shelves/", Edition.objects.first().get_absolute_url()):
        assert client.get(page).status_code == 200

    call_command("demo", books=24)
    again = capsys.readouterr().out
    assert "Added 0 books, 0 people and 0 pictures" in again
    assert "password" not in again.replace("changepassword", "").replace("a new password:", "")
    assert (counts(), site.stored_files(media)) == (before, files)


def test_a_larger_library_adds_to_a_smaller_one(media):
    fill(DemoLibrary(12), pictures=False)
    kept = set(Edition.objects.values_list("pk", "isbn_13"))
    filled = fill(DemoLibrary(30), pictures=False)
    assert filled.books == 18
    assert kept < set(Edition.objects.values_list("pk", "isbn_13"))
    assert site.stored_files(media) == set()


def test_a_real_account_that_is_called_demo_is_left_alone(capsys):
    real = site.person("demo", email="demo@example.org")
    call_command("demo", books=3)
    real.refresh_from_db()
    assert real.check_password("correct horse")
    assert real.email == "demo@example.org"
    assert User.objects.get(email="demo@demo.invalid").username != "demo"


def test_only_the_account_to_sign_in_with_has_a_password():
    fill(DemoLibrary(3), pictures=False)
    assert not any(person.has_usable_password() for person in User.objects.all())


@pytest.mark.parametrize("books", ["0", "-1", "many"])
def test_a_number_that_makes_no_library_is_refused(books):
    with pytest.raises(CommandError):
        call_command("demo", f"--books={books}")
