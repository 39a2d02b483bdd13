"""The owner's side of the site."""

from __future__ import annotations

import pytest

from bookwyrm.models import Edition, Invite, SiteSettings, User
from tests import pictures, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]

MODELS = ["author", "connector", "edition", "invite", "review", "shelf", "user", "work"]


@pytest.fixture
def owner(client):
    person = site.owner()
    client.force_login(person)
    return person


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_record_can_be_listed_searched_and_added(client, owner, model):
    edition = site.book()
    client.post(f"/book/{edition.pk}/review/", {"rating": "4"})
    for page in ("", "?q=a", "add/"):
        assert client.get(f"/admin/bookwyrm/{model}/{page}").status_code == 200, page


@pytest.mark.parametrize("model", [*MODELS, "sitesettings"])
def test_a_reader_sees_nothing_of_it(model):
    browser = site.visitor(site.person())
    assert browser.get(f"/admin/bookwyrm/{model}/")["Location"].startswith("/admin/login/")


def settings_form(**fields) -> dict[str, object]:
    return {"name": "Our books", "tagline": "Read", "description": "About", "registration": "open", **fields}


def test_the_settings_of_the_site_are_one_page(client, owner):
    page = client.get("/admin/bookwyrm/sitesettings/")
    assert page["Location"] == "/admin/bookwyrm/sitesettings/1/change/"
    client.post(page["Location"], settings_form(logo=site.upload(), favicon=site.upload()))
    current = SiteSettings.current()
    assert (current.name, current.registration) == ("Our books", "open")
    home = site.visitor().get("/").content.decode()
    for shown in ("Our books", current.logo.name[:-4], current.favicon.name[:-4]):
        assert shown in home
    assert client.get("/admin/bookwyrm/sitesettings/add/").status_code == 403
    assert client.post("/admin/bookwyrm/sitesettings/1/delete/").status_code == 403


def test_a_logo_can_be_cleared(client, owner, media):
    SiteSettings.current()
    client.post("/admin/bookwyrm/sitesettings/1/change/", settings_form(logo=site.upload()))
    assert site.stored_files(media)
    client.post("/admin/bookwyrm/sitesettings/1/change/", settings_form(**{"logo-clear": "on"}))
    assert SiteSettings.current().logo == ""
    assert site.stored_files(media) == set()


def test_a_refused_logo_is_told_beside_its_field(client, owner):
    SiteSettings.current()
    page = client.post("/admin/bookwyrm/sitesettings/1/change/", settings_form(logo=site.upload(pictures.SCRIPT)))
    assert page.status_code == 200
    assert "not a PNG" in page.content.decode()


def test_an_invite_shows_its_link_when_it_is_made(client, owner, settings):
    answer = client.post("/admin/bookwyrm/invite/add/", {"uses_left": "3", "expires_at_0": "", "expires_at_1": ""})
    invite = Invite.objects.get()
    assert answer["Location"] == f"/admin/bookwyrm/invite/{invite.pk}/change/"
    assert (invite.created_by, invite.uses_left) == (owner, 3)
    link = f"{settings.SITE_URL}/signup/?invite={invite.code}"
    for page in (answer["Location"], "/admin/bookwyrm/invite/"):
        assert link in client.get(page).content.decode()
    assert site.visitor().get(link.removeprefix(settings.SITE_URL)).context["form"] is not None


def test_a_person_made_in_the_admin_has_shelves_too(client, owner):
    form = {
        "username": "ben",
        "usable_password": "true",
        "password1": "a long passphrase",
        "password2": "a long passphrase",
    }
    assert client.post("/admin/bookwyrm/user/add/", form).status_code == 302
    assert User.objects.get(username="ben").shelves.count() == 4


def test_a_deleted_edition_takes_its_cover_with_it(client, owner, media):
    edition = site.book()
    edition.cover = site.upload()
    edition.save()
    client.post(f"/admin/bookwyrm/edition/{edition.pk}/delete/", {"post": "yes"})
    assert not Edition.objects.exists()
    assert site.stored_files(media) == set()


def test_a_new_edition_keeps_what_was_typed_when_its_cover_is_refused(client, owner):
    work = site.book().work
    form = {"work": work.pk, "title": "Typed with care", "cover": site.upload(b"no picture")}
    page = client.post("/admin/bookwyrm/edition/add/", form)
    assert "Typed with care" in page.content.decode()
    assert Edition.objects.count() == 1
