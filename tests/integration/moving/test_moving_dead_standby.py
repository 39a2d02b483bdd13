"""The store that a site is moving to loses its power in the middle: visitors must not notice."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from external_storage.django.moving import marks
from tests.servers.relay import Relay, relay

from .conftest import MovedSite

SECONDS_BEFORE = 3.0
SECONDS_DEAD = 8.0
LONGEST_VISIT = 2.0
"""Far less than the deadline that a store which is needed has."""


@pytest.fixture
def way(site_with_bucket: MovedSite) -> Iterator[Relay]:
    """The way to the bucket; the site is being moved there."""
    site = site_with_bucket
    with relay(urlsplit(site.values["bucket"]["ENDPOINT_URL"]).port) as made:
        site.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{made.port}"})
        site.climb("begin_mirroring")
        yield made


@pytest.fixture
def worker(way: Relay) -> Iterator[None]:
    """Carries changes over all the time, as the background worker does."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            marks.drain("default", should_stop=over.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    way.mend()
    thread.join()


def visits(site: MovedSite, files: dict[str, str], seconds: float) -> list[float]:
    """Upload, replace, delete and read for *seconds*; return how long each of these took."""
    took: list[float] = []

    def timed(work: Callable[..., object], *arguments: str) -> object:
        began = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            took.append(time.perf_counter() - began)

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        name = timed(site.save, "covers/a.txt", text := f"version {len(files)}")
        files[name] = text
        if len(files) % 3 == 0:
            timed(site.replace, name, "replaced")
            files[name] = "replaced"
        if len(files) % 4 == 0:
            del files[gone := min(files)]
            timed(site.storage.delete, gone)
        read = max(files)
        assert timed(site.read, read) == files[read]
        site.storage.url(read)
        time.sleep(0.02)
    return took


def test_no_upload_fails_and_nobody_waits_while_the_other_store_is_dead(site_with_bucket, way, worker, record_property):
    site, files = site_with_bucket, {}
    before = visits(site, files, SECONDS_BEFORE)
    way.cut()
    during = visits(site, files, SECONDS_DEAD)
    assert len(site.open_keys()) > 20, "the store was not dead"
    way.mend()
    site.time_passes()  # what has failed so often is not tried again for a while

    until, waiting = time.monotonic() + 30, site.open_keys()
    while waiting:
        assert time.monotonic() < until, marks.open_marks("default")[0]
        time.sleep(0.2)
        if len(still_waiting := site.open_keys()) < len(waiting):
            until = time.monotonic() + 30  # on a busy machine it takes long, but it goes on
        waiting = still_waiting
    assert site.held("bucket") == site.held("disk") == files
    p99 = [statistics.quantiles(took, n=100)[98] * 1000 for took in (before, during)]
    record_property("counts", f"99 % of all visits took less than {p99[0]:.0f} ms before, {p99[1]:.0f} ms meanwhile")
    assert max(during) < LONGEST_VISIT
