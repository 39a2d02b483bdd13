"""Other catalogues are asked side by side, within one time limit, each with its own troubles."""

from __future__ import annotations

import re
import time

import pytest
from django.core.cache import cache
from django.utils import translation

from bookwyrm.connectors import outside
from bookwyrm.connectors.models import Connector
from bookwyrm.people.models import User
from tests.integration.catalogues import INVENTAIRE, ISBN, OPENLIBRARY, QUESTION, bookwyrm_pages, connector_for
from tests.servers.web import answering, response, serving_json

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_asked_before():
    cache.clear()


@pytest.fixture
def only_these(settings):
    """Make connectors for servers of the test, and none for the Internet."""
    Connector.objects.exclude(pk=1).delete()

    def make(**webs) -> None:
        settings.OUTBOUND_ALLOWED_HOSTS = [web.host for web in webs.values()]
        for name, web in webs.items():
            file = name if name in Connector.File.values else "bookwyrm_connector"
            connector_for(web, file, name=name).save()

    return make


def after(seconds: float, body: bytes = b"[]", status: str = "200 OK"):
    def answer(peer, _head) -> None:
        time.sleep(seconds)
        peer.sendall(response(body, status=status))

    return answering(answer)


def test_every_active_catalogue_is_asked_and_answers_for_itself(only_these):
    pages: dict = {}
    with serving_json(OPENLIBRARY) as first, serving_json(INVENTAIRE) as second, serving_json(pages) as third:
        pages |= bookwyrm_pages(third.url(""))
        only_these(openlibrary=first, inventaire=second, bookwyrm_connector=third)
        answers = outside.ask(QUESTION)
    assert {answer.connector.name: (len(answer.results), answer.problem) for answer in answers} == {
        "openlibrary": (3, ""),
        "inventaire": (2, ""),
        "bookwyrm_connector": (1, ""),
    }


def test_an_isbn_is_asked_for_as_an_isbn(only_these):
    with serving_json(OPENLIBRARY) as web:
        only_these(openlibrary=web)
        (answer,) = outside.ask("978-0-14-032872-1")
    assert [result.title for result in answer.results] == ["Fantastic Mr. Fox"]
    assert web.paths() == [f"/api/books?jscmd=data&format=json&bibkeys=ISBN:{ISBN}"]


def test_catalogues_are_asked_at_the_same_time(only_these):
    with after(0.5) as first, after(0.5) as second, after(0.5) as third, after(0.5) as fourth:
        only_these(first=first, second=second, third=third, fourth=fourth)
        started = time.monotonic()
        answers = outside.ask("x")
        took = time.monotonic() - started
    assert [answer.problem for answer in answers] == [""] * 4
    assert took < 1.5


def test_a_slow_catalogue_is_named_and_delays_nobody(only_these):
    pages: dict = {}
    with after(30) as slow, serving_json(pages) as quick:
        pages |= bookwyrm_pages(quick.url(""))
        only_these(slow=slow, quick=quick)
        started = time.monotonic()
        answers = {answer.connector.name: answer for answer in outside.ask(QUESTION, patience=0.7)}
        took = time.monotonic() - started
    assert took < 2
    assert "too long" in answers["slow"].problem
    assert len(answers["quick"].results) == 1


def test_broken_catalogues_are_named_with_what_ails_them(only_these, settings):
    pages: dict = {}
    with (
        after(0, b"<html>Down for maintenance") as mumbling,
        after(0, b"oops", "503 Service Unavailable") as failing,
        answering(lambda peer, head: None) as hanging_up,
        serving_json(pages) as well,
        serving_json({}) as inside,
    ):
        pages |= bookwyrm_pages(well.url(""))
        only_these(mumbling=mumbling, failing=failing, hanging_up=hanging_up, well=well, inside=inside)
        settings.OUTBOUND_ALLOWED_HOSTS.remove(inside.host)
        problems = {answer.connector.name: answer.problem for answer in outside.ask(QUESTION)}
    assert problems.pop("well") == ""
    assert "could not be read" in problems.pop("mumbling")
    assert "503" in problems.pop("failing")
    assert "could not be reached" in problems.pop("hanging_up")
    assert "cannot be reached from here" in problems.pop("inside")
    assert problems == {}
    assert inside.requests == []


def test_a_catalogue_that_is_switched_off_is_not_asked(only_these):
    with serving_json({}) as web:
        only_these(quiet=web)
        Connector.objects.exclude(pk=1).update(active=False)
        assert outside.ask("x") == []
    assert web.requests == []


def test_problems_are_told_in_the_readers_language(only_these):
    with after(0, b"<html>") as web:
        only_these(mumbling=web)
        with translation.override("fr"):
            (answer,) = outside.ask("x")
            expected = str(translation.gettext("The catalogue answered something that could not be read."))
    assert answer.problem == expected


def test_a_member_sees_what_is_outside_with_covers_the_browser_may_load(only_these, client):
    client.force_login(User.objects.create_user("reader"))
    pages: dict = {}
    with serving_json(pages) as web, after(0, b"<html>") as mumbling:
        pages |= bookwyrm_pages(web.url(""))
        only_these(peer=web, mumbling=mumbling)
        answer = client.get("/search/", {"q": QUESTION, "outside": "1"})
    assert answer.context["asked_outside"] is True
    assert b"Roald Dahl" in answer.content
    assert b"could not be read" in answer.content
    pictures = re.search(r"img-src ([^;]*)", answer["Content-Security-Policy"])[1].split()
    assert web.url("") in pictures


def test_who_asks_without_end_is_slowed_down(only_these, client, monkeypatch):
    monkeypatch.setattr("bookwyrm.search.views.QUESTIONS_OUTSIDE", (3, 3600))
    client.force_login(User.objects.create_user("reader"))
    with after(0) as web:
        only_these(peer=web)
        pages = [client.get("/search/", {"q": "x", "outside": "1"}) for _question in range(5)]
    assert [page.context["asked_outside"] for page in pages] == [True, True, True, False, False]
    assert b"very often" in pages[-1].content
    assert len(web.requests) == 3


def test_a_visitor_causes_no_request(only_these, client):
    with serving_json({}) as web:
        only_these(peer=web)
        client.get("/search/", {"q": QUESTION, "outside": "1"})
    assert web.requests == []
