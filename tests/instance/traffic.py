"""A busy site: people who change pictures all the time, readers who look at them, and a count of what went wrong."""

from __future__ import annotations

import colorsys
import hashlib
import http.client
import io
import itertools
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from PIL import Image

from .instance import Instance
from .visitor import Form, Page, Visitor
from .web import Answer, answer_of

PICTURE_SIZE = (30, 45)

# Whatever a picture is called, at whichever place: its key ends with the random name that no other picture has.
RANDOM_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")

# Older links are looked at again: pages stay open, and other sites go on linking.
OLDER_LINKS = 0.2
REMEMBERED = 400


@dataclass
class Counts:
    """What was asked and done, and whatever went wrong with it."""

    pages: int = 0
    files: int = 0
    older_links: int = 0
    overtaken: int = 0
    """Pictures that were gone because their owner had replaced or deleted them since the page was made."""
    done: Counter[str] = field(default_factory=Counter)
    failed_requests: list[str] = field(default_factory=list)
    wrong_bytes: list[str] = field(default_factory=list)
    came_back: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0
    answered: list[tuple[float, float]] = field(default_factory=list)
    """When each page and file had been answered (`time.monotonic`), and how many seconds that took."""

    def between(self, began: float, ended: float) -> list[float]:
        """Return how long the answers took that came between two moments."""
        return [took for at, took in self.answered if began <= at <= ended]

    @property
    def faults(self) -> dict[str, int]:
        return {
            "answers that were no 200": len(self.failed_requests),
            "wrong bytes": len(self.wrong_bytes),
            "deleted pictures that came back": len(self.came_back),
            "lost uploads": len(self.lost),
        }

    @property
    def examples(self) -> list[str]:
        return [
            line for each in (self.failed_requests, self.wrong_bytes, self.came_back, self.lost) for line in each[:5]
        ]

    def __str__(self) -> str:
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        changes = sum(self.done.values()) / max(self.seconds, 1)
        reads = (self.pages + self.files) / max(self.seconds, 1)
        faults = ", ".join(f"{what} {count}" for what, count in self.faults.items())
        return (
            f"{self.seconds:.0f} s; {self.pages} pages and {self.files} files read ({reads:.0f}/s), {self.older_links} "
            f"of them by older links, {self.overtaken} overtaken by their owners; {done} ({changes:.1f}/s); {faults}"
        )


class Traffic:
    """People and readers, for as long as the block lasts. Each of *people* owns a book and keeps changing its cover."""

    def __init__(
        self,
        site: str,
        people: Iterable[Visitor],
        pages: Iterable[str],
        *,
        known: dict[str, bytes] | None = None,
        reads_per_second: float = 50,
        changes_per_second: float = 11,
        readers: int = 4,
    ) -> None:
        self.counts = Counts()
        self.leaving: set[str] = set()
        self.site = site
        self._over = threading.Event()
        self._digests = {f"images/{key}": _digest(data) for key, data in (known or {}).items()}
        self._began = 0.0
        people, pages = list(people), list(pages)
        reads, changes = Pace(reads_per_second, self._over), Pace(changes_per_second, self._over)
        self.people = [Person(self, visitor, changes, number) for number, visitor in enumerate(people)]
        readers_and_people = [Reader(self, pages, reads, number) for number in range(readers)] + self.people
        self._threads = [threading.Thread(target=self._lives, args=[each], daemon=True) for each in readers_and_people]
        self.errors: list[BaseException] = []

    def __enter__(self) -> Traffic:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let everybody finish what they are at and go home."""
        if self._over.is_set():
            return
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.counts.seconds = time.monotonic() - self._began

    def is_as_known(self, key: str, body: bytes) -> bool:
        """Return whether a picture has the bytes it had whenever it was seen before; no picture ever changes."""
        return self._digests.setdefault(key, _digest(body)) == _digest(body)

    def _lives(self, one: Person | Reader) -> None:
        try:
            while not self._over.is_set():
                one.live()
        except BaseException as error:  # the test is told
            self.errors.append(error)
            raise


# A machine that was busy elsewhere for a while does not make it a quieter day.
MAKES_UP_FOR = 3.0


class Pace:
    """So many turns a second, for all that share it; what was missed in the last seconds is made up for."""

    def __init__(self, per_second: float, over: threading.Event) -> None:
        self._between = 1 / per_second
        self._over = over
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def wait(self) -> None:
        with self._lock:
            self._next = max(self._next + self._between, time.monotonic() - MAKES_UP_FOR)
            turn = self._next
        self._over.wait(turn - time.monotonic())


class Reader:
    """Opens pages and loads the files they name; the picture has to be there, and what it was."""

    def __init__(self, traffic: Traffic, pages: list[str], pace: Pace, number: int) -> None:
        self._traffic = traffic
        self._pages = pages
        self._pace = pace
        self._random = random.Random(number)
        self._older: deque[str] = deque(maxlen=REMEMBERED)

    def live(self) -> None:
        counts = self._traffic.counts
        page = self._fetch(urllib.parse.urljoin(self._traffic.site, self._random.choice(self._pages)))
        counts.pages += 1
        if page is None:
            return
        found = Page(page)
        for url in dict.fromkeys([*found.pictures, *found.stylesheets, *found.scripts]):
            if self._random.random() < OLDER_LINKS and self._older:
                counts.older_links += 1
                self._look_at(self._random.choice(self._older))
            self._look_at(url)
            self._older.append(url)

    def _look_at(self, url: str) -> None:
        answer = self._fetch(url)
        self._traffic.counts.files += 1
        if answer is not None and not self._traffic.is_as_known(key_of(url), answer.body):
            self._traffic.counts.wrong_bytes.append(f"{_now()} {url}")

    def _fetch(self, url: str) -> Answer | None:
        self._pace.wait()
        began = time.monotonic()
        answer = fetched(url)
        ended = time.monotonic()
        if isinstance(answer, Answer) and answer.status == 200:
            self._traffic.counts.answered.append((ended, ended - began))
            return answer
        if name_of(url) in self._traffic.leaving:
            self._traffic.counts.overtaken += 1
        else:
            self._traffic.counts.failed_requests.append(f"{_now()} {url}: {_said(answer)}")
        return None


class Person:
    """Owns a book, and changes its cover all the time: uploads one, replaces it, takes it away."""

    def __init__(self, traffic: Traffic, visitor: Visitor, pace: Pace, number: int) -> None:
        self._traffic = traffic
        self._visitor = visitor
        self._pace = pace
        self._colours = (_colour(number, turn) for turn in itertools.count())
        self._random = random.Random(1000 + number)
        self._book = ""
        self._form: Form | None = None
        self.cover: tuple[str, bytes] | None = None
        """The URL and the bytes of the cover that the book has now."""
        self.deleted: list[str] = []
        """The URLs of covers that were replaced or taken away; the site removes their files a moment later."""
        self._seen_gone: set[str] = set()

    def live(self) -> None:
        self._pace.wait()
        if self.deleted:
            self.look_for_deleted(self._random.choice(self.deleted))
        if not self._form:
            self._begin()
        elif self.cover and self._random.random() < 0.25:
            self._take_away()
        else:
            self._change()

    def _begin(self) -> None:
        form = self._visitor.get("/book/new/").form_with("title", "author_names", "cover")
        page = self._visitor.submit(form, title=f"A book of many covers {id(self)}", author_names="Ada Writer")
        self._book = page.answer.url
        self._form = page.form_with("cover")
        self._traffic.counts.done["books added"] += 1

    def _change(self) -> None:
        colour = next(self._colours)
        what = "replaced" if self.cover else "uploaded"
        if page := self._send({"url": ""}, {"cover": ("cover.png", picture(colour))}):
            self._traffic.counts.done[what] += 1
            self._look_at_once(page, colour)

    def _take_away(self) -> None:
        if page := self._send({"url": "", "remove": "remove"}, {}):
            self._traffic.counts.done["deleted"] += 1
            if cover_of(page) is not None:
                self._traffic.counts.came_back.append(f"{_now()} {self._book} still has {cover_of(page)}")

    def _send(self, values: dict[str, str], files: dict[str, tuple[str, bytes]]) -> Page | None:
        """Send the cover's form; return the book's page, where the old cover is no more."""
        before, self.cover = self.cover, None
        if before:
            self._traffic.leaving.add(name_of(before[0]))
        assert self._form
        try:
            page = self._visitor.submit(self._form, files=files, **values)
        except (AssertionError, OSError, http.client.HTTPException) as failure:
            self._traffic.counts.failed_requests.append(f"{_now()} POST {self._form.action}: {failure}"[:200])
            self._form = self._visitor.get(self._book).form_with("cover")
            return None
        if before:
            self.deleted.append(before[0])
        return page

    def _look_at_once(self, page: Page, colour: tuple[int, int, int]) -> None:
        url = cover_of(page)
        answer = fetched(url) if url else None
        if url is None or not isinstance(answer, Answer) or answer.status != 200:
            self._traffic.counts.lost.append(f"{_now()} {url} right after its upload: {_said(answer)}")
        elif Image.open(io.BytesIO(answer.body)).convert("RGB").getpixel((5, 5)) != colour:
            self._traffic.counts.wrong_bytes.append(f"{_now()} {url} right after its upload")
        else:
            self._traffic.is_as_known(key_of(url), answer.body)
            self.cover = url, answer.body

    def look_for_deleted(self, url: str) -> bool:
        """Return whether the site itself has no such picture any more. Once that was so, it has to stay so."""
        answer = fetched(urllib.parse.urljoin(self._traffic.site, "/" + key_of(url)))
        is_gone = isinstance(answer, Answer) and answer.status in (403, 404)
        if is_gone:
            self._seen_gone.add(url)
        elif url in self._seen_gone:
            is_back = isinstance(answer, Answer) and answer.status == 200
            counts = self._traffic.counts
            (counts.came_back if is_back else counts.failed_requests).append(
                f"{_now()} {url} after it was gone: {_said(answer)}"
            )
        return is_gone

    def check_cover(self) -> None:
        """See that the last cover is still what it was, on the page as it is now."""
        if not self.cover:
            return
        url, body = self.cover
        page = self._visitor.get(self._book)
        now = cover_of(page)
        answer = fetched(now) if now else None
        if now is None or key_of(now) != key_of(url) or not isinstance(answer, Answer) or answer.body != body:
            self._traffic.counts.lost.append(f"{url}, at last: {now} {_said(answer)}")


def people_of(instance: Instance, number: int) -> list[Visitor]:
    """Make *number* accounts by their form, and sign them in."""
    password = "correct-horse-battery-staple-9"
    script = (
        "from bookwyrm.models import User\n"
        f"for n in range({number}): User.objects.create_user(f'person{{n}}', password={password!r})"
    )
    (instance.root / ".bw" / "people.py").write_text(script)
    instance.run("./bw-dev manage shell < .bw/people.py")
    people = []
    for n in range(number):
        visitor = Visitor(instance.url)
        form = visitor.get("/login/").form_with("username", "password")
        visitor.submit(form, username=f"person{n}", password=password)
        people.append(visitor)
    return people


def fetched(url: str) -> Answer | Exception:
    """Ask as a browser does, following redirects; return the answer, or what kept it from coming."""
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return answer_of(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return answer_of(refusal)
    except (OSError, http.client.HTTPException) as failure:
        return failure


def cover_of(page: Page) -> str | None:
    """Return the URL of the cover of the book whose page it is."""
    url = page.metadata.get("og:image", "")
    return url if "/covers/" in url else None


def key_of(url: str) -> str:
    """Return what a file is called at whichever place its URL leads to: ``images/…`` or ``static/…``."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
    found = re.search(r"/((?:images|static)/.+)", path)
    return found[1] if found else path


def name_of(url: str) -> str:
    """Return what the picture and its small versions have in common; for any other file, its path."""
    path = urllib.parse.urlsplit(url).path
    found = RANDOM_NAME.search(path)
    return found[0] if found else path


def picture(colour: tuple[int, int, int]) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", PICTURE_SIZE, colour).save(made, "PNG")
    return made.getvalue()


def _colour(number: int, turn: int) -> tuple[int, int, int]:
    """Return a colour that nobody else's picture has."""
    red, green, blue = colorsys.hsv_to_rgb((turn % 97) / 97, 0.8, 0.9)
    return int(red * 255), int(green * 255), (int(blue * 200) // 16 * 16 + number) % 256


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _said(answer: Any) -> str:
    return f"{answer.status} at {answer.url}" if isinstance(answer, Answer) else repr(answer)
