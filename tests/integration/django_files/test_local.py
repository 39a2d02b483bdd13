"""Files in a folder: the same storage, and the view that serves them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.http import Http404
from django.test import RequestFactory

from external_storage.django.views import serve
from external_storage.errors import ContentRefused
from external_storage.objects import IMMUTABLE

# An answer that is closed tells Django that a request has ended, which looks after the database connections.
pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


@pytest.fixture
def media(settings, tmp_path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    settings.EXTERNAL_STORAGE = {
        "STORES": {"disk": {"KIND": "local", "ROOT": folder, "PUBLIC_URL": "/images/"}},
        "ALIASES": {"default": {"ACTIVE": "disk", "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish"}},
    }
    return folder


@pytest.fixture
def storage(media):
    return storages["default"]


def test_names_are_never_given_twice_even_at_once(storage):
    names, together = [], threading.Barrier(8)

    def save() -> None:
        together.wait()
        names.append(storage.save("covers/cover.png", ContentFile(PNG)))

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 8
    assert all(storage.open(name).read() == PNG for name in names)


def test_a_file_appears_whole_when_it_is_closed(storage, media):
    with storage.open("covers/a.png", "wb") as file:
        file.write(PNG[:1000])
        assert not (media / "covers/a.png").exists()
        file.write(PNG[1000:])
    assert (media / "covers/a.png").read_bytes() == PNG


def test_appending_and_editing_keep_what_was_there(storage):
    storage.save("covers/a.png", ContentFile(PNG))
    with storage.open("covers/a.png", "ab") as file:
        file.write(b"more")
    assert storage.open("covers/a.png").read() == PNG + b"more"
    with storage.open("covers/a.png", "r+b") as file:
        assert file.read(8) == PNG[:8]
        file.seek(len(PNG))
        file.write(b"MORE")
    assert storage.open("covers/a.png").read() == PNG + b"MORE"


def test_creating_exclusively_refuses_a_name_that_is_taken(storage):
    storage.save("covers/a.png", ContentFile(PNG))
    with pytest.raises(FileExistsError):
        storage.open("covers/a.png", "xb")


def test_what_the_rule_holds_back_is_refused_here_too(storage, media):
    with pytest.raises(ContentRefused):
        storage.save("backup.zip", ContentFile(b"PK\x03\x04"))
    assert list(media.iterdir()) == []


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/../../x.png"])
def test_names_that_lead_out_are_refused(storage, name):
    for operation in (storage.open, storage.delete, storage.url, storage.size, storage.path, storage.exists):
        with pytest.raises(SuspiciousFileOperation):
            operation(name)


# The view


def get(key: str, method: str = "get", **headers: str):
    return serve(getattr(RequestFactory(), method)(f"/images/{key}", headers=headers), key=key)


def body(response) -> bytes:
    return b"".join(response) if response.streaming else response.content


def test_a_picture_is_served_as_a_bucket_would(storage):
    storage.save("covers/a.png", ContentFile(PNG))
    response = get("covers/a.png")
    assert (response.status_code, body(response)) == (200, PNG)
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == IMMUTABLE
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == str(len(PNG))
    response.close()


def test_head_and_conditional_requests_send_no_body(storage):
    storage.save("covers/a.png", ContentFile(PNG))
    head = get("covers/a.png", "head")
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(PNG)), b"")
    for conditions in ({"if-none-match": head["ETag"]}, {"if-modified-since": head["Last-Modified"]}):
        unchanged = get("covers/a.png", **conditions)
        assert (unchanged.status_code, body(unchanged)) == (304, b"")


def test_other_methods_are_not_allowed(storage):
    assert get("covers/a.png", "post").status_code == 405


@pytest.mark.parametrize("key", ["backup.zip", "covers/page.html", "covers/false.png", "covers/none.png", "covers"])
def test_what_is_held_back_is_not_found(media, key):
    for name, data in {"backup.zip": b"PK", "covers/page.html": b"<p>", "covers/false.png": b"PK\x03\x04"}.items():
        (media / name).parent.mkdir(exist_ok=True)
        (media / name).write_bytes(data)
    with pytest.raises(Http404):
        get(key)


@pytest.mark.parametrize("key", ["../secret.png", "/etc/passwd", "covers/../../secret.png", "link.png", "a\\b.png"])
def test_nothing_outside_the_folder_is_found(media, key):
    (media.parent / "secret.png").write_bytes(PNG)
    (media / "link.png").symlink_to(media.parent / "secret.png")
    with pytest.raises(Http404):
        get(key)


def test_a_file_is_closed_when_its_answer_is(storage):
    storage.save("covers/a.png", ContentFile(PNG))
    before = open_files()
    responses = [get("covers/a.png") for _ in range(10)]
    for response in responses:
        response.close()
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def moved(settings, media) -> None:
    """The site's files are in a bucket now; the folder still has its own."""
    bucket = {"KIND": "s3", "BUCKET": "books", "ACCESS_KEY_ID": "any-key", "SECRET_ACCESS_KEY": "any-secret"}
    described = settings.EXTERNAL_STORAGE
    settings.EXTERNAL_STORAGE = {
        "STORES": {**described["STORES"], "bucket": bucket},
        "ALIASES": {"default": {**described["ALIASES"]["default"], "ACTIVE": "bucket"}},
    }


def test_after_a_move_old_links_lead_to_the_bucket_for_an_hour_at_a_time(moved):
    response = get("covers/ä.png")
    assert response.status_code == 302
    assert response["Location"] == "https://books.s3.us-east-1.amazonaws.com/covers/%C3%A4.png"
    assert response["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize("key", ["../secret.png", "//evil.example/a.png", "backup.zip", "a\b.png"])
def test_after_a_move_nothing_else_is_led_anywhere(moved, key):
    with pytest.raises(Http404):
        get(key)
