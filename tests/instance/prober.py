"""Keep asking a site while something happens to it, and remember what was not answered well."""

from __future__ import annotations

import threading
import time
import urllib.request
from types import TracebackType

# Often enough that nothing which fails for a moment goes unseen; much more only takes the site's processor away.
PAUSE = 0.05


class Prober:
    """Ask for *urls* in turn, each time on a new connection, from several threads, for as long as the block lasts.

    *failures* holds a line for every request that did not end with a whole 200.
    """

    def __init__(self, *urls: str, threads: int = 2) -> None:
        self.urls = urls
        self.failures: list[str] = []
        self.answered = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Prober:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time.sleep(0.5)  # what is replaced last must be seen answering, too
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        while not self._over.is_set():
            for url in self.urls:
                self._ask(url)
                time.sleep(PAUSE)

    def _ask(self, url: str) -> None:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(url, timeout=20) as response:
                response.read()
        except OSError as error:  # HTTPError and broken connections alike
            self.failures.append(f"{url} after {time.monotonic() - began:.2f} s: {error!r}")
        else:
            self.answered += 1
