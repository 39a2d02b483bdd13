"""People, books and uploads for tests of the site."""

from __future__ import annotations

import itertools
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bookwyrm.books.cataloguing import add_edition
from bookwyrm.models import Edition, User
from tests import pictures

_numbers = itertools.count(1)


def person(username: str | None = None, **fields) -> User:
    return User.objects.create_user(username or f"reader{next(_numbers)}", password="correct horse", **fields)


def owner() -> User:
    return User.objects.create_superuser(f"owner{next(_numbers)}", password="correct horse")


def visitor(someone: User | None = None, **options) -> Client:
    """A browser, signed in as *someone* if given; CSRF is checked like in a real one only when asked for."""
    browser = Client(**options)
    if someone:
        browser.force_login(someone)
    return browser


def book(title: str = "The Lighthouse", authors: tuple[str, ...] = ("Ada Quill",), **fields) -> Edition:
    return add_edition(Edition(title=title, **fields), authors)


def book_form(**fields) -> dict[str, object]:
    """What a browser sends from the form for a book."""
    left_empty = ("subtitle", "series", "description", "isbn_13", "isbn_10", "publisher", "published_year", "pages")
    return {
        "title": "The Lighthouse",
        "author_names": "Ada Quill",
        "language": "",
        **dict.fromkeys(left_empty, ""),
        **fields,
    }


def upload(data: bytes | None = None, name: str = "photo.png", content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, pictures.encoded("PNG") if data is None else data, content_type)


def stored_files(folder: str | Path) -> set[str]:
    """The key of every file below *folder*."""
    root = Path(folder)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
