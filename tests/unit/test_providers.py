"""The services as data: each file is complete, and an endpoint tells which one it is."""

from __future__ import annotations

import pytest

from external_storage.providers import providers, recognise
from external_storage.providers.addresses import bare_domain, origin, public_url


@pytest.mark.parametrize("provider", providers().values(), ids=list(providers()))
def test_every_service_is_described_with_known_words_and_a_source(provider):
    assert provider.name
    assert provider.addressing in ("auto", "virtual", "path")
    assert provider.access in ("acl", "policy", "console")
    assert provider.cors in ("api", "console")
    assert provider.cors_hint or provider.cors == "api"
    assert provider.sources
    assert all(source.startswith("https://") for source in provider.sources)
    assert provider.endpoint.startswith("https://") or not provider.endpoint


def test_the_services_the_guide_speaks_of_are_known():
    wanted = {
        "aws",
        "scaleway",
        "digitalocean",
        "ceph",
        "minio",
        "seaweedfs",
        "cloudflare-r2",
        "backblaze-b2",
        "generic",
    }
    assert wanted <= set(providers())


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        (None, "aws"),
        ("", "aws"),
        ("https://s3.eu-west-3.amazonaws.com", "aws"),
        ("https://s3.fr-par.scw.cloud", "scaleway"),
        ("https://nyc3.digitaloceanspaces.com", "digitalocean"),
        ("https://0123456789abcdef.r2.cloudflarestorage.com", "cloudflare-r2"),
        ("https://0123456789abcdef.eu.r2.cloudflarestorage.com", "cloudflare-r2"),
        ("https://s3.us-west-004.backblazeb2.com", "backblaze-b2"),
        ("https://store.example.org:9000", "generic"),
        ("https://s3.fr-par.scw.cloud.evil.example", "generic"),
        ("http://127.0.0.1:8333", "generic"),
    ],
)
def test_an_endpoint_tells_its_service(endpoint, service):
    assert recognise(endpoint).id == service


@pytest.mark.parametrize("identifier", ["aws", "scaleway", "digitalocean", "backblaze-b2"])
def test_a_services_own_endpoint_is_recognised_as_its_own(identifier):
    provider = providers()[identifier]
    assert recognise(provider.endpoint.format(region="eu-1")) is provider


@pytest.mark.parametrize(
    ("domain", "bare"),
    [
        ("media.test", "media.test"),
        (" https://media.test/ ", "media.test"),
        ("http://media.test", "media.test"),
        ("store.test:9000/books/", "store.test:9000/books"),
    ],
)
def test_a_domain_is_understood_with_whatever_stands_around_it(domain, bare):
    assert bare_domain(domain) == bare


def test_the_guides_two_examples_of_a_custom_domain():
    scaleway = public_url("books", prefix="images/", custom_domain="books.s3.fr-par.scw.cloud")
    assert scaleway == "https://books.s3.fr-par.scw.cloud/images/"
    spaces = public_url("books", prefix="images/", custom_domain="books.nyc3.digitaloceanspaces.com", use_https=True)
    assert spaces == "https://books.nyc3.digitaloceanspaces.com/images/"
    assert origin(spaces) == "https://books.nyc3.digitaloceanspaces.com"
