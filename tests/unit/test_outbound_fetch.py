"""Fetching what strangers name: what is refused before any connection, and what is cut off (ATTACKS A14 to A20)."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc

import pytest

from bookwyrm import outbound
from tests.servers.web import answering, response

PICTURE = b"\x89PNG" + bytes(1000)


def a_picture(peer: socket.socket, _head: bytes) -> None:
    peer.sendall(response(PICTURE, Content_Type="image/png"))


@pytest.fixture
def canary():
    """A server on loopback, as an internal one would be: it must hear of nothing."""
    with answering(a_picture) as web:
        yield web


@pytest.fixture
def allowed(settings):
    """Let a test's own server be fetched from."""

    def allow(*hosts: str) -> None:
        settings.OUTBOUND_ALLOWED_HOSTS = list(hosts)

    return allow


# A14: refused before any connection


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://127.1:{port}/",
        "http://0.0.0.0:{port}/",
        "http://0:{port}/",
        "http://[::1]:{port}/",
        "http://[::]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[fe80::1%25lo]:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://017700000001:{port}/",
        "http://localhost:{port}/",
        "http://localhost.:{port}/",
        "http://LOCALHOST:{port}/",
        "http://ok@127.0.0.1:{port}/",
        "http://books.example@127.0.0.1:{port}/",
        "http://user:password@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@books.example/",
        "http://127.0.0.1:{port}#@books.example/",
        "http:///127.0.0.1:{port}/",
        "http://１２７.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_GET",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://nobody.invalid/",
        "http://127.0.0.1:{port}/\r\nX-Injected: yes",
        "http://127.0.0.1:{port} /",
        "http://books.example:22/",
        "http://books.example:25/",
        "http://books.example:99999/",
        "http://",
        "",
    ],
)
def test_an_address_inside_is_refused_without_a_connection(canary, url):
    with pytest.raises(outbound.OutboundRefused):
        outbound.fetch(url.format(port=canary.port), timeout=5)
    assert canary.requests == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1", "169.254.169.254"])
def test_a15_a_public_name_that_resolves_inside_is_refused(canary, address):
    with pytest.raises(outbound.OutboundRefused):
        outbound.fetch(f"http://covers.example:{canary.port}/", resolve=lambda host, port: [address])
    assert canary.requests == []


def test_a15_a_name_that_is_public_when_checked_is_not_resolved_again_to_connect(canary, allowed):
    """DNS rebinding: the second answer would lead inside."""
    answers = [["1.1.1.1"], ["127.0.0.1"]]
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    with pytest.raises(outbound.OutboundFailed):
        outbound.fetch(f"http://covers.example:{canary.port}/", timeout=0.5, resolve=rebinding)
    assert asked == ["covers.example"]
    assert canary.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(canary, allowed):
    asked = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    allowed(f"covers.example:{canary.port}")
    assert outbound.fetch(f"http://covers.example:{canary.port}/1.png", resolve=once).body == PICTURE
    assert asked == ["covers.example"]
    assert b"Host: covers.example:" in canary.requests[0]


def test_a_host_in_other_letters_is_asked_for_by_its_ascii_name(canary, allowed):
    asked = []

    def here(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    allowed(f"xn--bcher-kva.example:{canary.port}")
    assert outbound.fetch(f"http://bücher.example:{canary.port}/überblick", resolve=here).body == PICTURE
    assert asked == ["xn--bcher-kva.example"]
    assert canary.paths() == ["/%C3%BCberblick"]


def test_of_a_name_with_addresses_inside_and_outside_only_those_outside_are_used(canary):
    with pytest.raises(outbound.OutboundFailed):
        outbound.fetch(
            f"http://covers.example:{canary.port}/", timeout=0.5, resolve=lambda host, port: ["127.0.0.1", "1.1.1.1"]
        )
    assert canary.requests == []


def test_an_allowed_host_is_allowed_on_its_port_only(canary, allowed):
    with answering(a_picture) as other:
        allowed(other.host)
        assert outbound.fetch(other.url()).body == PICTURE
        with pytest.raises(outbound.OutboundRefused):
            outbound.fetch(canary.url())
    assert canary.requests == []


# Redirects


def redirecting_to(url: str, status: str = "302 Found"):
    return answering(lambda peer, head: peer.sendall(response(status=status, Location=url)))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_inside_is_refused(canary, allowed, status):
    with redirecting_to(canary.url(), status) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundRefused):
            outbound.fetch(web.url())
    assert canary.requests == []


@pytest.mark.parametrize(
    "location", ["http://ok@127.0.0.1/", "file:///etc/passwd", "http://0x7f.1/", "http://localhost./"]
)
def test_a_redirect_to_an_odd_address_is_refused(allowed, location):
    with redirecting_to(location) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundRefused):
            outbound.fetch(web.url())


def test_a_redirect_elsewhere_is_followed_and_named(canary, allowed):
    with redirecting_to(canary.url("/moved.png")) as web:
        allowed(web.host, canary.host)
        answer = outbound.fetch(web.url())
    assert answer.body == PICTURE
    assert answer.url == canary.url("/moved.png")


def test_a_redirect_in_circles_ends(allowed):
    with answering(lambda peer, head: peer.sendall(response(status="302 Found", Location="/again"))) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundFailed):
            outbound.fetch(web.url())
    assert len(web.requests) == 6


# A17: cut off


def test_a17_a_body_that_is_too_large_is_not_read(allowed):
    with answering(lambda peer, head: peer.sendall(response(bytes(5000)))) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundFailed, match="too large"):
            outbound.fetch(web.url(), max_bytes=4999)
        assert len(outbound.fetch(web.url(), max_bytes=5000).body) == 5000


def test_a17_an_endless_body_is_cut(allowed):
    def endless(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(bytes(65536))

    with answering(endless) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundFailed, match="too large"):
            outbound.fetch(web.url(), max_bytes=2**20)


def test_a17_a_gzip_bomb_is_cut_before_it_fills_the_memory(allowed):
    bomb = gzip.compress(bytes(200 * 2**20), compresslevel=9)
    with answering(lambda peer, head: peer.sendall(response(bomb, Content_Encoding="gzip"))) as web:
        allowed(web.host)
        tracemalloc.start()
        try:
            with pytest.raises(outbound.OutboundFailed, match="too large"):
                outbound.fetch(web.url(), max_bytes=2**20)
            _now, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(bomb) < 2**20
    assert most < 16 * 2**20


def test_a_compressed_body_is_decoded(allowed):
    packed = gzip.compress(PICTURE)
    with answering(lambda peer, head: peer.sendall(response(packed, Content_Encoding="gzip"))) as web:
        allowed(web.host)
        assert outbound.fetch(web.url()).body == PICTURE


@pytest.mark.parametrize(
    "answer",
    [
        response(PICTURE, Content_Length=str(len(PICTURE) + 1)),
        response(b"not gzip", Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + bytes(100_000) + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[half\r\n\r\n",
        b"",
    ],
    ids=range(10),
)
def test_a_broken_answer_is_a_failure_and_no_half_body(allowed, answer):
    with answering(lambda peer, head: peer.sendall(answer)) as web:
        allowed(web.host)
        with pytest.raises((outbound.OutboundFailed, outbound.OutboundRefused)):
            outbound.fetch(web.url(), timeout=5)


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"]
)
def test_a17_an_answer_that_drips_for_ever_is_cut_on_time(allowed, first):
    def dripping(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(first)
        while True:
            peer.sendall(b"x")
            time.sleep(0.05)

    with answering(dripping) as web:
        allowed(web.host)
        started = time.monotonic()
        with pytest.raises(outbound.OutboundFailed, match="too long"):
            outbound.fetch(web.url(), timeout=0.7)
    assert time.monotonic() - started < 2


def test_a_server_that_says_nothing_is_cut_on_time(allowed):
    with answering(lambda peer, head: time.sleep(3)) as web:
        allowed(web.host)
        started = time.monotonic()
        with pytest.raises(outbound.OutboundFailed, match="too long"):
            outbound.fetch(web.url(), timeout=0.5)
    assert time.monotonic() - started < 2


def test_redirects_that_drip_share_one_time_limit(allowed):
    def slowly_elsewhere(peer: socket.socket, _head: bytes) -> None:
        time.sleep(0.3)
        peer.sendall(response(status="302 Found", Location="/again"))

    with answering(slowly_elsewhere) as web:
        allowed(web.host)
        started = time.monotonic()
        with pytest.raises(outbound.OutboundFailed, match="too long"):
            outbound.fetch(web.url(), timeout=0.8)
    assert time.monotonic() - started < 2


def test_a_name_server_that_says_nothing_is_not_waited_for():
    silence = threading.Event()
    started = time.monotonic()
    with pytest.raises(outbound.OutboundFailed, match="too long"):
        outbound.fetch("http://covers.example/", timeout=0.3, resolve=lambda host, port: silence.wait(5) and [])
    silence.set()
    assert time.monotonic() - started < 2


def test_nothing_is_left_behind(allowed):
    with answering(a_picture) as web:
        allowed(web.host)
        outbound.fetch(web.url())
        before = threading.active_count()
        for _number in range(20):
            outbound.fetch(web.url())
        time.sleep(0.2)
        assert threading.active_count() <= before + 1


# A18: no credentials, no proxies


def test_a18_a_request_carries_nothing_of_this_machine(allowed, canary, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary-secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, canary.url())
    with answering(a_picture) as web:
        allowed(web.host)
        outbound.fetch(web.url("/1.png?size=L"), accept="image/*")
    (request,) = web.requests
    names = {line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
    assert request.startswith(b"GET /1.png?size=L HTTP/1.1\r\n")
    assert names == {b"host", b"accept", b"accept-encoding", b"connection", b"user-agent"}
    assert b"Accept: image/*" in request
    assert canary.requests == []


# A20: one message


def test_a20_every_refusal_says_the_same_in_the_same_time(canary):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        closed_port = closed.getsockname()[1]
    said, took = set(), []
    urls = [
        canary.url(),
        f"http://127.0.0.1:{closed_port}/",
        "http://10.255.255.1/",
        "http://nobody.invalid/",
        "ftp://x/",
    ]
    for url in urls:
        started = time.monotonic()
        with pytest.raises(outbound.OutboundRefused) as refusal:
            outbound.fetch(url)
        took.append(time.monotonic() - started)
        said.add((str(refusal.value), repr(refusal.value.__cause__)))
    assert len(said) == 1
    assert max(took) < 1


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 Not Found", "500 Oops", "304 Not Modified"])
def test_an_error_status_is_a_failure(allowed, status):
    with answering(lambda peer, head: peer.sendall(response(b"<html>", status=status))) as web:
        allowed(web.host)
        with pytest.raises(outbound.OutboundFailed):
            outbound.fetch(web.url())


# TLS


@pytest.fixture
def secure_server(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with answering(a_picture, tls=context) as web:
        yield web


def test_a_certificate_nobody_vouches_for_is_a_failure(secure_server, allowed):
    allowed(secure_server.host)
    with pytest.raises(outbound.OutboundFailed):
        outbound.fetch(secure_server.url())
    assert secure_server.requests == []


def test_a_trusted_certificate_is_checked_against_the_name(secure_server, allowed, certificates, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    here = {"resolve": lambda host, port: ["127.0.0.1"]}
    allowed(f"books.test:{secure_server.port}", f"other.test:{secure_server.port}")
    assert outbound.fetch(f"https://books.test:{secure_server.port}/", **here).body == PICTURE
    with pytest.raises(outbound.OutboundFailed):
        outbound.fetch(f"https://other.test:{secure_server.port}/", **here)


def test_a_secure_answer_that_drips_is_cut_on_time(certificates, allowed, monkeypatch):
    def dripping(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x")
            time.sleep(0.05)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with answering(dripping, tls=context) as web:
        allowed(web.host)
        started = time.monotonic()
        with pytest.raises(outbound.OutboundFailed, match="too long"):
            outbound.fetch(web.url(), timeout=0.8)
    assert time.monotonic() - started < 2
