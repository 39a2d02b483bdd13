"""Two at once. Only a database with more than one writer can show these; `test_on_postgresql` runs them there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from bookwyrm.models import Edition, Invite, Review, Shelf, ShelvedBook, SiteSettings, User
from tests import pictures, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]


def at_once(action, *arguments) -> list:
    """Call *action* with each of the arguments in threads of their own, and return what each answered."""

    def called(argument):
        try:
            return action(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as together:
        return list(together.map(called, arguments))


def test_two_who_replace_one_cover_leave_one_cover(media):
    edition = site.book()
    edition.cover = site.upload()
    edition.save()

    def replace(side: int) -> None:
        with transaction.atomic():
            mine = Edition.objects.get(pk=edition.pk)
            mine.cover = site.upload(pictures.encoded("PNG", pictures.painting(side, side)))
            mine.save()

    at_once(replace, *range(200, 208))
    edition.refresh_from_db()
    stem = edition.cover.name.removesuffix(".png")
    assert site.stored_files(media) == {edition.cover.name, f"thumbnails/{stem}-160.webp"}


def test_an_invite_for_one_lets_one_in():
    SiteSettings.objects.update_or_create(pk=1, defaults={"registration": "invite"})
    invite = Invite.objects.create()

    def join(number: int) -> int:
        form = {"username": f"guest{number}", "email": "", "password1": "a long passphrase", "invite": invite.code}
        return site.visitor().post("/signup/", form | {"password2": form["password1"]}).status_code

    at_once(join, *range(6))
    assert User.objects.count() == 1
    invite.refresh_from_db()
    assert invite.uses_left == 0


def test_a_book_clicked_onto_two_shelves_at_once_stands_on_one():
    edition, reader = site.book(), site.person()
    at_once(
        lambda shelf: site.visitor(reader).post(f"/book/{edition.pk}/shelve/", {"shelf": shelf}),
        *[identifier for identifier, _ in Shelf.DEFAULTS] * 2,
    )
    assert ShelvedBook.objects.filter(edition=edition).count() == 1


def test_a_review_sent_twice_at_once_is_one_review():
    edition, reader = site.book(), site.person()
    answers = at_once(
        lambda rating: site.visitor(reader).post(f"/book/{edition.pk}/review/", {"rating": rating}).status_code,
        *(1, 2, 3, 4, 5),
    )
    assert set(answers) == {302}
    assert Review.objects.count() == 1
