"""The copies that the site keeps of files that live elsewhere: never old, never half, never too many."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.storage import storages

from external_storage.django.serving import fetching, keeping
from external_storage.errors import TransientStoreError
from external_storage.testing.fake_s3 import Fault
from tests.servers.web import answering

from .conftest import PNG, SECRET

OTHER = PNG + b"another"
LATE = 0.3


@pytest.fixture
def site(faulty):
    return faulty(most_bytes=2**24)


@pytest.fixture
def nothing_is_trusted(monkeypatch):
    """Every copy is as old as one that has to be looked at again."""
    monkeypatch.setattr(fetching, "TRUSTED_SECONDS", 0)


def test_the_store_is_asked_once_for_many_readers(site, fake):
    site.put("covers/a.png")
    fake.misbehave(Fault.wait(LATE), method="GET")
    with ThreadPoolExecutor(8) as readers:
        answers = list(readers.map(lambda _: site.get(), range(8)))
    assert [(each.status, each.body == PNG) for each in answers] == [(200, True)] * 8
    assert (fake.count("GET"), fake.count("HEAD")) == (1, 0)
    assert site.left_over == []


def test_what_is_replaced_through_the_site_is_served_anew_at_once(site):
    site.save("covers/a.png")
    assert site.get().body == PNG
    with storages["default"].open("covers/a.png", "wb") as file:
        file.write(OTHER)
    assert site.get().body == OTHER


def test_what_is_deleted_through_the_site_is_gone_at_once(site):
    site.save("covers/a.png")
    assert site.get().status == 200
    storages["default"].delete("covers/a.png")
    assert (site.get().status, site.kept) == (404, [])


def test_what_is_replaced_while_it_is_fetched_is_not_kept(site, fake):
    site.save("covers/a.png")

    def replace_it(request) -> None:
        fake.behave()
        with storages["default"].open("covers/a.png", "wb") as file:
            file.write(OTHER)

    fake.misbehave(Fault.call(replace_it, afterwards=True), method="GET")
    assert site.get().body == PNG  # it was asked for before
    assert site.get().body == OTHER


def test_what_changes_behind_the_sites_back_is_noticed(site, fake, nothing_is_trusted):
    site.put("covers/a.png")
    assert site.get().body == PNG
    assert site.get().body == PNG
    assert (fake.count("GET"), fake.count("HEAD")) == (1, 1)
    site.put("covers/a.png", OTHER)
    assert site.get().body == OTHER
    del fake.objects["books"]["covers/a.png"]
    assert (site.get().status, site.kept) == (404, [])


def test_while_one_asks_whether_a_copy_still_holds_nobody_waits_for_the_answer(site, fake, nothing_is_trusted):
    site.put("covers/a.png")
    site.get()
    asked, may_answer = threading.Event(), threading.Event()
    fake.misbehave(Fault.call(lambda request: (asked.set(), may_answer.wait(5))), method="HEAD")
    with ThreadPoolExecutor(1) as other:
        first = other.submit(site.get)
        assert asked.wait(5)
        assert site.get().body == PNG
        assert not first.done()
        may_answer.set()
    assert first.result().body == PNG


def test_whoever_is_killed_while_he_fetches_keeps_nobody_from_it(site):
    site.put("covers/a.png")
    kept = keeping.kept_files()
    child = os.fork()
    if not child:
        with kept.turn("files", "covers/a.png", 1), kept.room("files", "covers/a.png") as room:
            room._file.write(PNG[: len(PNG) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(site.left_over) == 2
    assert site.get().body == PNG
    assert (len(site.kept), site.left_over) == (1, [])


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: bytes(len(data))])
def test_a_damaged_copy_is_none(site, damage):
    site.put("covers/a.png")
    site.get()
    (copy,) = site.kept
    copy.write_bytes(damage(copy.read_bytes()))
    assert site.get().body == PNG


def test_the_copies_may_be_thrown_away_at_any_time(site):
    site.put("covers/a.png")
    assert site.get().body == PNG
    shutil.rmtree(site.copies)
    assert site.get().body == PNG
    assert len(site.kept) == 1


def test_the_limit_holds_and_what_is_asked_for_stays(faulty):
    site = faulty(most_bytes=2**20)
    picture = PNG[:60_000]
    keys = [f"covers/{number:03}.png" for number in range(40)]
    for number, key in enumerate(keys):
        site.put(key, picture)
        assert site.get(key).body == picture
        for copy in site.kept:
            os.utime(copy, (copy.stat().st_atime - 100, copy.stat().st_mtime))
        if number % 5 == 0:
            assert site.get(keys[0]).body == picture
        assert sum(copy.stat().st_size for copy in site.kept) <= 2**20
    assert len(site.kept) > 10
    kept = keeping.kept_files()
    assert kept.find("files", keys[0]) and kept.find("files", keys[-1])
    assert kept.find("files", keys[1]) is None


def test_without_room_a_file_is_passed_on_and_not_kept(site):
    site.put("covers/a.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        assert site.get().body == PNG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (site.kept, site.left_over) == ([], [])


def test_a_large_file_is_passed_on_piece_by_piece(site, monkeypatch):
    monkeypatch.setattr(keeping.kept_files(), "largest", 100_000)
    site.put("covers/a.png", PNG[:50_000])
    assert (site.get().body, len(site.kept)) == (PNG[:50_000], 1)
    monkeypatch.setattr(fetching, "TRUSTED_SECONDS", 0)
    site.put("covers/a.png")
    assert site.get().body == PNG
    assert site.get(range="bytes=300000-300009").body == PNG[300_000:300_010]  # from a store that knows no ranges
    assert (site.kept, site.left_over) == ([], [])


# A store in trouble

TROUBLE = {
    "it says so": Fault.answer(503, "SlowDown", "Please slow down."),
    "it refuses us": Fault.answer(403, "AccessDenied", "Access Denied"),
    "it repeats what we sent": Fault.echo(),
    "it breaks off": Fault.reset(),
    "it stops in the middle": Fault.break_off(300_000),
    "it does not answer": Fault.wait(3),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_store_in_trouble_is_a_503_that_says_nothing_of_why(site, fake, trouble):
    site.put("covers/a.png")
    fake.misbehave(TROUBLE[trouble], method="GET")
    answer = site.get()
    assert (answer.status, answer.body) == (503, b"")
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any(word in str(answer) for word in (SECRET, "any-key", fake.endpoint_url, "Signature"))
    assert (site.kept, site.left_over) == ([], [])


@pytest.mark.parametrize("trouble", ["it says so", "it breaks off"])
def test_what_was_kept_is_good_enough_meanwhile(site, fake, nothing_is_trusted, trouble):
    site.put("covers/a.png")
    site.get()
    fake.misbehave(TROUBLE[trouble])
    answer = site.get()
    assert (answer.status, answer.body) == (200, PNG)


def test_nobody_else_waits_for_a_store_for_which_somebody_waited_in_vain(site, fake):
    site.put("covers/a.png")
    fake.misbehave(TROUBLE["it does not answer"], method="GET", times=1)
    assert site.get().status == 503
    before = len(fake.requests)
    assert site.get().status == 503
    assert len(fake.requests) == before
    fetching.spare_nobody()
    assert site.get().body == PNG


def test_no_visitor_waits_for_bytes_that_do_not_come(faulty):
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(PNG)}\r\nETag: "a"\r\n\r\n'.encode()
    enough = threading.Event()

    def stop_in_the_middle(peer, request) -> None:
        peer.sendall(head + PNG[:300_000])
        enough.wait(10)

    with answering(stop_in_the_middle) as store:
        site = faulty(endpoint=store.url("").rstrip("/"), deadline=1)
        began = time.monotonic()
        with pytest.raises(TransientStoreError, match="did not answer within 1 seconds"):
            site.get()
        assert time.monotonic() - began < 4
        enough.set()


def test_an_answer_that_cannot_be_finished_is_broken_off(faulty, fake):
    site = faulty()
    site.put("covers/a.png")
    fake.misbehave(Fault.break_off(300_000), method="GET")
    with pytest.raises(TransientStoreError):
        site.get()
