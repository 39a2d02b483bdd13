"""Objects come back from the hashing thread in order, each with its own MD5."""

from __future__ import annotations

import hashlib

from external_storage.transfer.hashing import GROUP, MOST_GROUPS, Hashing


def test_all_that_was_added_comes_back_in_order_with_its_digest():
    hashing: Hashing[int] = Hashing()
    contents = [bytes([n % 251]) * (n * 37) for n in range(5 * GROUP + 3)]
    came = []
    for n, data in enumerate(contents):
        hashing.add(n, data)
        came += hashing.finished()
    came += hashing.rest()
    hashing.close()
    assert came == [(n, data, hashlib.md5(data).digest()) for n, data in enumerate(contents)]


def test_little_is_held_however_much_is_added():
    hashing: Hashing[int] = Hashing()
    added = back = 0
    for n in range(20 * GROUP):
        hashing.add(n, b"some bytes")
        added, back = added + 1, back + len(list(hashing.finished()))
        assert added - back < (MOST_GROUPS + 1) * GROUP
    assert back + len(list(hashing.rest())) == added


def test_without_objects_there_is_nothing_to_wait_for():
    hashing: Hashing[int] = Hashing()
    assert (list(hashing.finished()), list(hashing.rest())) == ([], [])
