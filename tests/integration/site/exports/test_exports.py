"""Taking away what one has: who gets the archive and when, where it is, and what is left of it afterwards."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
import urllib.error
import urllib.request
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from bookwyrm.exports import making, removing
from bookwyrm.models import Export, Review, Shelf, ShelvedBook
from external_storage.django import conf
from tests import site

from .archives import PAGE, content, exported, link, unpacked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media", "no_tries_yet")]

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PLACES = pytest.mark.parametrize("where", ["disk", "seaweedfs", "ceph", "sftp"])


@pytest.fixture
def reader():
    """Somebody with a picture, a book with a cover on two shelves, and a review."""
    reader = site.person("ada", display_name="Ada", bio="I read.\n\n<b>Much</b>.", email="ada@example.org")
    reader.avatar.save("me.png", site.upload())
    book = site.book("The Lighthouse", isbn_13="9782070368228")
    book.cover.save("cover.png", site.upload())
    own = Shelf.objects.create(owner=reader, identifier="sea", name="By the sea")
    for shelf in (own, reader.shelves.get(identifier="read")):
        ShelvedBook.objects.create(shelf=shelf, edition=book)
    Review.objects.create(author=reader, edition=book, rating=5, title="Bright", text='A "lamp" & a rock.')
    return reader


@pytest.fixture
def clock(monkeypatch):
    """Call it with seconds, and for signed links they have passed."""

    def later(seconds: float) -> None:
        now = time.time() + seconds
        monkeypatch.setattr("django.core.signing.time", SimpleNamespace(time=lambda: now))

    return later


# What is in it


def test_an_archive_holds_what_the_person_has_and_nobody_elses(private, reader):
    other = site.person("bob", bio="secret of bob")
    Review.objects.create(author=other, edition=Review.objects.get().edition, rating=1, text="bob was bored")
    export = exported(reader)
    browser = site.visitor(reader)
    told, files = unpacked(content(browser.get(link(browser, export))))
    assert (told["preferredUsername"], told["name"], told["email"]) == ("ada", "Ada", "ada@example.org")
    assert told["summarySource"]["content"] == reader.bio
    (book,) = told["books"]
    assert (book["edition"]["title"], book["edition"]["isbn13"]) == ("The Lighthouse", "9782070368228")
    assert [author["name"] for author in book["authors"]] == ["Ada Quill"]
    assert {shelf["identifier"] for shelf in book["shelves"]} == {"sea", "read"}
    assert [(each["rating"], each["source"]["content"]) for each in book["reviews"]] == [(5, 'A "lamp" & a rock.')]
    assert "bob" not in str(told)
    cover = Review.objects.first().edition.cover
    assert files == {
        reader.avatar.name: reader.avatar.read(),
        f"images/{cover.name}": cover.read(),
    }
    assert told["icon"]["url"] in files and book["edition"]["cover"]["url"] in files


def test_someone_without_anything_gets_an_archive_too(private):
    """C10: no picture, no book."""
    nobody_special = site.person()
    browser = site.visitor(nobody_special)
    told, files = unpacked(content(browser.get(link(browser, exported(nobody_special)))))
    assert (told["books"], told["icon"], files) == ([], {}, {})


def test_a_picture_that_was_lost_is_left_out(private, reader, media):
    (media / reader.avatar.name).unlink()
    browser = site.visitor(reader)
    told, files = unpacked(content(browser.get(link(browser, exported(reader)))))
    assert told["icon"] == {}
    assert len(files) == 1


def test_pictures_come_from_wherever_they_are(private, reader, media, settings, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    media.rename(elsewhere)
    described = {**settings.EXTERNAL_STORAGE, "STORES": {**settings.EXTERNAL_STORAGE["STORES"]}}
    described["STORES"]["disk"] = {
        "KIND": "django",
        "CLASS": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(elsewhere)},
    }
    described["ALIASES"]["default"] = {**described["ALIASES"]["default"], "SERVED_AT": "/images/", "STORES": ["disk"]}
    settings.EXTERNAL_STORAGE = described
    browser = site.visitor(reader)
    _, files = unpacked(content(browser.get(link(browser, exported(reader)))))
    assert len(files) == 2


# Who gets it, and when


@PLACES
def test_a21_an_archive_is_for_its_owner_alone_and_its_link_for_a_minute(on, reader, clock, where):
    place = on(where)
    export = exported(reader)
    owner, another, nobody = site.visitor(reader), site.visitor(site.person()), site.visitor()
    address = link(owner, export)
    for stranger in (another, nobody):
        assert stranger.get(address).status_code == 404
        assert stranger.post(f"{PAGE}{export.pk}/link/").status_code in (302, 404)
        assert address not in stranger.post(f"{PAGE}{export.pk}/link/").headers.get("Location", "")
    found = owner.get(address)
    assert found.status_code == 200
    assert {"private", "no-store"} <= set(found["Cache-Control"].split(", "))
    assert found["Content-Disposition"].startswith('attachment; filename="ada-')
    assert found["Content-Type"] == "application/gzip"
    assert len(content(found)) == export.size
    assert not [value for value in found.headers.values() if export.archive.name in value or "vault" in value]
    clock(61)
    late = owner.get(address)
    assert late.status_code == 403
    assert b"Press" in late.content
    clock(0)
    owner.logout()
    assert owner.get(address).status_code == 404
    owner.force_login(reader)
    assert owner.get(address).status_code == 404  # signed in again: another session
    assert place.keys == [export.archive.name]


def test_a21_a_link_is_good_for_one_export_only(private, reader):
    first, second = exported(reader), exported(reader)
    browser = site.visitor(reader)
    token = link(browser, first).rpartition("/")[2]
    for wrong in (token[:-1] + "~", "x", token.replace("~", ":")[::-1]):
        assert browser.get(f"{PAGE}{first.pk}/{wrong}").status_code == 404
    assert browser.get(f"{PAGE}{second.pk}/{token}").status_code == 404


def test_a26_a_link_reads_one_archive_and_does_nothing_else(private, reader, settings):
    export = exported(reader)
    browser = site.visitor(reader)
    address = link(browser, export)
    for method in ("put", "delete", "post", "patch"):
        assert getattr(browser, method)(address).status_code == 405
    settings.SECRET_KEY = "another key, after the first one was found in a bin"
    assert browser.get(address).status_code == 404


def test_nobody_is_led_to_the_store_and_no_signature_of_it_leaves_the_site(on, reader):
    place = on("seaweedfs")
    assert place.values["ENDPOINT_URL"] not in conf.public_hosts()
    browser = site.visitor(reader)
    answer = browser.get(link(browser, exported(reader)))
    assert answer.status_code == 200
    assert "X-Amz" not in str(answer.headers)
    content(answer)


def test_the_web_server_before_the_site_sends_it_after_the_same_check(private, reader):
    private.configure(INTERNAL_URL="/-/exports/")
    export = exported(reader)
    owner = site.visitor(reader)
    address = link(owner, export)
    assert owner.get(address)["X-Accel-Redirect"] == f"/-/exports/{export.archive.name}"
    assert "no-store" in owner.get(address)["Cache-Control"]
    for stranger in (site.visitor(site.person()), site.visitor()):
        assert "X-Accel-Redirect" not in stranger.get(address).headers


@pytest.mark.parametrize("where", ["seaweedfs", "ceph"])
def test_a24_a_stranger_finds_no_archive_by_listing_and_reads_none_by_name(on, reader, where):
    place = on(where)
    name = exported(reader).archive.name
    assert re.fullmatch(rf"{UUID}\.tar\.gz", name)
    bucket = f"{place.values['ENDPOINT_URL']}/{place.values['BUCKET']}"
    for address in (f"{bucket}/{name}", f"{bucket}?list-type=2&max-keys=1", bucket):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address)
        assert refused.value.code == 403, address


def test_a24_an_archive_has_no_address_among_the_public_files(private, reader, client):
    export = exported(reader)
    assert str(export.pk) not in export.archive.name
    assert client.get(f"/images/{export.archive.name}").status_code == 404
    with pytest.raises(ValueError, match="private"):
        export.archive.storage.url(export.archive.name)


# Asking


def test_one_at_a_time(private, reader):
    Export.objects.create(owner=reader)
    browser = site.visitor(reader)
    answer = browser.post(f"{PAGE}new/", follow=True)
    assert b"being made already" in answer.content
    assert Export.objects.count() == 1


def test_five_a_day(private, reader):
    browser = site.visitor(reader)
    assert [browser.post(f"{PAGE}new/").status_code for _ in range(6)] == [302] * 5 + [429]


def test_progress_is_shown_and_the_page_looks_again_by_itself(private, reader):
    Export.objects.create(owner=reader, status="running", done=3, total=10)
    answer = site.visitor(reader).get(PAGE)
    assert answer["Refresh"] == "3"
    assert b"step 3 of 10" in answer.content
    assert b'<progress max="10" value="3"' in answer.content
    assert b"<script" not in answer.content


def test_c11_the_page_asks_no_store(private, reader):
    exported(reader)
    private.configure(KIND="sftp", HOST="192.0.2.1", USER="x", ROOT="/x", PASSWORD="x", KNOWN_HOSTS="/nowhere")
    began = time.monotonic()
    assert site.visitor(reader).get(PAGE).status_code == 200
    assert time.monotonic() - began < 2


# What goes wrong


def test_c9_an_export_whose_worker_died_is_begun_anew_and_leaves_nothing(private, reader):
    half = "00000000-0000-0000-0000-000000000000.tar.gz"
    export = Export.objects.create(owner=reader, status="running", store="vault", archive=half)
    (private.values["ROOT"] / export.archive.name).write_bytes(b"half")
    with pytest.raises(making.StillAtWork):
        making.make(str(export.pk))
    Export.objects.update(heard_at=timezone.now() - timedelta(minutes=3))
    making.make(str(export.pk))
    export.refresh_from_db()
    assert export.is_ready
    assert private.keys == [export.archive.name]


def test_c9_an_export_that_nobody_is_at_ends_as_failed(private, reader):
    Export.objects.create(owner=reader, status="running", heard_at=timezone.now() - timedelta(hours=2))
    browser = site.visitor(reader)
    assert browser.post(f"{PAGE}new/").status_code == 302
    assert b"could not be made" in browser.get(PAGE).content
    assert Export.objects.filter(status="ready").count() == 1


def test_whoever_is_overtaken_takes_back_what_it_stored(private, reader, monkeypatch):
    export = Export.objects.create(owner=reader)

    def described_while_another_begins(*_):
        Export.objects.update(archive="of-another.tar.gz")
        yield "{}"

    monkeypatch.setattr(making, "as_json", described_while_another_begins)
    making.make(str(export.pk))
    assert private.keys == []
    assert Export.objects.get().status == "running"


def test_an_archive_is_never_whole_in_memory(private, reader, media, tmp_path):
    """Many large pictures, one of them at a time."""
    cover = Review.objects.get().edition.cover.name
    (media / cover).write_bytes(bytes(64 * 2**20))
    tracemalloc.start()
    try:
        exported(reader)
        assert tracemalloc.get_traced_memory()[1] < 24 * 2**20
    finally:
        tracemalloc.stop()


# Afterwards


def test_an_archive_is_removed_when_its_time_is_over(private, reader):
    export = exported(reader)
    kept = exported(reader)
    browser = site.visitor(reader)
    address = link(browser, export)
    Export.objects.filter(pk=export.pk).update(expires_at=timezone.now())
    assert browser.get(address).status_code == 404
    removing.remove_outdated()
    assert private.keys == [kept.archive.name]
    assert list(Export.objects.all()) == [kept]


def test_what_cannot_be_removed_now_is_removed_later(private, reader, settings):
    exported(reader)
    Export.objects.update(expires_at=timezone.now(), store="away")
    removing.remove_outdated()
    Export.objects.update(store="vault")
    assert Export.objects.count() == 1
    removing.remove_outdated()
    assert (Export.objects.count(), private.keys) == (0, [])


def test_an_archive_of_nobody_is_removed_and_nothing_else(private, reader):
    kept = exported(reader)
    folder = private.values["ROOT"]
    stray, young = (f"{digit}2345678-1234-1234-1234-123456789012.tar.gz" for digit in "12")
    for name in (stray, young, "notes.txt", "backup.tar.gz"):
        (folder / name).write_bytes(b"x")
    for name in (stray, "notes.txt", "backup.tar.gz", kept.archive.name):
        os.utime(folder / name, (1, 1))
    removing.remove_outdated()
    assert set(private.keys) == {young, "notes.txt", "backup.tar.gz", kept.archive.name}


@PLACES
def test_a27_nothing_of_a_deleted_account_is_left(on, reader, media, where, django_capture_on_commit_callbacks):
    place = on(where)
    export = exported(reader)
    avatar = reader.avatar.name
    with django_capture_on_commit_callbacks(execute=True):
        reader.delete()
    assert place.keys == []
    assert not Export.objects.filter(pk=export.pk).exists()
    assert not (media / avatar).exists()


def test_one_may_remove_ones_own_archive_and_nobody_elses(private, reader, django_capture_on_commit_callbacks):
    export = exported(reader)
    assert site.visitor(site.person()).post(f"{PAGE}{export.pk}/delete/").status_code == 404
    assert private.keys == [export.archive.name]
    with django_capture_on_commit_callbacks(execute=True):
        assert site.visitor(reader).post(f"{PAGE}{export.pk}/delete/").status_code == 302
    assert private.keys == []
