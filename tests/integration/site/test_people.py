"""Joining, signing in, being someone; and making the very first account."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from bookwyrm.models import AdminCode, Invite, Shelf, SiteSettings, User
from bookwyrm.site.limits import client_address
from tests import pictures, site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media", "no_tries_yet")]


def registration(mode: str) -> None:
    SiteSettings.objects.update_or_create(pk=1, defaults={"registration": mode})


def joining(username: str = "ada", **fields) -> dict[str, str]:
    password = "a long passphrase"
    return {"username": username, "email": "", "password1": password, "password2": password, **fields}


# Joining


def test_whoever_comes_may_join_an_open_site_and_is_signed_in(client):
    registration("open")
    assert client.post("/signup/", joining(email="ada@example.org"))["Location"] == "/"
    ada = User.objects.get(username="ada")
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert not ada.is_staff and not ada.is_superuser
    assert [shelf.identifier for shelf in ada.shelves.all()] == [name for name, _ in Shelf.DEFAULTS]


def test_two_ways_to_write_one_name_are_one_name(client):
    registration("open")
    assert 'autocomplete="username"' in client.get("/signup/").content.decode()
    client.post("/signup/", joining("re\u0301mi"))
    assert User.objects.filter(username="r\u00e9mi").exists()


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_nobody_joins_uninvited(client, mode):
    registration(mode)
    assert client.get("/signup/").context["form"] is None
    assert client.post("/signup/", joining()).status_code == 403
    assert not User.objects.exists()


@pytest.mark.parametrize("where", ["address", "form"])
def test_an_invite_lets_as_many_in_as_it_says(where):
    registration("invite")
    invite = Invite.objects.create(uses_left=2)
    for name in ("ada", "ben"):
        visitor = site.visitor()
        if where == "address":
            assert visitor.get(invite.get_absolute_url()).context["invite"] == invite
            visitor.post(invite.get_absolute_url(), joining(name))
        else:
            visitor.post("/signup/", joining(name, invite=invite.code))
    assert site.visitor().post(invite.get_absolute_url(), joining("cleo")).status_code == 403
    assert set(User.objects.values_list("username", flat=True)) == {"ada", "ben"}


def test_a_form_with_a_mistake_uses_up_no_invite(client):
    registration("invite")
    invite = Invite.objects.create()
    client.post(invite.get_absolute_url(), joining(password2="something else"))
    invite.refresh_from_db()
    assert invite.uses_left == 1


def test_an_invite_that_is_too_old_lets_nobody_in(client):
    registration("invite")
    invite = Invite.objects.create(expires_at=timezone.now() - timedelta(minutes=1))
    assert client.post(invite.get_absolute_url(), joining()).status_code == 403


@pytest.mark.parametrize("code", ["%00", "a%00b", "x" * 5000, "é", "' OR 1=1 --"])
def test_nonsense_in_place_of_an_invite_is_no_invite(client, code):
    registration("invite")
    assert client.get(f"/signup/?invite={code}").context["form"] is None


@pytest.mark.parametrize("name", ["a%00b", "a%0Ab", "x" * 300, "no-such-person", "%F0%9F%93%9A"])
def test_nonsense_in_place_of_a_name_is_not_found(client, name):
    assert client.get(f"/user/{name}/").status_code == 404


def test_names_of_every_script_have_a_profile(client):
    site.person("зоя.ü+1@x")
    assert client.get(User.objects.get().get_absolute_url()).status_code == 200


def test_a_closed_site_honours_no_invite(client):
    registration("closed")
    assert client.post(Invite.objects.create().get_absolute_url(), joining()).status_code == 403


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"username": "ADA"}, "This name is taken."),
        ({"username": "a/b"}, "Enter a valid username"),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
        ({"email": "no address"}, "valid email address"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_told(client, fields, told):
    registration("open")
    site.person("ada")
    page = client.post("/signup/", joining("someone") | fields)
    assert told in page.content.decode()
    assert User.objects.count() == 1


def test_the_sign_up_form_cannot_make_an_administrator(client):
    registration("open")
    client.post("/signup/", joining(is_superuser="on", is_staff="on"))
    assert not User.objects.get().is_superuser


# The first account


def code_printed(capsys) -> str:
    call_command("admin_code")
    return re.search(r"\b(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}\b", capsys.readouterr().out)[0]


def test_the_code_makes_the_first_administrator_once(client, capsys):
    code = code_printed(capsys)
    assert client.post("/setup/", joining(code=code.lower().replace("-", " ")))["Location"] == "/"
    owner = User.objects.get()
    assert owner.is_superuser and owner.is_staff
    assert client.get("/admin/").status_code == 200
    assert site.visitor().get("/setup/").status_code == 404
    assert site.visitor().post("/setup/", joining("eve", code=code)).status_code == 404


def test_the_code_itself_is_not_kept(capsys):
    code = code_printed(capsys)
    assert code.replace("-", "") not in str(AdminCode.objects.values_list("digest"))


@pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA-AAAA", "' OR 1=1 --"])
def test_a_wrong_code_makes_nobody(client, capsys, code):
    code_printed(capsys)
    page = client.post("/setup/", joining(code=code))
    assert page.status_code == 200
    assert not User.objects.exists()


def test_a_code_is_void_after_a_day_or_when_another_was_made(client, capsys):
    first = code_printed(capsys)
    second = code_printed(capsys)
    assert "too old" in client.post("/setup/", joining(code=first)).content.decode()
    AdminCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "too old" in client.post("/setup/", joining(code=second)).content.decode()
    assert not User.objects.exists()


def test_guessing_codes_is_slowed_down(client, capsys):
    code_printed(capsys)
    answers = [client.post("/setup/", joining(code="AAAA-AAAA-AAAA-AAAA")).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_where_an_administrator_is_no_code_is_made(capsys):
    site.owner()
    call_command("admin_code")
    assert "has an administrator already" in capsys.readouterr().out
    assert not AdminCode.objects.exists()


# Signing in and out


def test_signing_in_leads_where_one_wanted_to_go_and_out_ends_it(client):
    site.person("ada")
    form = {"username": "ada", "password": "correct horse"}
    assert client.post("/login/?next=/preferences/", form | {"next": "/preferences/"})["Location"] == "/preferences/"
    assert client.get("/preferences/").status_code == 200
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get("/preferences/").status_code == 302


def test_signing_in_does_not_lead_to_another_site(client):
    site.person("ada")
    form = {"username": "ada", "password": "correct horse", "next": "https://evil.example/"}
    assert client.post("/login/", form)["Location"] == "/"


def test_guessing_one_password_is_slowed_down_wherever_the_guesses_come_from():
    site.person("ada")
    answers = [
        site.visitor(REMOTE_ADDR=f"198.51.100.{number}")
        .post("/login/", {"username": "Ada" if number % 2 else "ada ", "password": "wrong"})
        .status_code
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]


def test_the_admins_own_door_counts_guesses_with_the_sites():
    site.owner()
    doors = ["/login/", "/admin/login/"] * 6
    answers = [
        site.visitor(REMOTE_ADDR=f"198.51.100.{number}")
        .post(door, {"username": "owner", "password": "wrong"})
        .status_code
        for number, door in enumerate(doors[:11])
    ]
    assert answers == [200] * 10 + [429]


def test_whoever_knows_the_password_is_not_slowed_down(client):
    site.person("ada")
    for _ in range(3):
        for password in ["wrong"] * 6 + ["correct horse"]:
            answer = client.post("/login/", {"username": "ada", "password": password})
        assert answer.status_code == 302
        client.post("/logout/")


def test_trying_many_names_from_one_address_is_slowed_down():
    answers = [
        site.visitor(REMOTE_ADDR="198.51.100.7")
        .post("/login/", {"username": f"name{number}", "password": "wrong"})
        .status_code
        for number in range(31)
    ]
    assert answers == [200] * 30 + [429]
    other = site.visitor(REMOTE_ADDR="198.51.100.8")
    assert other.post("/login/", {"username": "name", "password": "wrong"}).status_code == 200


@pytest.mark.parametrize(
    ("from_peer", "forwarded", "counted_as"),
    [
        ("81.2.69.160", "", "81.2.69.160"),
        ("81.2.69.160", "203.0.113.1", "81.2.69.160"),
        ("127.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", "9.9.9.9, 203.0.113.1", "203.0.113.1"),
        ("", "203.0.113.1", "203.0.113.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "", "198.51.100.7"),
    ],
)
def test_an_address_is_the_visitors_and_not_what_the_visitor_says(rf, from_peer, forwarded, counted_as):
    request = rf.post("/login/", REMOTE_ADDR=from_peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == counted_as


# A new password


def test_a_forgotten_password_is_replaced_through_a_letter(client, settings):
    site.person("ada", email="ada@example.org")
    client.post("/password-reset/", {"email": "ada@example.org"}, headers={"host": "localhost"})
    (letter,) = mail.outbox
    link = re.search(r"https?://\S+", letter.body)[0]
    assert link.startswith(f"{settings.SITE_URL}/password-reset/"), "not whatever Host header the request had"
    form = client.get(link.removeprefix(settings.SITE_URL), follow=True)
    password = {"new_password1": "quite another one", "new_password2": "quite another one"}
    assert client.post(form.redirect_chain[-1][0], password)["Location"] == "/password-reset/complete/"
    assert client.login(username="ada", password="quite another one")


def test_whoever_knows_the_old_password_chooses_a_new_one_and_stays_signed_in(client):
    client.force_login(site.person("ada"))
    wanted = {"new_password1": "quite another one", "new_password2": "quite another one"}
    wrong = client.post("/preferences/password/", {"old_password": "wrong", **wanted})
    assert wrong.context["form"].errors
    page = client.post("/preferences/password/", {"old_password": "correct horse", **wanted}, follow=True)
    assert page.redirect_chain[-1][0] == "/preferences/"
    assert "Your password was changed." in page.content.decode()
    assert site.visitor().login(username="ada", password="quite another one")


def test_nobody_learns_who_has_an_account(client):
    site.person("ada", email="ada@example.org")
    known = client.post("/password-reset/", {"email": "ada@example.org"})
    unknown = client.post("/password-reset/", {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert len(mail.outbox) == 1


def test_nobody_is_flooded_with_letters():
    site.person("ada", email="ada@example.org")
    for number in range(5):
        site.visitor(REMOTE_ADDR=f"198.51.100.{number}").post("/password-reset/", {"email": "ada@example.org"})
    assert len(mail.outbox) == 3


# Profiles


def test_a_profile_shows_what_its_owner_wrote(client, media):
    ada = site.person("ada")
    client.force_login(ada)
    form = {"display_name": "Ada Q.", "bio": "<b>Reader</b>", "avatar": site.upload()}
    assert client.post("/preferences/", form)["Location"] == "/user/ada/"
    page = site.visitor().get("/user/ada/").content.decode()
    assert "Ada Q." in page
    assert "&lt;b&gt;Reader&lt;/b&gt;" in page
    ada.refresh_from_db()
    assert ada.avatar.name in page
    assert ada.avatar.name in site.stored_files(media)


@pytest.mark.django_db(transaction=True)
def test_a_picture_can_be_taken_back(client, media):
    ada = site.person("ada")
    client.force_login(ada)
    client.post("/preferences/", {"display_name": "", "bio": "", "avatar": site.upload()})
    client.post("/preferences/", {"display_name": "", "bio": "", "remove_avatar": "on"})
    ada.refresh_from_db()
    assert ada.avatar == ""
    assert site.stored_files(media) == set()


def test_a_refused_picture_leaves_the_page_with_the_old_one(client, media):
    ada = site.person("ada")
    client.force_login(ada)
    client.post("/preferences/", {"display_name": "", "bio": "", "avatar": site.upload()})
    before = User.objects.get().avatar.name
    page = client.post("/preferences/", {"display_name": "A", "bio": "b", "avatar": site.upload(pictures.SCRIPT)})
    assert "not a PNG" in page.content.decode()
    assert before in page.content.decode()
    assert User.objects.get().avatar.name == before


def test_one_person_may_not_see_what_only_another_may_edit(client):
    site.person("ada")
    client.force_login(site.person("ben"))
    page = client.get("/user/ada/")
    assert page.context["is_self"] is False
    assert "/preferences/" not in page.content.decode().split("<main")[1]


def test_an_account_that_was_closed_is_not_shown(client):
    site.person("ada", is_active=False)
    assert client.get("/user/ada/").status_code == 404
    assert client.get("/user/ada/shelves/").status_code == 404


def test_a_profile_costs_the_same_however_much_is_on_it(client, django_assert_max_num_queries):
    ada = site.person("ada")
    client.force_login(ada)
    for number in range(9):
        edition = site.book(f"Book {number}", authors=(f"Author {number}",))
        client.post(f"/book/{edition.pk}/shelve/", {"shelf": "read"})
        client.post(f"/book/{edition.pk}/review/", {"rating": "4"})
    with django_assert_max_num_queries(10):
        page = site.visitor().get("/user/ada/")
    read = next(shelf for shelf in page.context["shelves"] if shelf.identifier == "read")
    assert (read.count, len(read.some_editions)) == (9, 6)


# The pages about the site


def test_health_answers_plainly(client):
    answer = client.get("/health")
    assert (answer.content, answer["Content-Type"]) == (b"ok", "text/plain")


def test_every_visitor_is_met(client):
    for page in ("/", "/about/", "/login/", "/signup/", "/password-reset/", "/manifest.webmanifest"):
        assert client.get(page).status_code == 200, page
    assert client.get("/no/such/page").status_code == 404


@pytest.mark.parametrize(("language", "word"), [("fr", "Connexion"), ("en", "Sign in")])
def test_the_browser_chooses_the_language(client, language, word):
    page = client.get("/login/", headers={"accept-language": language})
    assert f'lang="{language}"' in page.content.decode()
