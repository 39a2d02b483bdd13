"""Nobody waits for a store that hangs: neither who asked it, nor who asks another, nor a process that ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from external_storage.django import deadline
from external_storage.django.deadline import within
from external_storage.errors import TransientStoreError

LETS_A_STORE_HANG = """
import time
from external_storage.django.deadline import within
from external_storage.errors import TransientStoreError
try:
    within(0.05, "the store", time.sleep, 60)
except TransientStoreError as error:
    print(error.what)
"""


def test_a_process_ends_while_a_store_hangs_that_it_asked():
    ended = subprocess.run(
        [sys.executable, "-c", LETS_A_STORE_HANG], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "the store did not answer within 0.05 seconds.\n"


def test_what_the_work_returns_and_raises_comes_through():
    assert within(5, "a", pow, 2, exp=3) == 8
    with pytest.raises(ZeroDivisionError):
        within(5, "a", lambda: 1 / 0)


def test_requests_that_hang_hold_up_no_other_store_and_not_their_own_once_they_end(monkeypatch):
    monkeypatch.setattr(deadline, "THREADS", 2)
    hangs = threading.Event()
    for _ in range(3):  # one more than there are threads
        with pytest.raises(TransientStoreError):
            within(0.02, "one that hangs", hangs.wait)
    assert within(5, "another", time.time) > 0
    hangs.set()
    assert within(5, "one that hangs", time.time) > 0
