"""What pages tell machines: well-formed HTML, link previews, the web manifest; and pages for when things go wrong."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.files.base import ContentFile
from django.http import HttpRequest
from django.templatetags.static import static
from django.test import Client, override_settings
from django.urls import path
from PIL import Image

from bookwyrm import urls
from bookwyrm.models import Author, Edition, SiteSettings, User, Work

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Tags(HTMLParser):
    """Notes every tag that is not closed where it should be, and the metadata of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.metadata: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attributes]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        given = dict(attributes)
        if tag == "meta" and (name := given.get("property") or given.get("name")):
            self.metadata[name] = given["content"] or ""
        if tag == "link":
            self.links[given["rel"] or ""] = given["href"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """A drawing's ``<path/>``: open and closed at once."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing that is open: {self.open[-3:]}")


def picture(size: tuple[int, int] = (300, 450)) -> ContentFile:
    file = ContentFile(b"", name="picture.png")
    Image.new("RGB", size, "#1f6384").save(file, "PNG")
    file.seek(0)
    return file


@pytest.fixture
def edition(db) -> Edition:
    work = Work.objects.create(title="The <Salt> Orchard & Co.")
    work.authors.add(Author.objects.create(name="Ines Moreau", bio="Wrote in the mornings."))
    edition = Edition(
        work=work, title=work.title, description="A letter arrives.\n\nNobody's.", isbn_13="9780306406157"
    )
    edition.cover.save("cover.png", picture())
    return edition


@pytest.fixture
def anna(db) -> User:
    anna = User.objects.create_user("anna", password="a lamp", display_name="Anna", bio="Reads <b>on trains</b>.")
    anna.avatar.save("avatar.png", picture((200, 200)))
    return anna


def page(client: Client, address: str, status: int = 200) -> Tags:
    answer = client.get(address, headers={"accept-language": "en"})
    assert answer.status_code == status
    return Tags(answer.content.decode())


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_every_page_is_well_formed(
    client: Client, edition: Edition, anna: User, language: str, signed_in: bool
) -> None:
    places = ["/", "/about/", "/search/", "/search/?q=salt", f"/author/{edition.work.authors.get().pk}/"]
    places += [edition.get_absolute_url(), "/user/anna/", "/user/anna/shelves/", "/user/anna/shelf/read/"]
    if signed_in:
        client.force_login(anna)
        places += [f"{edition.get_absolute_url()}edit/", "/book/new/", "/preferences/"]
        places += [f"/author/{edition.work.authors.get().pk}/edit/"]
    else:
        places += ["/login/", "/signup/", "/password-reset/", "/password-reset/done/"]
    faults = {}
    for place in places:
        answer = client.get(place, headers={"accept-language": language})
        assert answer.status_code == 200, place
        tags = Tags(answer.content.decode())
        if tags.faults or tags.open:
            faults[place] = tags.faults or tags.open
    assert faults == {}


def test_a_book_shows_its_cover_wherever_its_link_is_shared(client: Client, edition: Edition) -> None:
    told = page(client, edition.get_absolute_url()).metadata

    assert told["og:title"] == "The <Salt> Orchard & Co."
    assert told["og:type"] == "book"
    assert told["og:image"] == f"{settings.SITE_URL}/images/{edition.cover.name}"
    assert told["og:url"] == f"{settings.SITE_URL}/book/{edition.pk}/"
    assert told["og:description"].startswith("A letter arrives.")
    assert told["book:isbn"] == "9780306406157"
    assert told["twitter:card"] == "summary_large_image"


def test_a_person_shows_their_picture_and_markup_stays_text(client: Client, anna: User) -> None:
    told = page(client, "/user/anna/").metadata

    assert told["og:image"] == f"{settings.SITE_URL}/images/{anna.avatar.name}"
    assert told["og:title"] == "Anna"
    assert "<b>" not in told["og:description"]


def test_every_other_page_shows_the_logo(client: Client, db) -> None:
    for place in ("/", "/about/", "/search/"):
        image = page(client, place).metadata["og:image"]
        assert image.startswith(f"{settings.SITE_URL}/static/images/logo")


def test_the_owners_logo_stands_before_ours(client: Client, db) -> None:
    site = SiteSettings.current()
    site.logo.save("logo.png", picture((256, 256)))

    assert page(client, "/about/").metadata["og:image"] == f"{settings.SITE_URL}/images/{site.logo.name}"
    icons = client.get("/manifest.webmanifest").json()["icons"]
    assert icons[0] == {"src": f"{settings.SITE_URL}/images/{site.logo.name}", "sizes": "256x256"}


def test_the_manifest_names_the_site_and_whole_addresses_of_its_pictures(client: Client, db) -> None:
    SiteSettings.objects.update_or_create(pk=1, defaults={"name": "Harbour Books", "tagline": "By the sea"})
    answer = client.get("/manifest.webmanifest", headers={"accept-language": "fr"})

    manifest = json.loads(answer.content)
    assert answer["Content-Type"] == "application/manifest+json"
    assert (manifest["name"], manifest["description"], manifest["lang"]) == ("Harbour Books", "By the sea", "fr")
    assert manifest["short_name"] == "Harbour"
    assert manifest["start_url"] == f"{settings.SITE_URL}/"
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    assert all(icon["src"].startswith(f"{settings.SITE_URL}/static/images/icon-") for icon in manifest["icons"])


@pytest.mark.parametrize("place", ["/login/", "/admin/login/"])
def test_the_site_is_called_by_its_name_where_people_sign_in(client: Client, db, place: str) -> None:
    SiteSettings.objects.update_or_create(pk=1, defaults={"name": "Harbour Books"})
    html = client.get(place).content.decode()

    assert "Harbour Books</" in html
    assert "testserver" not in html


def test_the_fonts_are_fetched_early_and_as_the_style_sheet_will(client: Client, db) -> None:
    html = client.get("/").content.decode()
    for font in ("literata-latin", "atkinson-latin"):
        assert f'<link rel="preload" href="{static(f"fonts/{font}.woff2")}" as="font"' in html
    assert html.count('type="font/woff2" crossorigin>') == 2


def test_the_chosen_theme_is_on_the_page_before_anything_is_drawn(client: Client, db) -> None:
    assert "data-theme" not in client.get("/about/").content.decode()

    answer = client.post("/theme/", {"theme": "dark"}, headers={"referer": "http://testserver/about/"})
    assert answer["Location"] == "http://testserver/about/"
    assert client.cookies["theme"]["httponly"]
    assert '<html lang="en" data-theme="dark">' in client.get("/about/").content.decode()

    client.post("/theme/", {"theme": "auto"})
    assert "data-theme" not in client.get("/about/").content.decode()


def test_a_theme_that_is_not_there_is_refused_and_a_forged_cookie_is_ignored(client: Client, db) -> None:
    assert client.post("/theme/", {"theme": '"><script>'}).status_code == 400
    client.cookies["theme"] = "midnight"
    assert "data-theme" not in client.get("/about/").content.decode()


def test_choosing_a_theme_never_leads_to_another_site(client: Client, db) -> None:
    answer = client.post("/theme/", {"theme": "dark"}, headers={"referer": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


def test_the_letter_for_a_new_password_speaks_the_readers_language_and_leads_to_the_form(
    client: Client, anna: User, mailoutbox: list
) -> None:
    User.objects.filter(pk=anna.pk).update(email="anna@books.test")
    client.post("/password-reset/", {"email": "anna@books.test"}, headers={"accept-language": "fr"})

    (letter,) = mailoutbox
    assert letter.subject == "Un nouveau mot de passe pour books.test"
    assert "Bonjour Anna, quelqu’un a demandé" in letter.body
    address = next(line for line in letter.body.splitlines() if line.startswith(settings.SITE_URL))
    answer = client.get(address.removeprefix(settings.SITE_URL), headers={"accept-language": "fr"}, follow=True)
    html = answer.content.decode()
    assert "<h1>Choisir un nouveau mot de passe</h1>" in html
    assert '<input type="text" value="anna" autocomplete="username" hidden>' in html
    assert Tags(html).faults == []


# When things go wrong


def _suspicious(request: HttpRequest) -> None:
    raise SuspiciousOperation


def _forbidden(request: HttpRequest) -> None:
    raise PermissionDenied


def _broken(request: HttpRequest) -> None:
    raise RuntimeError("a fault of ours")


class Mishaps:
    """The site's addresses, and three that fail."""

    urlpatterns = [path("400", _suspicious), path("403", _forbidden), path("500", _broken), *urls.urlpatterns]
    handler400, handler403, handler404 = urls.handler400, urls.handler403, urls.handler404


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "Cette demande nous échappe"),
        (403, "Cette page ne vous est pas ouverte"),
        (404, "Cette page n’est pas ici"),
        (500, "Quelque chose a cassé de notre côté"),
    ],
)
def test_a_mishap_is_explained_in_the_readers_language(client: Client, db, status: int, says: str) -> None:
    client.raise_request_exception = False
    with override_settings(ROOT_URLCONF=Mishaps):
        answer = client.get(f"/{status}", headers={"accept-language": "fr"})

    html = answer.content.decode()
    assert answer.status_code == status
    assert f"<h1>{says}</h1>" in html
    assert '<html lang="fr"' in html
    assert Tags(html).faults == []


def test_the_page_for_our_own_faults_asks_the_database_nothing(client: Client, django_db_blocker) -> None:
    client.raise_request_exception = False
    with django_db_blocker.block(), override_settings(ROOT_URLCONF=Mishaps):
        answer = client.get("/500")

    assert answer.status_code == 500
    assert "<h1>Something broke on our side</h1>" in answer.content.decode()


def test_an_old_form_is_explained(db) -> None:
    answer = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"}, headers={"accept-language": "en"})

    assert answer.status_code == 403
    assert "<h1>That form had grown too old</h1>" in answer.content.decode()


def test_too_many_tries_are_answered_with_a_page(client: Client, db) -> None:
    for _ in range(11):
        answer = client.post("/login/", {"username": "many-tries", "password": "x"}, headers={"accept-language": "en"})

    assert answer.status_code == 429
    assert "<h1>A little slower, please</h1>" in answer.content.decode()
