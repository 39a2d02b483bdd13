"""What the pages of a listing say, in the forms that stores give them."""

from __future__ import annotations

import pytest

from external_storage.objects import ObjectInfo
from external_storage.stores.s3.listing import read_page

MD5 = "0123456789abcdef0123456789abcdef"
WHEN = 1763870400.5


def a_page(*entries: str, encoded: bool = True, more: str = "") -> str:
    kind = "<EncodingType>url</EncodingType>" if encoded else ""
    contents = "".join(f"<Contents>{entry}</Contents>" for entry in entries)
    return f"<ListBucketResult><Prefix>images/</Prefix>{kind}<KeyCount>9</KeyCount>{contents}{more}</ListBucketResult>"


def an_entry(key: str, *, etag: str = f"&quot;{MD5}&quot;", size: int = 7) -> str:
    return (
        f"<Key>{key}</Key><LastModified>2025-11-23T04:00:00.500Z</LastModified><ETag>{etag}</ETag><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass><Owner><ID>x</ID><DisplayName>x</DisplayName></Owner>"
    )


def objects_on(text: str) -> list[ObjectInfo]:
    return read_page(text, strip="images/").objects


@pytest.mark.parametrize("quote", ["&quot;", "&#34;", '"'])
def test_an_object_is_described(quote):
    told = objects_on(a_page(an_entry("images/covers/a.jpg", etag=f"{quote}{MD5}{quote}")))
    assert told == [ObjectInfo("covers/a.jpg", 7, MD5, WHEN, MD5)]


@pytest.mark.parametrize(
    ("sent", "meant", "encoded"),
    [
        ("images%2Fcovers%2Fa.jpg", "covers/a.jpg", True),
        ("images/a+b%2Bc%26d.jpg", "a b+c&d.jpg", True),
        ("images/caf%C3%A9%0A.jpg", "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n.jpg", True),
        ("images/a+b%2Fc.jpg", "a+b%2Fc.jpg", False),
        ("images/a&amp;b&#10;.jpg", "a&b\n.jpg", False),
        ("images/a\nb.jpg", "a\nb.jpg", False),
    ],
)
def test_names_are_decoded_as_the_page_says(sent, meant, encoded):
    plain = an_entry("images/plain.jpg")
    assert [info.key for info in objects_on(a_page(an_entry(sent), plain, encoded=encoded))] == [meant, "plain.jpg"]


@pytest.mark.parametrize(
    ("etag", "told", "md5"),
    [
        (f"&quot;{MD5}-3&quot;", f"{MD5}-3", None),
        (f"W/&quot;{MD5}&quot;", MD5, MD5),
        (f"&quot;{MD5.upper()}&quot;", MD5, MD5),
        ("&quot;abc&quot;", "abc", None),
        ("&quot;opaque value&quot;", "opaque value", None),
        ("", "", None),
    ],
)
def test_only_what_has_the_form_of_an_md5_is_taken_for_one(etag, told, md5):
    first, second = objects_on(a_page(an_entry("images/a.jpg", etag=etag), an_entry("images/b.jpg")))
    assert (first.etag, first.md5, second.md5) == (told, md5, MD5)


def test_an_entry_that_lacks_something_takes_nothing_from_its_neighbour():
    bare = "<Key>images/a.jpg</Key><LastModified>2025-11-23T04:00:00.500Z</LastModified><Size>1</Size>"
    first, second = objects_on(a_page(bare, an_entry("images/b.jpg", size=2)))
    assert (first.key, first.size, first.md5, second.key, second.size, second.md5) == (
        "a.jpg",
        1,
        None,
        "b.jpg",
        2,
        MD5,
    )


def test_an_empty_page_is_one():
    assert objects_on(a_page()) == []


def test_the_next_page_is_named_before_or_after_the_objects():
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>to&amp;ken</NextContinuationToken>"
    assert read_page(a_page(an_entry("images/a.jpg"), more=more), strip="images/").next_token == "to&ken"
    assert read_page(a_page(more=more), strip="images/").next_token == "to&ken"
    assert read_page(a_page(an_entry("images/a.jpg")), strip="images/").next_token == ""
