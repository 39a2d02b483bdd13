"""What the own connector's *Covers url* means."""

from __future__ import annotations

import pytest

from bookwyrm.connectors.covers import foreign_base, origin_of

OWN = [
    "https://books.example/images",
    "http://books.example:1333/images",
    "https://books.example/images/",
    "https://media.example/images/",
    "https://bucket.s3.fr-par.scw.cloud/images/",
]


@pytest.mark.parametrize(
    "covers_url",
    [
        "",
        "   ",
        "https://books.example/images",
        "https://books.example/images/",
        "http://books.example/images",
        "HTTPS://Books.Example/images",
        "  https://books.example/images ",
        "http://books.example:1333/images",
        "https://media.example/images",
        "http://media.example/images/",
        "https://bucket.s3.fr-par.scw.cloud/images",
    ],
)
def test_an_address_of_the_site_itself_means_follow_the_storage(covers_url):
    assert foreign_base(covers_url, OWN) is None


@pytest.mark.parametrize(
    ("covers_url", "base"),
    [
        ("https://cdn.example/images", "https://cdn.example/images"),
        ("https://cdn.example/images/", "https://cdn.example/images"),
        ("https://cdn.example", "https://cdn.example"),
        ("https://books.example/other", "https://books.example/other"),
        ("https://books.example/Images", "https://books.example/Images"),
        ("https://books.example.evil.example/images", "https://books.example.evil.example/images"),
        ("https://books.example:8443/images", "https://books.example:8443/images"),
    ],
)
def test_a_foreign_address_is_taken_literally(covers_url, base):
    assert foreign_base(covers_url, OWN) == base


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://cdn.example/images", "https://cdn.example"),
        ("http://cdn.example:8080/x", "http://cdn.example:8080"),
        ("https://[2606:4700::1]:444/x", "https://[2606:4700::1]:444"),
        ("https://cdn.example; script-src *//x", ""),
        ("https://cdn.example 'unsafe-inline'/x", ""),
        ("https://a,b/x", ""),
        ("https://*/x", ""),
        ("https://user@cdn.example/x", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_only_a_plain_host_gets_into_the_content_security_policy(url, origin):
    assert origin_of(url) == origin
