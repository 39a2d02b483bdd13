"""A visitor who never stops: opens pages, fetches all that they show, and counts what goes wrong."""

from __future__ import annotations

import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from hashlib import sha256
from http.client import HTTPException
from types import TracebackType
from urllib.parse import urljoin, urlsplit

LOADED = re.compile(
    r"""<(?:img|script|link)\b[^>]*?\b(?:src|href)=["']([^"']+\.(?:css|js|png|jpe?g|webp|ico|gif))["']"""
)

PER_SECOND = 15
PATIENCE_SECONDS = 20.0


class Prober:
    """Use as a context manager; afterwards *answered* and *failed* say how it went."""

    def __init__(self, pages: Iterable[str], *, threads: int = 3) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self._pages = list(pages)
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(number, threads)) for number in range(threads)]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Prober:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int, threads: int) -> None:
        chance = random.Random(number)  # noqa: S311 - which page comes next is no secret
        while not self._stopping.is_set():
            page = chance.choice(self._pages)
            shown = LOADED.findall(self._fetch(page).decode("utf-8", "replace"))
            for address in chance.sample(shown, min(8, len(shown))):
                if self._stopping.wait(threads / PER_SECOND):
                    return
                self._compare(urljoin(page, address), self._fetch(urljoin(page, address)))
            self._stopping.wait(threads / PER_SECOND)

    def _fetch(self, url: str) -> bytes:
        """Return what is at *url*, wherever that leads, and count it; b"" if it fails."""
        began = time.monotonic()
        try:
            with self._opener.open(url, timeout=PATIENCE_SECONDS) as answer:
                content = answer.read()
        except (OSError, HTTPException) as problem:
            self._fail(f"{url}: {problem} after {time.monotonic() - began:.1f} s")
            return b""
        with self._lock:
            self.answered += 1
        return content

    def _compare(self, url: str, content: bytes) -> None:
        """A file keeps its name wherever it is, so under one name there is always the same."""
        digest = sha256(content).hexdigest()
        if content and self._known.setdefault(urlsplit(url).path.rpartition("/")[2], digest) != digest:
            self._fail(f"{url}: other bytes than before")

    def _fail(self, what: str) -> None:
        with self._lock:
            self.failed.append(what)
