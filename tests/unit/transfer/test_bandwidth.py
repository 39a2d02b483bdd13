"""All threads together move no more than they may."""

from __future__ import annotations

import hashlib
import threading

import pytest

from external_storage import transfer
from external_storage.errors import SettingsError
from external_storage.objects import Headers, Publish
from external_storage.stores import BytesSource, MemoryStore
from external_storage.stores.base import Noted, Surveyed
from external_storage.testing.contract import put
from external_storage.transfer.bandwidth import BURST_SECONDS, Bandwidth, ThrottledSource, ThrottledStore, read_rate

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg")))


class Clock:
    """A clock that only goes on while somebody sleeps; as many may sleep at once as like to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.longest_sleep = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.longest_sleep = max(self.longest_sleep, seconds)
            self.now += seconds


def limited(rate: float, clock: Clock) -> Bandwidth:
    return Bandwidth(rate, clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1", 1), ("500k", 5e5), ("500K", 5e5), ("2M", 2e6), ("2MB", 2e6), ("2MB/s", 2e6), ("1.5G", 1.5e9), (" 3m ", 3e6)],
)
def test_a_rate_is_read_as_people_write_it(text, rate):
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "fast", "-2M", "2T", "2 M M", "M", "0.1"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(SettingsError):
        read_rate(text)


def test_bytes_take_the_time_that_the_rate_gives_them():
    clock = Clock()
    bandwidth = limited(1000, clock)
    for _ in range(50):
        bandwidth.take(100)
    assert clock.now - 1000 == pytest.approx(5, abs=BURST_SECONDS)


def test_after_a_pause_nobody_catches_up():
    clock = Clock()
    bandwidth = limited(1000, clock)
    clock.now += 3600
    began = clock.now
    bandwidth.take(5000)
    assert clock.now - began == pytest.approx(5 - BURST_SECONDS)


def test_a_source_is_read_in_pieces_so_that_no_wait_is_long():
    clock = Clock()
    data = bytes(range(256)) * 4000
    source = ThrottledSource(BytesSource("a", data), limited(100_000, clock))
    assert b"".join(iter(lambda: source.read(1 << 20), b"")) == data
    assert clock.longest_sleep <= 0.5
    assert clock.now - 1000 == pytest.approx(len(data) / 100_000, abs=BURST_SECONDS)


def test_a_throttled_copy_brings_the_same_bytes():
    source, target = MemoryStore("source"), MemoryStore("target")
    for n in range(20):
        put(source, f"{n}.jpg", hashlib.sha256(bytes([n])).digest() * 1000)
    clock = Clock()
    bandwidth = limited(64_000, clock)
    report = transfer.copy(ThrottledStore(source, bandwidth), ThrottledStore(target, bandwidth), RULES)
    assert (report.copied, report.verified, report.exit_code) == (20, 20, 0)
    # Each byte is read from one store and written to the other; both ways count.
    assert clock.now - 1000 >= 2 * 20 * 32_000 / 64_000 - 2 * BURST_SECONDS
    assert {line.symbol for line in transfer.verify(source, target, RULES)} == {"="}


def test_a_throttled_store_still_tells_what_it_met():
    throttled = ThrottledStore(MemoryStore(), Bandwidth(1))
    assert isinstance(throttled, Surveyed)
    assert isinstance(throttled, Noted)
    assert list(throttled.survey()) == []
