"""Uploads meant to do harm, through the pages of the site; each test is named by its row in the table of attacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bookwyrm.books.covers import fulfil
from bookwyrm.models import CoverRequest, Edition, SiteSettings, User
from tests import pictures, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]

KEY = re.compile(r"(covers|avatars|logos)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(png|jpg|gif|webp)")


def upload_cover(client, edition: Edition, file) -> str:
    """Upload by the form on the book's page; return the key of the cover the book has then."""
    client.post(f"/book/{edition.pk}/cover/", {"cover": file})
    return Edition.objects.get(pk=edition.pk).cover.name


def upload_with_new_book(client, edition: Edition, file) -> str:
    client.post("/book/new/", site.book_form(cover=file))
    return Edition.objects.order_by("pk").last().cover.name


def upload_with_edit(client, edition: Edition, file) -> str:
    client.post(f"/book/{edition.pk}/edit/", site.book_form(cover=file))
    return Edition.objects.get(pk=edition.pk).cover.name


def upload_avatar(client, edition: Edition, file) -> str:
    client.post("/preferences/", {"display_name": "", "bio": "", "avatar": file})
    return User.objects.get(pk=client.session["_auth_user_id"]).avatar.name


def upload_logo(client, edition: Edition, file) -> str:
    SiteSettings.current()
    form = {"name": "Ours", "tagline": "", "description": "", "registration": "open", "logo": file}
    client.post("/admin/bookwyrm/sitesettings/1/change/", form)
    return SiteSettings.current().logo.name


def upload_in_admin(client, edition: Edition, file) -> str:
    form = {"work": edition.work_id, "title": edition.title, "cover": file}
    client.post(f"/admin/bookwyrm/edition/{edition.pk}/change/", form)
    return Edition.objects.get(pk=edition.pk).cover.name


ENTRIES = [upload_cover, upload_with_new_book, upload_with_edit, upload_avatar, upload_logo, upload_in_admin]
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)


@pytest.fixture
def client(client):
    client.force_login(site.owner())
    return client


@every_entry
def test_a1_a_page_hidden_in_a_picture_is_served_as_a_picture_without_the_page(entry, client):
    key = entry(client, site.book(), site.upload(pictures.png_with_script(), "page.html", "text/html"))
    assert KEY.fullmatch(key)
    answer = client.get(f"/images/{key}")
    body = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"<script" not in body
    assert pictures.decoded(body).size == (400, 600)


@every_entry
@pytest.mark.parametrize(
    "name",
    ["x.svg", "x.html", "x.xml", "x.xhtml", "x.js", "x.swf", "x.pdf", "x.eps", "x.ps", "x.mpg", "x.h5", "x.png.html"],
)
def test_a2_a_name_does_not_choose_the_extension(entry, name, client, media):
    key = entry(client, site.book(), site.upload(name=name, content_type="text/html"))
    assert KEY.fullmatch(key)
    assert key.endswith(".png")


@every_entry
@pytest.mark.parametrize("data", [pictures.SCRIPT, b'<svg xmlns="http://www.w3.org/2000/svg"/>', b"%PDF-1.7\n"])
def test_a2_what_is_no_picture_is_refused_whatever_it_is_called(entry, data, client, media):
    edition = site.book()
    entry(client, edition, site.upload(data, "x.png"))
    assert site.stored_files(media) == set()


@every_entry
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a6_a_bomb_is_refused_with_a_sentence(entry, client, media):
    entry(client, site.book(), site.upload(pictures.png_bomb()))
    assert site.stored_files(media) == set()


def test_a_refusal_is_told_beside_the_field(client):
    edition = site.book()
    answer = client.post(f"/book/{edition.pk}/cover/", {"cover": site.upload(pictures.SCRIPT)})
    assert answer.status_code == 422
    assert "This is not a PNG, JPEG, GIF, WebP or AVIF picture." in answer.content.decode()


@every_entry
@pytest.mark.parametrize(
    "name",
    ["../../x.png", "..\\x.png", "/etc/x.png", "a\0b.png", "a\nb.png", "n" * 300 + ".png", ".env", "static/js/x.js"],
)
def test_a11_a_file_name_goes_nowhere(entry, name, client, media):
    key = entry(client, site.book(), site.upload(name=name))
    assert KEY.fullmatch(key)
    assert {path.split("/")[0] for path in site.stored_files(media)} <= {"covers", "avatars", "logos", "thumbnails"}


@pytest.mark.parametrize("name", ["../../x.png", "/etc/passwd", "a\0b.png", "covers/../../x.png"])
def test_a11_the_storage_itself_refuses_names_that_lead_out(name):
    for ask in (default_storage.open, default_storage.delete, default_storage.url, default_storage.size):
        with pytest.raises(SuspiciousFileOperation):
            ask(name)


@pytest.mark.parametrize("path", ["../bookwyrm/settings.py", "%2e%2e/x", "covers/..%2f..%2f.env", "covers//x.png", "."])
def test_a11_an_address_below_images_leads_to_nothing_else(path, client):
    assert client.get(f"/images/{path}").status_code == 404


def test_a4_what_is_no_picture_is_not_served_though_it_lies_in_the_folder(media, client):
    (media / "old").mkdir()
    (media / "old" / "page.svg").write_bytes(b"<svg/>")
    (media / "old" / "export.zip").write_bytes(b"PK\x03\x04")
    (media / "old" / "page.png").write_bytes(pictures.SCRIPT)
    for name in ("page.svg", "export.zip", "page.png"):
        assert client.get(f"/images/old/{name}").status_code == 404


def test_a12_the_same_name_twice_gives_two_keys(media, client):
    first, second = (upload_cover(client, site.book(), site.upload(name="same.png")) for _ in range(2))
    assert first != second
    assert (media / first).exists() and (media / second).exists()


def test_a12_a_key_that_is_taken_is_not_overwritten(media, client):
    key = upload_cover(client, site.book(), site.upload())
    before = (media / key).read_bytes()
    other = default_storage.save(key, ContentFile(pictures.encoded("PNG", pictures.painting(9, 9))))
    assert other != key
    assert (media / key).read_bytes() == before


PAGES_THAT_CHANGE = ["/book/new/", "/book/{pk}/edit/", "/book/{pk}/cover/", "/preferences/", "/book/{pk}/shelve/"]


@pytest.mark.parametrize("page", [*PAGES_THAT_CHANGE, "/book/{pk}/review/", "/shelf/new/", "/book/import/"])
def test_a13_nobody_changes_anything_without_signing_in(page, media):
    edition = site.book()
    answer = site.visitor().post(page.format(pk=edition.pk), site.book_form(cover=site.upload()))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")
    assert site.stored_files(media) == set()


@pytest.mark.parametrize("page", [*PAGES_THAT_CHANGE, "/book/{pk}/review/", "/shelf/new/", "/logout/", "/login/"])
def test_a13_nobody_is_made_to_change_anything_by_another_site(page, media):
    edition = site.book()
    browser = site.visitor(site.person(), enforce_csrf_checks=True)
    answer = browser.post(page.format(pk=edition.pk), site.book_form(cover=site.upload()))
    assert answer.status_code == 403
    assert site.stored_files(media) == set()


@pytest.mark.parametrize("page", ["/book/{pk}/cover/", "/book/{pk}/shelve/", "/book/{pk}/review/", "/shelf/new/"])
def test_a13_following_a_link_changes_nothing(page, client):
    assert client.get(page.format(pk=site.book().pk)).status_code == 405


def test_a13_a_flood_of_uploads_is_slowed_down():
    edition = site.book()
    browser = site.visitor(site.person())
    answers = [browser.post(f"/book/{edition.pk}/cover/", {"cover": site.upload(b"no")}) for _ in range(101)]
    assert {answer.status_code for answer in answers[:100]} == {422}
    assert answers[100].status_code == 429
    assert 0 < int(answers[100]["Retry-After"]) <= 60
    another = site.visitor(site.person())
    assert another.post(f"/book/{edition.pk}/cover/", {"cover": site.upload()}).status_code == 302


# Covers from the web


@contextmanager
def elsewhere(answers: dict[str, tuple[int, str, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A site elsewhere that gives these answers; yield its address and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, content_type, body = answers.get(self.path, (404, "text/plain", b"no"))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def reachable(settings):
    """Let this machine be asked, as an owner may for a private network."""

    def allow(address: str) -> None:
        settings.OUTBOUND_ALLOWED_HOSTS = [address.removeprefix("http://")]

    return allow


def test_a_cover_from_an_address_goes_through_the_same_door(client, reachable, media):
    edition = site.book()
    with elsewhere({"/cover": (200, "text/html", pictures.png_with_script())}) as (address, asked):
        reachable(address)
        answer = client.post(f"/book/{edition.pk}/cover/", {"url": f"{address}/cover"}, follow=True)
    assert asked == ["/cover"]
    assert "is being fetched" in answer.content.decode()
    edition.refresh_from_db()
    assert KEY.fullmatch(edition.cover.name)
    assert edition.cover_widths == [160, 320]
    assert b"<script" not in (media / edition.cover.name).read_bytes()
    assert not CoverRequest.objects.exists()


@pytest.mark.parametrize(
    ("status", "content_type", "body", "told"),
    [
        pytest.param(200, "image/png", pictures.SCRIPT, "not a picture", id="a19 a page"),
        pytest.param(200, "image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture", id="a3 an svg"),
        pytest.param(200, "image/png", b"", "not a picture", id="nothing"),
        pytest.param(404, "text/plain", b"no", "could not be fetched", id="not found"),
    ],
)
def test_a3_a19_what_is_no_cover_leaves_the_old_one_and_is_told_once(
    client, reachable, media, status, content_type, body, told
):
    edition = site.book()
    before = upload_cover(client, edition, site.upload())
    with elsewhere({"/cover": (status, content_type, body)}) as (address, asked):
        reachable(address)
        answer = client.post(f"/book/{edition.pk}/cover/", {"url": f"{address}/cover"}, follow=True)
    assert asked == ["/cover"]
    assert told in answer.content.decode()
    assert told not in client.get(f"/book/{edition.pk}/").content.decode()
    assert Edition.objects.get(pk=edition.pk).cover.name == before


def test_a14_a_cover_is_not_fetched_from_inside_and_nobody_learns_whether_something_is_there(client):
    edition = site.book()
    told = []
    with elsewhere({"/secret": (200, "image/png", pictures.encoded("PNG"))}) as (address, asked):
        for url in (f"{address}/secret", "http://127.0.0.1:1/", "http://169.254.169.254/latest/", "http://[::1]/"):
            page = client.post(f"/book/{edition.pk}/cover/", {"url": url}, follow=True).content.decode()
            told.append(re.findall(r'<p class="message[^"]*">([^<]*)', page))
    assert asked == []
    assert told[0] and all(one == told[0] for one in told)
    assert Edition.objects.get(pk=edition.pk).cover == ""


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x.png", "javascript:alert(1)", "gopher://x/"])
def test_only_the_web_is_asked_for_covers(client, url):
    edition = site.book()
    assert client.post(f"/book/{edition.pk}/cover/", {"url": url}).status_code == 422
    assert not CoverRequest.objects.exists()


def test_a_cover_chosen_meanwhile_is_not_overruled(client, reachable, settings):
    edition = site.book()
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
    with elsewhere({"/cover": (200, "image/png", pictures.encoded("PNG"))}) as (address, _asked):
        reachable(address)
        client.post(f"/book/{edition.pk}/cover/", {"url": f"{address}/cover"})
        chosen = upload_cover(client, edition, site.upload())
        fulfil(CoverRequest.objects.get().pk)
    assert Edition.objects.get(pk=edition.pk).cover.name == chosen
    assert not CoverRequest.objects.exists()
