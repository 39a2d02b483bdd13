"""Settings are loaded without one failed request, on new connections and on kept ones, however busy or slow."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.instance.instance import Instance, new_instance

RELOADS = 4


@pytest.fixture(scope="module")
def site() -> Iterator[Instance]:
    with new_instance() as instance:
        instance.start()
        yield instance


@dataclass(frozen=True)
class Client:
    """One way of asking: on a kept connection or a new one each time, with a pause in between."""

    kept: bool
    path: str
    pause: float


CLIENTS = [
    Client(kept=True, path="/health", pause=0),
    Client(kept=False, path="/health", pause=0),
    Client(kept=True, path="/", pause=0.02),
    Client(kept=False, path="/", pause=0.02),
    # Idle between requests for longer than a reload takes, and longer than gunicorn's own two seconds of patience.
    Client(kept=True, path="/health", pause=0.5),
    Client(kept=True, path="/health", pause=3.5),
]


@dataclass
class Prober:
    """Ask in all these ways at once until stopped; no request is ever sent twice."""

    port: int
    clients: list[Client]
    answered: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Prober:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(client,)) for client in self.clients]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, client: Client) -> None:
        connection = None
        while not self._over.is_set():
            began = time.monotonic()
            try:
                connection = self._ask(client, connection)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(f"{client} after {time.monotonic() - began:.3f} s: {error!r}")
                connection = None
            else:
                self.answered[client] += 1
            self._over.wait(client.pause)
        if connection:
            connection.close()

    def _ask(self, client: Client, connection: http.client.HTTPConnection | None) -> http.client.HTTPConnection | None:
        """Ask once and return the connection if it may be used again. An answer that was cut short raises."""
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", client.path, headers={} if client.kept else {"Connection": "close"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, response.status
        assert len(body) == int(response.headers["Content-Length"])
        if client.kept and response.headers.get("Connection") != "close":
            return connection
        connection.close()
        return None


def test_no_request_fails_while_settings_are_loaded_again_and_again(site):
    with Prober(site.port, CLIENTS) as prober:
        for number in range(RELOADS):
            # The third and fourth reload widen and narrow the address that is listened on.
            site.set(DOMAIN="127.0.0.2" if number == 2 else "localhost")
            site.run("./bw-dev up -d" if number == 0 else "./bw-dev restart")
            time.sleep(1)
    assert prober.failures == []
    assert sum(prober.answered.values()) > 2000
    assert set(prober.answered) == set(CLIENTS)


def test_no_request_fails_while_a_broken_version_is_refused(site):
    urls = site.root / "bookwyrm" / "urls.py"
    original = urls.read_text()
    with Prober(site.port, CLIENTS[:4]) as prober:
        urls.write_text(original + "\nurlpatterns = []\n")  # comes up, and then answers no page well
        try:
            printed = site.run("./bw-dev restart", expect=1).printed
        finally:
            urls.write_text(original)
    assert "the new web workers answered /health with" in printed
    assert prober.failures == []
    assert sum(prober.answered.values()) > 50


def test_a_connection_opened_before_the_reload_is_answered_when_it_asks_after_it(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as silent:
        time.sleep(0.3)
        site.run("./bw-dev restart")
        time.sleep(6)  # longer than gunicorn leaves a connection in peace that has not asked yet
        silent.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = silent.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_request_that_is_still_being_sent_is_answered_after_the_reload(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
        time.sleep(0.3)
        site.run("./bw-dev restart")
        slow.sendall(b"alhost\r\n\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def test_idle_connections_do_not_use_up_the_threads(site):
    """Browsers open connections ahead of need; more of them than there are threads must not hold anybody up."""
    idle = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(100)]
    try:
        time.sleep(0.5)
        began = time.monotonic()
        with Prober(site.port, [CLIENTS[1]]) as prober:
            time.sleep(3)
        assert prober.failures == []
        # Hundreds on a quiet machine; gunicorn's own worker gave one in a second, on the same machine.
        assert prober.answered[CLIENTS[1]] > 5
        assert time.monotonic() - began < 10
    finally:
        for connection in idle:
            connection.close()


def test_clients_that_do_not_close_after_the_last_answer_hold_nobody_up(site):
    lingering = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(20)]
    try:
        for connection in lingering:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for connection in lingering:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        with Prober(site.port, [CLIENTS[1]]) as prober:
            time.sleep(3)
        assert prober.failures == []
        # Hundreds on a quiet machine; gunicorn's own worker gave one in a second, on the same machine.
        assert prober.answered[CLIENTS[1]] > 5
        assert time.monotonic() - began < 10
    finally:
        for connection in lingering:
            connection.close()
