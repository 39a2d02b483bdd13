"""Record 1 as the page describes it: there from the start, changed with one click, and following the domain."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from bookwyrm.connectors.covers import Covers
from bookwyrm.connectors.models import Connector
from bookwyrm.people.models import User

pytestmark = pytest.mark.django_db

CHANGE = "/admin/bookwyrm/connector/1/change/"


@pytest.fixture
def owner(client) -> User:
    person = User.objects.create_superuser("owner", password="a long enough one")
    client.force_login(person)
    return person


def as_shown(page: str) -> dict[str, str]:
    """What a browser would post back: every field of the form with the value it is shown with."""
    values = {}
    form = page[page.index('id="connector_form"') :]
    for tag in re.findall(r"<input[^>]*>", form):
        name, value, kind = (re.search(rf'{what}="([^"]*)"', tag) for what in ("name", "value", "type"))
        if (name and kind[1] in ("text", "number", "hidden")) or (name and kind[1] == "checkbox" and "checked" in tag):
            values[name[1]] = value[1] if value else "on"
    for name, options in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        values[name] = re.search(r'value="([^"]*)" selected', options)[1]
    return values


def test_a_new_site_has_its_own_record_and_two_catalogues():
    own, *others = Connector.objects.order_by("pk")
    assert (own.pk, own.connector_file, own.covers_url) == (1, "self_connector", "https://books.test/images")
    assert [(other.connector_file, other.active) for other in others] == [("openlibrary", True), ("inventaire", True)]


def test_the_next_record_gets_a_number_of_its_own():
    assert Connector.objects.create(identifier="friend.example", name="x", base_url="https://friend.example").pk > 1


def test_the_page_about_the_record_names_covers_url(client, owner):
    page = client.get(CHANGE).content.decode()
    assert re.search(r"<label[^>]*>Covers url:?</label>", page)
    assert 'value="https://books.test/images"' in page


def test_one_click_on_save_is_enough(client, owner):
    values = as_shown(client.get(CHANGE).content.decode()) | {
        "covers_url": "https://media.test/images",
        "_save": "Save",
    }
    answer = client.post(CHANGE, values)
    assert answer.status_code == 302
    own = Connector.objects.get(pk=1)
    assert own.covers_url == "https://media.test/images"
    assert (own.connector_file, own.active) == ("self_connector", True)


def test_a_bucket_that_was_saved_there_is_followed_after_the_next_one_took_its_place(client, owner, settings):
    described = settings.EXTERNAL_STORAGE
    bucket = {"KIND": "local", "ROOT": "/nonexistent", "PUBLIC_URL": "https://first-bucket.test/images/"}
    settings.EXTERNAL_STORAGE = described | {"STORES": described["STORES"] | {"bucket": bucket}}
    values = as_shown(client.get(CHANGE).content.decode()) | {"covers_url": "https://first-bucket.test/images"}
    assert client.post(CHANGE, values | {"_save": "Save"}).status_code == 302
    settings.EXTERNAL_STORAGE = described
    assert Covers(Connector.own()).base is None
    values = as_shown(client.get(CHANGE).content.decode()) | {"covers_url": "https://cdn.test/images"}
    client.post(CHANGE, values | {"_save": "Save"})
    assert Covers(Connector.own()).base == "https://cdn.test/images"


@pytest.mark.parametrize("wrong", ["media.test/images", "ftp://media.test", "javascript:alert(1)", "https:// x"])
def test_an_address_that_is_none_is_explained(client, owner, wrong):
    values = as_shown(client.get(CHANGE).content.decode()) | {"covers_url": wrong, "_save": "Save"}
    answer = client.post(CHANGE, values)
    assert "covers_url" in answer.context["adminform"].errors
    assert Connector.objects.get(pk=1).covers_url == "https://books.test/images"


def test_the_own_record_is_not_deleted_by_mistake(client, owner):
    assert client.post("/admin/bookwyrm/connector/1/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": ["1", "2"], "post": "yes"}
    client.post("/admin/bookwyrm/connector/", chosen)
    assert Connector.objects.filter(pk=1).exists()
    chosen["_selected_action"] = ["2"]
    client.post("/admin/bookwyrm/connector/", chosen)
    assert not Connector.objects.filter(pk=2).exists()


def test_ordinary_people_do_not_see_it(client):
    client.force_login(User.objects.create_user("reader"))
    assert client.get(CHANGE).status_code == 302


def test_what_the_owner_removed_stays_removed():
    Connector.objects.filter(connector_file="openlibrary").delete()
    call_command("migrate", verbosity=0)
    assert not Connector.objects.filter(connector_file="openlibrary").exists()


def test_the_record_follows_a_new_domain(settings):
    settings.DOMAIN, settings.SITE_URL = "new.example", "https://new.example"
    call_command("migrate", verbosity=0)
    own = Connector.objects.get(pk=1)
    assert own.covers_url == "https://new.example/images"
    assert own.search_url == "https://new.example/search.json?q="
    assert (own.identifier, own.base_url) == ("new.example", "https://new.example")


def test_what_the_owner_wrote_survives_a_new_domain(settings):
    Connector.objects.filter(pk=1).update(covers_url="https://cdn.example/images", name="Our books")
    settings.DOMAIN, settings.SITE_URL = "new.example", "https://new.example"
    call_command("migrate", verbosity=0)
    own = Connector.objects.get(pk=1)
    assert (own.covers_url, own.name) == ("https://cdn.example/images", "Our books")
    assert own.base_url == "https://new.example"
