"""Passing trouble is met with patience, within bounds."""

from __future__ import annotations

import pytest

from external_storage.errors import ObjectMissing, SlowDown, StoreRefused, TransientStoreError
from external_storage.stores import MemoryStore
from external_storage.stores.retrying import Patience, RetryingStore
from external_storage.testing.contract import get, keys, put


class Flaky(MemoryStore):
    """Fails the first so many times anything is asked of it."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        super().__init__()
        self.failures = failures
        self.error = error or TransientStoreError("A passing cloud.")
        self.asked = 0

    def _maybe_fail(self) -> None:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise self.error

    def put(self, key, source, headers, *, replace=True):
        source.read(2)  # half of it is gone when the trouble comes
        self._maybe_fail()
        source.restart()
        return super().put(key, source, headers, replace=replace)

    def describe(self, key):
        self._maybe_fail()
        return super().describe(key)

    def list(self, prefix="", *, after="", until=None):
        for n, info in enumerate(super().list(prefix, after=after, until=until)):
            if n == 2:
                self._maybe_fail()
            yield info


def patient(store, **options):
    waits: list[float] = []
    retried: list[Exception] = []
    return RetryingStore(store, sleep=waits.append, on_retry=retried.append, **options), waits, retried


def test_an_object_is_sent_again_from_its_first_byte():
    store, waits, retried = patient(Flaky(3))
    put(store, "a", b"12345")
    assert get(store, "a") == b"12345"
    assert (len(waits), len(retried)) == (3, 3)


def test_waits_grow_and_differ_and_have_a_limit():
    patience = Patience(first_wait=1.0, longest_wait=5.0)
    waits = [[patience.wait_before(attempt, TransientStoreError("")) for _ in range(50)] for attempt in range(1, 7)]
    for attempt, found in enumerate(waits):
        full = min(2.0**attempt, 5.0)
        assert all(full / 2 <= wait <= full for wait in found)
        assert len(set(found)) > 10


def test_what_the_store_says_about_waiting_is_honoured():
    assert Patience().wait_before(1, SlowDown("", retry_after=7.0)) == 7.0
    assert Patience().wait_before(1, SlowDown("", retry_after=7000.0)) == 120.0


def test_patience_ends():
    inner = Flaky(100)
    store, waits, _ = patient(inner, patience=Patience(tries=3))
    with pytest.raises(TransientStoreError, match="passing cloud"):
        store.describe("a")
    assert (inner.asked, len(waits)) == (3, 2)


@pytest.mark.parametrize("error", [StoreRefused("No."), ObjectMissing("Not here.")])
def test_what_would_not_pass_is_not_tried_again(error):
    inner = Flaky(100, error)
    store, waits, _ = patient(inner)
    with pytest.raises(type(error)):
        store.describe("a")
    assert (inner.asked, waits) == (1, [])


def test_a_listing_goes_on_after_the_last_key():
    inner = Flaky(0)
    for n in range(9):
        put(inner, str(n), b"1")
    inner.failures = 3
    store, waits, _ = patient(inner)
    assert keys(store) == list("012345678")
    assert len(waits) == 3
