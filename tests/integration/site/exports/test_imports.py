"""Bringing an archive: what comes with it, what is left out, and what is refused whole."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from bookwyrm.books.models import Author
from bookwyrm.imports import bringing, unpacking
from bookwyrm.models import Edition, Import, Review, Shelf, ShelvedBook, User
from tests import pictures, site

from .archives import PAGE, content, exported, link
from .hostile import HOSTILE, archive_of, described, packed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media", "no_tries_yet")]


def brought(person: User, archive: bytes) -> Import:
    """Bring *archive* as *person* does; the tests' queue reads it at once."""
    upload = SimpleUploadedFile("ada.tar.gz", archive, "application/gzip")
    assert site.visitor(person).post("/preferences/imports/new/", {"archive": upload}).status_code == 302
    return Import.objects.filter(owner=person).latest("asked_at")


def state_of(person: User) -> dict[str, object]:
    """Return all that an import could have changed."""
    return {
        "person": User.objects.filter(pk=person.pk).values("display_name", "bio", "avatar").get(),
        "editions": list(Edition.objects.order_by("pk").values()),
        "authors": list(Author.objects.order_by("pk").values()),
        "shelves": list(Shelf.objects.order_by("pk").values()),
        "shelved": list(ShelvedBook.objects.order_by("pk").values()),
        "reviews": list(Review.objects.order_by("pk").values("author", "edition", "title", "text", "rating")),
    }


@pytest.mark.parametrize("what", HOSTILE)
def test_a28_a_hostile_archive_is_refused_with_a_plain_word_and_leaves_nothing(private, tmp_path, monkeypatch, what):
    monkeypatch.setattr(unpacking, "MOST_BYTES", 64 * 2**20)  # to unpack a gigabyte takes seconds
    make, why = HOSTILE[what]
    archive, person = make(), site.person()
    before, files_before = state_of(person), site.stored_files(tmp_path)
    tracemalloc.start()
    try:
        found = brought(person, archive)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.status, found.why_refused) == ("refused", why)
    assert state_of(person) == before
    assert site.stored_files(tmp_path) == files_before
    assert most < 120 * 2**20
    page = site.visitor(person).get(PAGE).content.decode()
    assert found.get_why_refused_display() in page and "Nothing was changed." in page


def test_what_was_taken_away_comes_back_as_it_was(private, media):
    ada = site.person("ada", display_name="Ada", bio="I read.\n\n<b>Much</b>.")
    ada.avatar.save("me.png", site.upload())
    book = site.book("The Lighthouse", subtitle="A tale", description="By the\n\nsea.", published_year=1927, pages=209)
    book.cover.save("cover.png", site.upload())
    own = Shelf.objects.create(owner=ada, identifier="sea", name="By the sea")
    for shelf in (own, ada.shelves.get(identifier="read")):
        ShelvedBook.objects.create(shelf=shelf, edition=book)
    Review.objects.create(author=ada, edition=book, rating=5, title="Bright", text='A "lamp" & a <rock>.')
    shelved_at = set(ShelvedBook.objects.values_list("shelved_at", flat=True))
    browser, export = site.visitor(ada), exported(ada)
    archive = content(browser.get(link(browser, export)))
    ada.delete()
    book.delete()

    again = site.person("ada2")
    found = brought(again, archive)
    assert (found.status, found.total, found.left_out) == ("done", 1, 0)
    again.refresh_from_db()
    assert (again.display_name, again.bio, bool(again.avatar)) == ("Ada", "I read.\n\n<b>Much</b>.", True)
    back = Edition.objects.get(title="The Lighthouse")
    assert (back.subtitle, back.description, back.published_year, back.pages) == ("A tale", "By the\n\nsea.", 1927, 209)
    assert [author.name for author in back.work.authors.all()] == ["Ada Quill"]
    assert (back.cover_width, back.cover_height) == (400, 600)
    assert {shelved.shelf.shown_name for shelved in back.shelved.all()} == {"By the sea", "Read"}
    assert set(ShelvedBook.objects.values_list("shelved_at", flat=True)) == shelved_at
    review = Review.objects.get()
    assert (review.author, review.rating, review.title, review.text) == (again, 5, "Bright", 'A "lamp" & a <rock>.')
    assert private.keys == [export.archive.name]  # what was brought is not kept


def test_an_archive_of_bookwyrm_is_read(private):
    """Its layout: an ``archive….json``, the avatar under its own name, covers below ``images/``."""
    info = {"name": "Ada", "summary": "<p>I read<br>much.</p><script>x</script>", "icon": {"url": "avatars/me.png"}}
    picture = pictures.encoded("PNG")
    found = brought(
        person := site.person(),
        archive_of(described(**info), ("avatars/me.png", picture), ("images/covers/a.png", picture)),
    )
    assert (found.status, found.left_out) == ("done", 0)
    person.refresh_from_db()
    assert (person.bio, bool(person.avatar)) == ("I read\nmuch.", True)
    review = Review.objects.get()
    assert (review.rating, review.text) == (5, "A lamp & a rock.")
    assert ShelvedBook.objects.get().shelf.identifier == "read"
    assert Edition.objects.get().cover


def test_bringing_it_twice_is_as_bringing_it_once(private):
    person, archive = site.person(), archive_of(described(), ("images/covers/a.png", pictures.encoded("PNG")))
    brought(person, archive)
    once = state_of(person)
    assert brought(person, archive).status == "done"
    assert state_of(person) == once


def test_an_import_that_broke_off_is_completed_by_the_next_try(private, monkeypatch):
    books = [{"edition": {"title": f"Book {n}"}, "authors": [{"name": "Ada"}], "shelves": []} for n in range(5)]
    person, archive = site.person(), archive_of(described(books=books))
    bring_book = bringing._bring_book

    def breaks_off(owner, book):
        if book.fields["title"] == "Book 3":
            raise OSError("the power went")
        return bring_book(owner, book)

    monkeypatch.setattr(bringing, "_bring_book", breaks_off)
    broken = brought(person, archive)
    assert (broken.status, Edition.objects.count()) == ("running", 3)
    monkeypatch.undo()
    bringing.bring(str(broken.pk))
    broken.refresh_from_db()
    assert (broken.status, Edition.objects.count()) == ("done", 5)
    assert private.keys == []


def test_what_is_here_is_not_changed(private):
    person = site.person(display_name="Here", bio="Here too")
    book = site.book("Mine", isbn_13="9782070368228")
    ShelvedBook.objects.create(shelf=person.shelves.get(identifier="reading"), edition=book)
    Review.objects.create(author=person, edition=book, text="As I said")
    before = state_of(person)
    assert brought(person, archive_of(described(name="There", summary="<p>There</p>"))).status == "done"
    assert state_of(person) == before


def test_nobody_elses_book_gets_a_cover_from_an_archive(private):
    site.book("Mine", isbn_13="9782070368228")
    brought(site.person(), archive_of(described(), ("images/covers/a.png", pictures.encoded("PNG"))))
    assert not Edition.objects.get().cover


@pytest.mark.parametrize(
    "picture", [b"<svg onload=x>", b"%!PS", b"", bytes(11 * 2**20)], ids=["svg", "eps", "empty", "large"]
)
def test_a3_what_is_no_picture_is_left_out(private, media, picture):
    found = brought(site.person(), archive_of(described(), ("images/covers/a.png", picture)))
    assert (found.status, found.left_out) == ("done", 1)
    assert site.stored_files(media) == set()


def test_a_picture_in_an_archive_is_made_anew_like_any_other(private, media):
    brought(site.person(), archive_of(described(), ("images/covers/a.png", pictures.png_with_script())))
    stored = (media / Edition.objects.get().cover.name).read_bytes()
    assert b"<script" not in stored
    assert Image.open(io.BytesIO(stored)).format == "PNG"


def test_values_of_the_wrong_kind_are_left_out_one_by_one(private):
    odd = [
        *(1, None, "book", [], {}, {"edition": []}, {"edition": {"title": 7}}),
        {
            "edition": {
                **{"title": "Odd\0 \ud800one", "isbn13": ["x"], "pages": True, "publishedDate": 1927, "cover": "x"},
                **{"languages": "fr", "publishers": [None], "description": {"a": 1}, "id": 5},
            },
            "authors": "Ada",
            "shelves": [{"name": []}, "read", {"id": "x" * 999}],
            "reviews": [{"rating": "NaN", "content": 5}, 1],
        },
    ]
    found = brought(person := site.person(), archive_of(described(books=odd, name=[], icon="x", shelves={})))
    assert (found.status, found.left_out) == ("done", 7)
    assert Edition.objects.get().title == "Odd one"
    assert not Review.objects.exists()
    person.refresh_from_db()
    assert person.display_name == ""


@pytest.mark.parametrize("form", ["pax", "gnu", "ustar"])
def test_archives_of_every_kind_of_tar_are_read(private, form):
    kind = {"pax": 2, "gnu": 1, "ustar": 0}[form]
    long = "images/covers/" + "a" * 90 + ("" if form == "ustar" else "é" * 60) + ".png"
    told = described().replace(b"images/covers/a.png", long.encode("unicode_escape").replace(b"\\xe9", b"\\u00e9"))
    archive = packed(("./archive.json", told), (long, pictures.encoded("PNG")), form=kind)
    assert brought(site.person(), archive).left_out == 0
    assert Edition.objects.get().cover


def test_one_import_at_a_time_and_none_by_get(private):
    person = site.person()
    Import.objects.create(owner=person, store="vault", archive="x.tar.gz")
    upload = SimpleUploadedFile("a.tar.gz", archive_of(described()))
    answer = site.visitor(person).post("/preferences/imports/new/", {"archive": upload}, follow=True)
    assert b"being read already" in answer.content
    assert (Import.objects.count(), private.keys) == (1, [])
    assert site.visitor(person).get("/preferences/imports/new/").status_code == 405
    assert site.visitor().post("/preferences/imports/new/").status_code == 302
