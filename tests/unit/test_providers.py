"""The services as data: each file is complete, each value has a source, and an endpoint tells which one it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from external_storage.providers import SENTENCES, Provider, called, named_like, providers, recognise
from external_storage.providers.addresses import bare_domain, origin, public_url
from external_storage.providers.prices import AMOUNTS

PROJECT = Path(__file__).parents[2]

FACTS = (
    *("endpoint", "public_url", "needs_domain", "regions", "default_region", "addressing", "access", "cors"),
    *("checksums", "content_md5", "signed_url_days", *SENTENCES),
)
NOTHING = ("", (), 0, False, "unknown")

each_provider = pytest.mark.parametrize("provider", providers().values(), ids=list(providers()))
each_service = pytest.mark.parametrize(
    "provider", [each for each in providers().values() if not each.software], ids=lambda each: each.id
)


def test_every_service_is_there():
    assert set(providers()) == {
        *("aws", "scaleway", "digitalocean", "linode", "backblaze-b2", "cloudflare-r2", "wasabi", "ovh", "hetzner"),
        *("idrive-e2", "exoscale", "vultr", "google", "storj", "tigris"),
        *("minio", "ceph", "garage", "seaweedfs", "rustfs", "generic"),
    }


@each_provider
def test_every_service_is_described_with_known_words(provider: Provider):
    assert provider.name
    assert provider.addressing in ("auto", "virtual", "path")
    assert provider.access in ("acl", "policy", "console")
    assert provider.cors in ("api", "console", "always")
    assert provider.cors_hint or provider.cors == "api"
    assert provider.checksums in ("taken", "partly", "refused", "unknown")
    assert provider.content_md5 in ("checked", "ignored", "unknown")
    assert provider.endpoint.startswith("https://") or (provider.software and not provider.endpoint)
    assert provider.domain_hint or not provider.needs_domain
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in (provider.id, *provider.also, *provider.regions))
    assert (
        not provider.default_region
        or provider.default_region in provider.regions
        or provider.software
        or ("{region}" not in provider.endpoint)
    )


@each_provider
def test_every_value_has_a_source_or_is_marked_as_unconfirmed(provider: Provider):
    stated = {fact for fact in FACTS if getattr(provider, fact) not in NOTHING}
    if provider.id == "generic":
        stated -= {"addressing"}
    without = stated - set(provider.sources) - set(provider.unconfirmed)
    assert without == set()
    assert set(provider.sources) <= set(FACTS)
    assert set(provider.unconfirmed) <= {*FACTS, "prices.date", *(f"prices.{name}" for name in AMOUNTS)}


@each_provider
def test_every_source_is_an_address_or_a_test_of_this_project(provider: Provider):
    for where in (each for sources in provider.sources.values() for each in sources):
        assert where.startswith("https://") or (PROJECT / where).is_file(), where


@each_provider
def test_every_sentence_is_a_sentence_and_has_its_french(provider: Provider):
    said = {name: getattr(provider, name) for name in SENTENCES if getattr(provider, name)}
    assert set(provider.french) == {*said, *(["prices"] if provider.prices else [])}
    for text in (*said.values(), *provider.french.values()):
        assert re.match(r"[A-ZÀ-Ü0-9]", text)
        assert text.endswith(".")
    for name, english in said.items():
        assert provider.in_words(name) == english
        assert provider.in_words(name, "fr") == provider.french[name] != english


@each_service
def test_every_service_that_asks_for_money_has_its_list_price(provider: Provider):
    assert provider.prices is not None
    assert provider.prices.month > 0


def test_no_two_services_go_by_one_name():
    names = [name for each in providers().values() for name in (each.id, *each.also)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "service"),
    [("scaleway", "scaleway"), (" AWS ", "aws"), ("akamai", "linode"), ("b2", "backblaze-b2"), ("gcs", "google")],
)
def test_a_service_is_found_by_any_of_its_names(name: str, service: str):
    assert called(name).id == service


def test_a_misspelt_name_is_answered_with_what_was_meant():
    assert called("scalway") is None
    assert named_like("scalway")[0] == "scaleway"
    assert named_like("cloudfare") == ["cloudflare-r2"]
    assert named_like("zzz") == sorted(providers())


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
        ("https://s3.wasabisys.com", "wasabi"),
        ("https://s3.gra.perf.cloud.ovh.net", "ovh"),
        ("https://s3.us-east-va.io.cloud.ovh.us", "ovh"),
        ("https://gateway.storjshare.io", "storj"),
        ("https://fly.storage.tigris.dev", "tigris"),
        ("https://store.example.org:9000", "generic"),
        ("https://s3.fr-par.scw.cloud.evil.example", "generic"),
        ("http://127.0.0.1:8333", "generic"),
    ],
)
def test_an_endpoint_tells_its_service(endpoint, service):
    assert recognise(endpoint).id == service


@each_service
def test_a_services_own_endpoint_is_recognised_as_its_own(provider: Provider):
    for region in provider.regions or ("",):
        assert recognise(provider.endpoint.format(region=region, account="0123456789abcdef")) is provider


@pytest.mark.parametrize(
    ("service", "region", "endpoint"),
    [
        ("scaleway", "fr-par", "https://s3.fr-par.scw.cloud"),
        ("exoscale", "ch-gva-2", "https://sos-ch-gva-2.exo.io"),
        ("google", "", "https://storage.googleapis.com"),
        ("scaleway", "", ""),
        ("cloudflare-r2", "auto", ""),
        ("minio", "us-east-1", ""),
    ],
)
def test_the_endpoint_follows_from_service_and_region_where_it_can(service, region, endpoint):
    assert providers()[service].endpoint_in(region) == endpoint


@pytest.mark.parametrize(
    ("service", "region", "bucket", "expected"),
    [
        ("scaleway", "fr-par", "books", "https://books.s3.fr-par.scw.cloud/images/"),
        ("linode", "us-east-1", "books", "https://books.us-east-1.linodeobjects.com/images/"),
        ("tigris", "auto", "books", "https://books.t3.tigrisfiles.io/images/"),
        ("google", "auto", "books", "https://storage.googleapis.com/books/images/"),
        ("google", "auto", "my.books", "https://storage.googleapis.com/my.books/images/"),
        ("scaleway", "fr-par", "my.books", "https://s3.fr-par.scw.cloud/my.books/images/"),
    ],
)
def test_the_public_address_follows_from_service_region_and_bucket(service, region, bucket, expected):
    provider = providers()[service]
    url = public_url(
        bucket, prefix="images/", region=region, endpoint_url=provider.endpoint_in(region), provider=provider
    )
    assert url == expected


def test_a_server_of_ones_own_is_read_below_its_endpoint_whatever_it_is_called():
    own = {"endpoint_url": "https://store.example.org:9000", "provider": providers()["minio"]}
    assert public_url("books", **own) == "https://store.example.org:9000/books/"


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
