"""What both stories look for in a site whose files live in a bucket."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from PIL import Image

from tests.instance import Answer, Instance, Page, Visitor, ask

PASSWORD = "correct-horse-battery-staple-9"


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def picture(colour: str, size: tuple[int, int] = (700, 1000)) -> bytes:
    """Return a PNG no other call with another colour or size returns."""
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, "PNG")
    return made.getvalue()


def wait_until(happened: Callable[[], object], *, patience: float = 30.0) -> None:
    """Wait for what the background worker does."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, f"It did not happen within {patience:.0f} s."
        time.sleep(0.2)


def first_account(instance: Instance, name: str = "owner") -> Visitor:
    """Make the account that may do everything, the way `up` and `admin_code` say."""
    told = instance.run("./bw-dev admin_code").printed
    address = re.search(r"https?://\S+", told)
    code = re.search(r"\b(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}\b", told)
    assert address and code, told
    visitor = Visitor(instance.url)
    form = visitor.get(address[0]).form_with("code", "username", "password1")
    visitor.submit(form, code=code[0], username=name, password1=PASSWORD, password2=PASSWORD)
    return visitor


def add_book(visitor: Visitor, title: str, cover: bytes) -> Page:
    """Add a book with a cover by hand; return its page."""
    form = visitor.get("/book/new/").form_with("title", "author_names", "cover")
    return visitor.submit(form, files={"cover": ("my cover.png", cover)}, title=title, author_names="Ada Writer")


def loaded_by(page: Page) -> list[str]:
    """Return the URL of everything a browser fetches to show the page, but for what style sheets name."""
    return [*page.pictures, *page.stylesheets, *page.scripts, *page.icons]


def named_in_stylesheet(answer: Answer) -> list[str]:
    """Return the URLs (fonts above all) that a style sheet makes a browser fetch."""
    found = re.findall(r"""url\(\s*['"]?([^'")]+)""", answer.text)
    return [urljoin(answer.url, address) for address in found if not address.startswith("data:")]


def covers_of(page: Page) -> list[str]:
    """Return the pictures of books on a page: whatever lies under ``images/``."""
    return [url for url in page.pictures if "/images/covers/" in url or "/images/thumbnails/covers/" in url]


def assert_bucket_serves(urls: list[str], public_url: str) -> None:
    """Every URL lies in the bucket, and anybody gets a 200 there."""
    assert urls
    elsewhere = [url for url in urls if not url.startswith(public_url + "/")]
    assert elsewhere == []
    refused = {url: status for url in dict.fromkeys(urls) if (status := ask(url).status) != 200}
    assert refused == {}


def csp_hosts(answer: Answer) -> set[str]:
    """Return every host the Content-Security-Policy names, whichever of its paths are allowed."""
    words = re.split(r"[;\s]+", answer.headers["content-security-policy"])
    named = {word for word in words if "." in word or "://" in word or "*" in word or "localhost" in word}
    return {origin_of(word) if "://" in word else word for word in named}


def last_counts(printed: str) -> dict[str, int]:
    """Return the counts of the line every copy ends with."""
    line = printed.strip().splitlines()[-1]
    return {name: int(count) for name, count in re.findall(r"([a-z][a-z ]*?) (\d+)", line)}


def assert_no_secret_shows(instance: Instance) -> None:
    """Nothing the site has printed, logged, kept or put on a command line holds a secret of its `.env`."""
    told = "".join(outcome.printed for outcome in instance.outcomes) + instance.logs() + command_lines()
    secrets = instance.secrets()
    assert len(secrets) >= 2
    assert [secret for secret in secrets if secret in told] == []
    kept = kept_by(instance)  # the database and its journal among it, with the arguments of every task
    assert any(name.startswith("site.sqlite3") for name in kept)
    assert [name for name, content in kept.items() for secret in secrets if secret.encode() in content] == []


def kept_by(instance: Instance) -> dict[str, bytes]:
    """Return every file of the site's private folder by its name; a copy of `.env` is no more than that."""
    files = (path for path in (instance.root / ".bw").rglob("*") if path.is_file() and path.suffix != ".env")
    kept = {}
    for path in files:
        with contextlib.suppress(OSError):  # it has gone meanwhile
            kept[path.name] = path.read_bytes()
    return kept


def command_lines() -> str:
    """Return what every running process was started with, as anybody on this machine can read it."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)
