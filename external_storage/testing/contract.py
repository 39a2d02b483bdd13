"""The contract of a store, as tests.

A store's own test inherits from `StoreContract` and gives a pytest fixture ``store`` that makes an empty one:

    class TestMemoryStore(StoreContract):
        @pytest.fixture
        def store(self):
            return MemoryStore()
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

from ..errors import AlreadyExists, DigestMismatch, KeyRefused, ObjectMissing, SourceChanged, TransientStoreError
from ..objects import IMMUTABLE, Headers, ObjectInfo, in_key_order
from ..stores.base import ReadsWhole, Republishes, Seekable, SendsAhead, Store
from ..stores.sources import BytesSource, md5_of_bytes

PICTURE = Headers("image/jpeg", IMMUTABLE, public=True)

# More than one page of any listing, more than one batch of any delete.
MANY = 1_050

# Just above and at the size from which S3 is sent parts.
IN_PARTS = (8 << 20) + 1

# Where an order other than that of the bytes would show.
ILL_SORTED = [
    "A", "a", "a b", "a!b", "a-b", "a.b", "a/b", "a/b.c", "a/b/c", "a0b", "ab", "b/x/y", "b/x-y/z", "b/x.y",
    "é", "z", "ﬁ", "日", "😀",
]  # fmt: skip

UNUSUAL = [
    "with space.jpg", " leading", "trailing ", "plus+and%20percent", "100%", "a&b<c>d\"e'f",
    "question?mark#hash", "semi;colon=equals,comma", "(brackets)[square]{curly}",
    "~tilde`tick^caret|pipe$dollar!bang*star@at:colon", ".hidden", "..two", "dots...", "-dash", "é composed",
    "e\u0301 decomposed", "ünïcödé/日本/Ελλάδα", "😀/🐉.png", "\u202egpj.exe", "CON", "x" * 200,
    "deep/" * 40 + "end", "ſ", "%2F", "a\u00a0b", "\u2028",
]  # fmt: skip

REFUSED = [
    "", "/absolute", "trailing/", "double//slash", ".", "..", "../up", "a/../b", "a/./b", "a/..", "back\\slash",
    "new\nline", "nul\0", "bell\x07", "delete\x7f", "lone \udc80 surrogate", "x" * 1025, "é" * 513,
]  # fmt: skip


class StoreContract:
    """Every store passes these. What a store cannot promise is said by a class attribute, and asserted as such."""

    replaces_atomically = True
    keeps_headers = False
    knows_digests = True
    distinguishes_folders = True
    unusual = UNUSUAL
    """Names that have to be kept as they are."""
    many = MANY
    """How many objects make a long listing; fewer where it is not our own code that turns the pages."""
    every_range = 1
    """Each how-manieth range of keys is listed; fewer where ranges are cut out of a whole listing in any case."""
    checks_digests_ahead = True

    # What is stored

    def test_a_new_store_is_empty(self, store: Store) -> None:
        assert list(store.list()) == []

    def test_bytes_come_back_as_they_were(self, store: Store) -> None:
        put(store, "covers/a.jpg", b"\x00\xff\r\n picture")
        assert get(store, "covers/a.jpg") == b"\x00\xff\r\n picture"

    def test_f1_an_empty_object_is_an_object(self, store: Store) -> None:
        stored = put(store, "empty", b"")
        assert (stored.size, get(store, "empty"), keys(store)) == (0, b"", ["empty"])

    def test_what_is_said_of_a_stored_object_is_true(self, store: Store) -> None:
        stored = put(store, "a.jpg", b"twelve bytes")
        described, [listed] = store.describe("a.jpg"), list(store.list())
        for info in (stored, described, listed):
            assert (info.key, info.size) == ("a.jpg", 12)
            assert info.md5 in (None, md5_of_bytes(b"twelve bytes"))

    def test_the_digest_of_what_was_sent_is_returned(self, store: Store) -> None:
        assert put(store, "a.jpg", b"twelve bytes").md5 == md5_of_bytes(b"twelve bytes")

    def test_the_modification_time_moves_forward(self, store: Store) -> None:
        put(store, "a", b"1")
        first = store.describe("a").modified
        put(store, "a", b"2")
        second = store.describe("a").modified
        assert first is None or (second is not None and second >= first)

    def test_headers_are_kept(self, store: Store) -> None:
        put(store, "a.jpg", b"picture", PICTURE)
        headers = store.describe("a.jpg").headers
        if self.keeps_headers:
            assert headers is not None
            assert (headers.content_type, headers.cache_control) == (PICTURE.content_type, PICTURE.cache_control)
        else:
            assert headers is None

    def test_a_large_object_comes_back_whole(self, store: Store) -> None:
        data = _noise(IN_PARTS)
        stored = put(store, "large", data)
        assert (stored.size, store.describe("large").size) == (len(data), len(data))
        assert get(store, "large") == data

    def test_an_object_as_large_as_one_part_comes_back_whole(self, store: Store) -> None:
        data = _noise(IN_PARTS - 1)
        assert put(store, "large", data).md5 == md5_of_bytes(data)
        assert get(store, "large") == data

    # What can be done ahead, by stores that can

    def test_objects_sent_ahead_arrive_whole_and_with_their_headers(self, store: Store) -> None:
        if not isinstance(store, SendsAhead):
            return
        contents = {f"covers/{n:02}.jpg": _noise(n * 20_000) for n in range(20)}
        stored = send_ahead(store, contents)
        for key, data in contents.items():
            assert (stored[key].key, stored[key].size, stored[key].md5) == (key, len(data), md5_of_bytes(data))
            assert get(store, key) == data
            headers = store.describe(key).headers
            if self.keeps_headers:
                assert (headers.content_type, headers.cache_control) == (PICTURE.content_type, PICTURE.cache_control)

    def test_an_object_sent_ahead_replaces_the_one_before(self, store: Store) -> None:
        if not isinstance(store, SendsAhead):
            return
        put(store, "a.jpg", b"old")
        send_ahead(store, {"a.jpg": b"new"})
        assert get(store, "a.jpg") == b"new"

    def test_an_object_sent_ahead_with_another_digest_is_refused(self, store: Store) -> None:
        if not isinstance(store, SendsAhead) or not self.checks_digests_ahead:
            return
        sending = store.begin_put("a.jpg", b"some bytes", bytes.fromhex(md5_of_bytes(b"others")), PICTURE)
        with raises(DigestMismatch):
            sending.finish()
        assert keys(store) == []

    def test_names_that_lead_astray_are_refused_ahead_too(self, store: Store) -> None:
        if not isinstance(store, SendsAhead):
            return
        for key in REFUSED:
            with raises(KeyRefused):
                store.begin_put(key, b"", bytes.fromhex(md5_of_bytes(b"")), PICTURE)

    def test_a_small_object_is_read_whole_and_a_larger_one_is_not(self, store: Store) -> None:
        if not isinstance(store, ReadsWhole):
            return
        put(store, "a.jpg", b"twelve bytes")
        with store.open("a.jpg") as source:
            assert store.read_whole("a.jpg", 12) == (source.info, b"twelve bytes")
        assert store.read_whole("a.jpg", 11) is None
        with raises(ObjectMissing):
            store.read_whole("b.jpg", 12)

    # Reading

    def test_an_object_is_read_in_pieces(self, store: Store) -> None:
        put(store, "a", bytes(range(256)) * 10)
        with store.open("a") as source:
            pieces = list(iter(lambda: source.read(100), b""))
        assert b"".join(pieces) == bytes(range(256)) * 10
        assert max(map(len, pieces)) <= 100

    def test_reading_on_at_the_end_gives_nothing(self, store: Store) -> None:
        put(store, "a", b"123")
        with store.open("a") as source:
            assert (source.read(), source.read(), source.read(1)) == (b"123", b"", b"")

    def test_an_opened_object_says_what_it_is(self, store: Store) -> None:
        put(store, "a", b"123")
        with store.open("a") as source:
            assert (source.info.key, source.info.size) == ("a", 3)

    def test_reading_starts_again(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as source:
            source.read(4)
            source.restart()
            assert source.read() == b"123456"
            source.check_unchanged()

    def test_an_object_read_to_its_end_is_unchanged(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as source:
            source.read()
            source.check_unchanged()

    def test_an_object_read_in_part_is_not_whole(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as source, raises(SourceChanged):
            source.read(3)
            source.check_unchanged()

    def test_a_reader_that_stops_halfway_harms_nobody(self, store: Store) -> None:
        put(store, "a", b"x" * 300_000)
        for _ in range(3):
            with store.open("a") as source:
                source.read(10)
        assert len(get(store, "a")) == 300_000

    def test_reading_starts_again_from_the_end(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as source:
            assert source.read() == b"123456"
            source.restart()
            assert (source.read(2), source.read()) == (b"12", b"3456")
            source.check_unchanged()

    def test_reading_goes_on_at_any_byte(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as source:
            if not isinstance(source, Seekable):
                return
            for position in (4, 0, 5):
                source.seek(position)
                assert source.read() == b"123456"[position:]

    def test_two_readers_of_one_object_do_not_disturb_each_other(self, store: Store) -> None:
        put(store, "a", b"123456")
        with store.open("a") as one, store.open("a") as other:
            first = one.read(3)
            assert other.read() == b"123456"
            assert first + one.read() == b"123456"

    def test_objects_of_any_size_come_back_whole(self, store: Store) -> None:
        sizes = [1, 2, 1023, 1024, 16_383, 65_535, 65_536, 65_537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1]
        for size in sizes:
            put(store, f"{size:09}", _noise(size))
        assert [info.size for info in store.list()] == sizes
        for size in sizes:
            assert get(store, f"{size:09}") == _noise(size)

    def test_what_is_read_from_a_store_can_be_stored_in_it(self, store: Store) -> None:
        put(store, "a", _noise(300_000))
        with store.open("a") as source:
            store.put("b", source, PICTURE)
        assert get(store, "b") == get(store, "a") == _noise(300_000)

    # Missing

    def test_a_deleted_object_is_missing(self, store: Store) -> None:
        put(store, "a", b"1")
        store.delete(["a"])
        with raises(ObjectMissing):
            store.describe("a")
        with raises(ObjectMissing):
            store.open("a")

    def test_an_error_names_the_object(self, store: Store) -> None:
        with raises(ObjectMissing) as caught:
            store.describe("covers/none.jpg")
        assert caught[0].key == "covers/none.jpg"
        assert "covers/none.jpg" in str(caught[0])

    def test_a_missing_object_cannot_be_opened(self, store: Store) -> None:
        with raises(ObjectMissing) as caught:
            store.open("covers/none.jpg")
        assert caught[0].key == "covers/none.jpg"

    def test_a_missing_object_cannot_be_described(self, store: Store) -> None:
        put(store, "covers/some.jpg", b"1")
        with raises(ObjectMissing):
            store.describe("covers/none.jpg")

    def test_a_folder_is_no_object(self, store: Store) -> None:
        put(store, "covers/a.jpg", b"1")
        with raises(ObjectMissing):
            store.describe("covers")
        with raises(ObjectMissing):
            store.open("covers")

    def test_nothing_lies_below_an_object(self, store: Store) -> None:
        put(store, "a", b"1")
        with raises(ObjectMissing):
            store.describe("a/b")

    # Replacing

    def test_an_object_is_replaced(self, store: Store) -> None:
        put(store, "a", b"a long first version")
        put(store, "a", b"short")
        assert (get(store, "a"), keys(store), store.describe("a").size) == (b"short", ["a"], 5)

    def test_an_object_is_kept_on_request(self, store: Store) -> None:
        put(store, "a", b"first")
        with raises(AlreadyExists):
            store.put("a", BytesSource("a", b"second"), PICTURE, replace=False)
        assert get(store, "a") == b"first"

    def test_an_object_is_kept_whatever_its_size(self, store: Store) -> None:
        put(store, "a", b"first")
        with raises(AlreadyExists):
            store.put("a", BytesSource("a", _noise(IN_PARTS)), PICTURE, replace=False)
        assert (get(store, "a"), keys(store)) == (b"first", ["a"])

    def test_an_empty_object_replaces_a_full_one(self, store: Store) -> None:
        put(store, "a", b"first")
        put(store, "a", b"")
        assert (get(store, "a"), store.describe("a").size) == (b"", 0)

    def test_a_large_object_and_a_small_one_replace_each_other(self, store: Store) -> None:
        for data in (_noise(IN_PARTS), b"small", _noise(IN_PARTS)):
            put(store, "a", data)
            assert (get(store, "a") == data, keys(store)) == (True, ["a"])

    def test_headers_are_replaced_with_the_object(self, store: Store) -> None:
        put(store, "a", b"1", PICTURE)
        put(store, "a", b"1", Headers("image/png", "no-cache", public=True))
        headers = store.describe("a").headers
        if self.keeps_headers:
            assert headers is not None
            assert (headers.content_type, headers.cache_control) == ("image/png", "no-cache")

    def test_headers_change_without_the_object(self, store: Store) -> None:
        if not isinstance(store, Republishes):
            return
        put(store, "a", b"picture", PICTURE)
        store.republish(store.describe("a"), Headers("image/png", "no-cache", public=True))
        info = store.describe("a")
        assert (get(store, "a"), info.size) == (b"picture", 7)
        assert md5_of_bytes(b"picture") in (info.md5, info.recorded_md5)
        assert info.headers is not None
        assert (info.headers.content_type, info.headers.cache_control) == ("image/png", "no-cache")

    def test_a_deleted_object_can_be_stored_again(self, store: Store) -> None:
        put(store, "a/b", b"1")
        store.delete(["a/b"])
        store.put("a/b", BytesSource("a/b", b"2"), PICTURE, replace=False)
        assert (get(store, "a/b"), keys(store)) == (b"2", ["a/b"])

    def test_a_request_to_keep_does_not_hinder_a_new_object(self, store: Store) -> None:
        store.put("a", BytesSource("a", b"first"), PICTURE, replace=False)
        assert get(store, "a") == b"first"

    def test_a_reader_sees_one_version_whole(self, store: Store) -> None:
        if not self.replaces_atomically:
            return
        versions = [bytes([n]) * 200_000 for n in range(20)]
        put(store, "a", versions[0])
        with ThreadPoolExecutor(1) as writer:
            writing = writer.submit(lambda: [put(store, "a", version) for version in versions])
            while not writing.done():
                assert get(store, "a") in versions

    def test_writers_side_by_side_do_not_mix(self, store: Store) -> None:
        versions = [bytes([n]) * 100_000 for n in range(8)]
        if self.replaces_atomically:
            with ThreadPoolExecutor(8) as writers:
                list(writers.map(lambda version: put(store, "a", version), versions))
            assert get(store, "a") in versions

    def test_many_threads_store_many_objects(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as writers:
            list(writers.map(lambda n: put(store, f"{n % 3}/{n}", str(n).encode()), range(64)))
        assert {key: get(store, key) for key in keys(store)} == {f"{n % 3}/{n}": str(n).encode() for n in range(64)}

    # Sources that are not what they say

    def test_a_source_that_ends_early_is_not_stored(self, store: Store) -> None:
        with raises(SourceChanged):
            store.put("a", _Unsteady("a", b"12345", says=10), PICTURE)
        assert keys(store) == []

    def test_a_source_that_goes_on_is_not_stored(self, store: Store) -> None:
        with raises(SourceChanged):
            store.put("a", _Unsteady("a", b"1234567890", says=5), PICTURE)
        assert keys(store) == []

    def test_a_large_source_that_ends_early_is_not_stored(self, store: Store) -> None:
        with raises(SourceChanged):
            store.put("a", _Unsteady("a", b"x" * (9 << 20), says=IN_PARTS + (9 << 20)), PICTURE)
        assert keys(store) == []

    def test_a_failing_source_leaves_the_old_object(self, store: Store) -> None:
        put(store, "a", b"old")
        with raises(TransientStoreError):
            store.put("a", _Unsteady("a", b"x" * 300_000, fails_at=200_000), PICTURE)
        assert (get(store, "a"), keys(store)) == (b"old", ["a"])

    def test_a_source_with_another_digest_is_not_stored(self, store: Store) -> None:
        with raises(DigestMismatch):
            store.put("a", _Unsteady("a", b"12345", md5=md5_of_bytes(b"54321")), PICTURE)
        assert keys(store) == []

    # Deleting

    def test_an_object_is_deleted(self, store: Store) -> None:
        put(store, "a", b"1")
        put(store, "b", b"2")
        assert store.delete(["a"]) == {"a": None}
        assert keys(store) == ["b"]

    def test_deleting_what_is_missing_is_fine(self, store: Store) -> None:
        assert store.delete(["none", "no/where"]) == {"none": None, "no/where": None}

    def test_deleting_nothing_is_fine(self, store: Store) -> None:
        assert store.delete([]) == {}

    def test_a_folder_is_not_deleted_with_its_content(self, store: Store) -> None:
        put(store, "a/b", b"1")
        store.delete(["a"])
        assert keys(store) == ["a/b"]

    def test_each_key_has_its_own_result(self, store: Store) -> None:
        put(store, "a", b"1")
        results = store.delete(["a", "../b", "c"])
        assert (results["a"], results["c"]) == (None, None)
        assert isinstance(results["../b"], KeyRefused)
        assert keys(store) == []

    def test_the_same_key_may_be_named_twice(self, store: Store) -> None:
        put(store, "a", b"1")
        assert store.delete(["a", "a"]) == {"a": None}
        assert keys(store) == []

    def test_the_neighbours_of_a_deleted_object_stay(self, store: Store) -> None:
        near = ["a", "a-b", "a.b", "aa", "A"]
        for key in near:
            put(store, key, key.encode())
        store.delete(["a"])
        assert {key: get(store, key) for key in keys(store)} == {key: key.encode() for key in sorted(near[1:])}

    # Listing

    def test_a_prefix_that_is_a_key_holds_that_key(self, store: Store) -> None:
        put(store, "a.jpg", b"1")
        put(store, "a.jpg-2", b"2")
        put(store, "a.jp", b"3")
        assert [info.key for info in store.list("a.jpg")] == ["a.jpg", "a.jpg-2"]

    def test_after_the_last_key_comes_nothing(self, store: Store) -> None:
        put(store, "a/b", b"1")
        assert list(store.list(after="a/b")) == []
        assert list(store.list(after="z")) == []
        assert list(store.list("a/", after="a/b")) == []

    def test_a_range_that_ends_before_it_begins_is_empty(self, store: Store) -> None:
        for key in "abc":
            put(store, key, b"1")
        assert list(store.list(after="b", until="a")) == []
        assert list(store.list(after="b", until="b")) == []

    def test_ranges_side_by_side_make_the_whole(self, store: Store) -> None:
        stored = sorted({f"{n * 37 % 60:02}/{n}" for n in range(60)}, key=in_key_order)
        for key in stored:
            put(store, key, b"1")
        cuts = ["", "0", "10/", "10/9", "25", "59/9", None]
        parts = [list(store.list(after=after or "", until=until)) for after, until in pairwise(cuts)]
        assert [info.key for part in parts for info in part] == stored

    def test_what_was_there_is_listed_although_more_arrives(self, store: Store) -> None:
        for key in ("b", "d", "f"):
            put(store, key, b"1")
        listing = store.list()
        seen = [next(listing).key]
        for key in ("a", "c", "e", "g"):
            put(store, key, b"1")
        seen += [info.key for info in listing]
        assert {"b", "d", "f"} <= set(seen)
        assert seen == sorted(set(seen))

    def test_two_listings_do_not_disturb_each_other(self, store: Store) -> None:
        for key in "abcd":
            put(store, key, b"1")
        one, other = store.list(), store.list(after="a")
        assert [(left.key, right.key) for left, right in zip(one, other, strict=False)] == [
            ("a", "b"), ("b", "c"), ("c", "d"),
        ]  # fmt: skip

    def test_keys_come_in_the_order_of_their_bytes(self, store: Store) -> None:
        stored = (
            [key for key in ILL_SORTED if key not in ("a", "a/b")] if not self.distinguishes_folders else ILL_SORTED
        )
        for key in reversed(stored):
            put(store, key, key.encode())
        assert keys(store) == sorted(stored, key=in_key_order)

    def test_any_range_is_listed(self, store: Store) -> None:
        stored = sorted((key for key in ILL_SORTED if key not in ("a", "a/b")), key=in_key_order)
        for key in stored:
            put(store, key, b"1")
        for after in ["", "a", "a/", "a0", "b/x", "nowhere/at/all", *stored[::3]][:: self.every_range]:
            for until in [None, "a/z", "b/x0", "zz", *stored[::4]][:: self.every_range]:
                wanted = [key for key in stored if _lies_in(key, after, until)]
                assert [info.key for info in store.list(after=after, until=until)] == wanted, (after, until)

    def test_any_prefix_is_listed(self, store: Store) -> None:
        stored = sorted((key for key in ILL_SORTED if key not in ("a", "a/b")), key=in_key_order)
        for key in stored:
            put(store, key, b"1")
        for prefix in ("a", "a/", "b/x", "b/x/", "b/x-y/z", "none", "é"):
            wanted = [key for key in stored if key.startswith(prefix)]
            assert [info.key for info in store.list(prefix)] == wanted, prefix
            assert [info.key for info in store.list(prefix, after="b/x-z")] == [
                k for k in wanted if _lies_in(k, "b/x-z", None)
            ]

    def test_every_page_is_read_and_every_batch_deleted(self, store: Store) -> None:
        stored = sorted(f"{n % 7}/{n * 7919 % self.many:04}-{n}.jpg" for n in range(self.many))
        with ThreadPoolExecutor(8) as writers:
            list(writers.map(lambda key: put(store, key, key.encode()), stored))
        listed = list(store.list())
        assert [info.key for info in listed] == stored
        assert [info.size for info in listed] == [len(key) for key in stored]
        if self.knows_digests:
            assert {info.md5 for info in listed} <= {None, *(md5_of_bytes(key.encode()) for key in stored)}
        assert store.delete(stored) == dict.fromkeys(stored)
        assert keys(store) == []

    def test_a_listing_can_be_left_halfway(self, store: Store) -> None:
        for n in range(5):
            put(store, str(n), b"")
        assert next(iter(store.list())).key == "0"
        assert keys(store) == list("01234")

    # Names

    def test_unusual_names_are_kept_as_they_are(self, store: Store) -> None:
        for key in self.unusual:
            put(store, key, key.encode())
        assert keys(store) == sorted(self.unusual, key=in_key_order)
        for key in self.unusual:
            assert get(store, key) == key.encode()
            assert store.describe(key).key == key
        assert store.delete(self.unusual) == dict.fromkeys(self.unusual)
        assert keys(store) == []

    def test_s32_names_that_differ_in_case_or_composition_are_different(self, store: Store) -> None:
        names = ["A.jpg", "a.jpg", "\u00e9.jpg", "e\u0301.jpg"]
        for name in names:
            put(store, name, name.encode())
        assert keys(store) == sorted(names, key=in_key_order)
        assert [get(store, name) for name in names] == [name.encode() for name in names]

    def test_the_longest_name_is_kept(self, store: Store) -> None:
        # A prefix counts too, and a disk allows 255 bytes between two slashes.
        longest = "/".join(["x" * 200] * 4 + ["y" * 200])
        put(store, longest, b"1")
        assert (keys(store), get(store, longest)) == ([longest], b"1")

    def test_s33_names_that_lead_astray_are_refused(self, store: Store) -> None:
        for key in REFUSED:
            with raises(KeyRefused):
                store.put(key, BytesSource("x", b"1"), PICTURE)
            with raises(KeyRefused):
                store.open(key)
            with raises(KeyRefused):
                store.describe(key)
            assert isinstance(store.delete([key])[key], KeyRefused)
        assert keys(store) == []

    def test_the_key_of_the_source_does_not_matter(self, store: Store) -> None:
        stored = store.put("b", BytesSource("a", b"1"), PICTURE)
        assert (stored.key, keys(store)) == ("b", ["b"])

    def test_a_store_says_where_it_is(self, store: Store) -> None:
        assert store.name
        assert ":" in store.place


class _Unsteady(BytesSource):
    """A source that is not what its description says, or breaks off."""

    def __init__(
        self, key: str, data: bytes, *, says: int | None = None, md5: str | None = None, fails_at: int | None = None
    ) -> None:
        super().__init__(key, data)
        self._said = len(data) if says is None else says
        self.info = replace(self.info, size=self._said, md5=md5)
        self._fails_at = fails_at

    def read(self, size: int = -1, /) -> bytes:
        data = super().read(min(size, 50_000) if size >= 0 else -1)
        if self._fails_at is not None and self._position >= self._fails_at:
            raise TransientStoreError("The disk broke.", key=self.info.key)
        return data

    def check_unchanged(self) -> None:
        if self._position != self._said:
            raise SourceChanged("It has another length now.", key=self.info.key)


def put(store: Store, key: str, data: bytes, headers: Headers = PICTURE) -> ObjectInfo:
    """Store *data*."""
    return store.put(key, BytesSource(key, data), headers)


def get(store: Store, key: str) -> bytes:
    """Read an object whole."""
    with store.open(key) as source:
        data = source.read()
        source.check_unchanged()
    return data


def send_ahead(store: SendsAhead, contents: Mapping[str, bytes]) -> dict[str, ObjectInfo]:
    """Begin to store all objects before the answer to any is taken; return what was stored, by key."""
    begun = {
        key: store.begin_put(key, data, bytes.fromhex(md5_of_bytes(data)), PICTURE) for key, data in contents.items()
    }
    return {key: sending.finish() for key, sending in begun.items()}


def keys(store: Store) -> list[str]:
    """List all keys."""
    return [info.key for info in store.list()]


def _noise(size: int) -> bytes:
    """Return bytes of which no two mebibytes are alike."""
    return b"".join(hashlib.shake_128(str(n).encode()).digest(1 << 20) for n in range(size // (1 << 20) + 1))[:size]


def _lies_in(key: str, after: str, until: str | None) -> bool:
    order = in_key_order(key)
    return order > in_key_order(after) and (until is None or order <= in_key_order(until))


@contextmanager
def raises(kind: type[BaseException]) -> Iterator[list]:
    """Assert that the block raises *kind*; the error is the first of the yielded list afterwards."""
    caught: list = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    assert caught, f"{kind.__name__} was not raised"
