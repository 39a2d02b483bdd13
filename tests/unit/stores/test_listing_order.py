"""Whatever order a store lists in, the pipeline sees the order of the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from external_storage.errors import StorageError, TransientStoreError
from external_storage.objects import ObjectInfo, in_key_order
from external_storage.stores import MemoryStore, sorting
from external_storage.stores.s3 import tree_order
from external_storage.stores.s3.listing import read_page
from external_storage.stores.s3.tree_order import in_key_order_from_tree
from external_storage.testing.contract import put
from external_storage.transfer import scan

KEYS = st.sets(
    st.text(alphabet="ab-. /0é", min_size=1, max_size=7).filter(lambda key: all(key.split("/"))), max_size=14
)
RANGE_ENDS = st.text(alphabet="ab-. /0é", max_size=7)


def place_in_tree(key: str) -> list[bytes]:
    return [in_key_order(name) for name in key.split("/")]


class Tree:
    """Lists as SeaweedFS does: folder by folder, and nothing after a name in a folder that does not exist."""

    def __init__(self, keys: set[str]) -> None:
        # Like a disk, it has no object by the name of a folder.
        self.keys = sorted((k for k in keys if not any(o.startswith(k + "/") for o in keys)), key=place_in_tree)

    def list(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        folder = after.rpartition("/")[0]
        if folder and not any(key.startswith(folder + "/") for key in self.keys):
            return
        for key in self.keys:
            below = key.startswith(after + "/")  # a folder of that very name is skipped with all in it
            if key.startswith(prefix) and (not after or (place_in_tree(key) > place_in_tree(after) and not below)):
                yield ObjectInfo(key, 1)

    def first(self, prefix: str, after: str) -> ObjectInfo | None:
        return next(self.list(prefix, after), None)


@settings(max_examples=600, deadline=None)
@example(keys={"b-"}, prefix="b-", after="", until="b/", at_a_time=1)
@given(
    keys=KEYS,
    prefix=st.sampled_from(["", "a", "a/", "b-"]),
    after=RANGE_ENDS,
    until=st.none() | RANGE_ENDS,
    at_a_time=st.sampled_from([1, 2, 3, 1_000]),
)
def test_a_tree_is_listed_in_the_order_of_the_bytes(keys, prefix, after, until, at_a_time):
    tree = Tree(keys)
    wanted = sorted(
        (
            key
            for key in tree.keys
            if key.startswith(prefix)
            and in_key_order(key) > in_key_order(after)
            and (until is None or in_key_order(key) <= in_key_order(until))
        ),
        key=in_key_order,
    )
    with mock.patch.object(tree_order, "AT_A_TIME", at_a_time):
        listed = list(in_key_order_from_tree(tree.list, tree.first, prefix, after, until))
    assert [info.key for info in listed] == wanted


def test_a_tree_is_handed_out_while_it_is_read():
    names = [f"covers/{number:05}.jpg" for number in range(3_000)]
    tree, read = Tree({*names, "covers/thumbs/a-b.jpg", "z"}), []

    def listing(prefix: str, after: str) -> Iterator[ObjectInfo]:
        for info in tree.list(prefix, after):
            read.append(info.key)
            yield info

    for _ in islice(in_key_order_from_tree(listing, tree.first, "", "", None), 1_500):
        pass
    assert len(read) == 2_000


def test_what_comes_into_being_beside_a_folder_that_is_being_listed_is_no_disorder_of_the_store():
    tree = Tree({f"covers/{number:05}.jpg" for number in range(3_000)})

    def listing(prefix: str, after: str) -> Iterator[ObjectInfo]:
        yield from tree.list(prefix, after)
        yield ObjectInfo("covers-new.jpg", 1)

    with pytest.raises(TransientStoreError, match="came into being"):
        list(in_key_order_from_tree(listing, tree.first, "", "", None))


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 95])
def test_a_listing_longer_than_memory_allows_is_sorted_on_the_disk(monkeypatch, count):
    monkeypatch.setattr(sorting, "RUN", 10)
    listing = [ObjectInfo(f"{n * 37 % 101:03}é\udc80", n, "a" * 32, float(n), "etag") for n in range(count)]
    assert list(sorting.sorted_by_key(listing)) == sorted(listing, key=lambda info: info.key)


def test_a_sorted_listing_can_be_left_halfway(monkeypatch):
    monkeypatch.setattr(sorting, "RUN", 3)
    listing = [ObjectInfo(str(9 - n), n) for n in range(10)]
    assert [info.key for info in islice(sorting.sorted_by_key(listing), 2)] == ["0", "1"]


def test_a_store_that_lists_out_of_order_is_refused_and_not_misread():
    class Disordered(MemoryStore):
        def list(self, prefix="", *, after="", until=None):
            return iter([ObjectInfo("b", 1), ObjectInfo("a", 1)])

    with pytest.raises(StorageError, match="not in key order"):
        list(scan(Disordered(), MemoryStore()))


def test_two_listings_are_merged_key_by_key():
    left, right = MemoryStore("left"), MemoryStore("right")
    for key in ("a", "a-b", "a/b", "c", "é"):
        put(left, key, b"1")
    for key in ("a-b", "a/c", "c", "ｚ", "😀"):
        put(right, key, b"1")
    pairs = [(pair.key, pair.source is not None, pair.target is not None) for pair in scan(left, right)]
    assert pairs == [
        ("a", True, False),
        ("a-b", True, True),
        ("a/b", True, False),
        ("a/c", False, True),
        ("c", True, True),
        ("é", True, False),
        ("ｚ", False, True),
        ("😀", False, True),
    ]


@pytest.mark.parametrize(
    ("listed", "key"),
    [
        ("<EncodingType>url</EncodingType><Contents><Key>p/a%20b%2Bc</Key>", "a b+c"),
        ("<EncodingType>url</EncodingType><Contents><Key>p/a+b</Key>", "a b"),
        ("<EncodingType>url</EncodingType><Contents><Key>p/%C3%A9</Key>", "é"),
        ("<EncodingType>url</EncodingType><Contents><Key>p/%E9</Key>", "\udce9"),
        ("<Contents><Key>p/a+b&amp;c%20</Key>", "a+b&c%20"),
    ],
)
def test_names_in_a_page_are_decoded_as_they_were_encoded(listed, key):
    entry = (
        "<LastModified>2026-11-22T18:00:00.000Z</LastModified><ETag>&quot;ABC-2&quot;</ETag><Size>5</Size></Contents>"
    )
    page = read_page(
        f"<ListBucketResult>{listed}{entry}<IsTruncated>false</IsTruncated></ListBucketResult>", strip="p/"
    )
    [info] = page.objects
    assert (info.key, info.size, info.md5, info.etag, page.next_token) == (key, 5, None, "abc-2", "")


def test_the_next_page_is_asked_for_by_its_token():
    text = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b==</NextContinuationToken>"
    assert read_page(text + "</ListBucketResult>", strip="").next_token == "a&b=="
