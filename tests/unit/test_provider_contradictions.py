"""What an owner wrote is compared with what is known of the service, before anything is asked of the network."""

from __future__ import annotations

import pytest

from external_storage.providers import providers
from external_storage.providers.contradictions import Contradiction, Written, contradictions

LINODE = "https://us-east-1.linodeobjects.com"


def found(**written: str) -> dict[str, Contradiction]:
    return {each.id: each for each in contradictions(Written(**{"bucket": "my-books", **written}))}


@pytest.mark.parametrize("provider", providers().values(), ids=list(providers()))
def test_what_a_service_itself_suggests_contradicts_nothing(provider):
    region = provider.default_region or provider.regions[0]
    written = {
        "provider": provider.id,
        "region": region,
        "endpoint_url": "https://store.example.org" if provider.needs_endpoint else provider.endpoint_in(region),
        "custom_domain": "media.example.org" if provider.needs_domain else "",
        "acl": "public-read" if provider.access == "acl" else "none",
        "addressing_style": "" if provider.addressing == "auto" else provider.addressing,
    }
    unfamiliar = {"endpoint.unfamiliar"} if provider.id == "cloudflare-r2" else set()
    assert set(found(**written)) == unfamiliar


@pytest.mark.parametrize(
    "provider", [each for each in providers().values() if each.public_url], ids=lambda provider: provider.id
)
def test_its_own_public_address_as_the_custom_domain_contradicts_nothing(provider):
    region = provider.default_region or provider.regions[0]
    domain = provider.public_url.format(bucket="my-books", region=region)
    assert found(provider=provider.id, region=region, custom_domain=domain) == {}


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"region": "eu-west-3"},
        {"endpoint_url": "https://s3.fr-par.scw.cloud", "region": "fr-par"},
        {"endpoint_url": "http://127.0.0.1:8333", "custom_domain": "127.0.0.1:8333/my-books", "acl": "public-read"},
        {"endpoint_url": LINODE, "region": "us-east-1", "custom_domain": "my-books.us-east-1.linodeobjects.com"},
        {"endpoint_url": "https://my-books.example.org"},
        {"bucket": "s3", "endpoint_url": "https://s3.fr-par.scw.cloud", "region": "fr-par"},
        {"bucket": "nyc3", "endpoint_url": "https://nyc3.digitaloceanspaces.com"},
        {"provider": "scaleway", "region": "fr-par", "custom_domain": "media.example.org"},
        {"provider": "wasabi", "region": "us-east-1", "endpoint_url": "https://s3.wasabisys.com"},
        {"provider": "digitalocean", "region": "nyc3", "custom_domain": "my-books.nyc3.cdn.digitaloceanspaces.com"},
        {"provider": "other", "endpoint_url": "https://s3.example.org", "acl": "public-read"},
    ],
)
def test_what_goes_together_is_left_alone(written):
    assert found(**written) == {}


def test_a_service_nobody_knows_is_answered_with_those_that_are_like_it():
    (unknown,) = found(provider="scalway").values()
    assert (unknown.id, unknown.value, unknown.certain) == ("provider.unknown", "PROVIDER", True)
    assert "scaleway" in unknown.expected


def test_a_service_with_regions_wants_one():
    missing = found(provider="scaleway")["region.missing"]
    assert missing.certain
    assert "fr-par" in missing.expected


@pytest.mark.parametrize("service", ["minio", "ceph", "garage", "seaweedfs", "rustfs", "generic", "cloudflare-r2"])
def test_only_its_owner_knows_the_address_of_some_services(service):
    assert found(provider=service)["endpoint.missing"].certain


@pytest.mark.parametrize("service", ["cloudflare-r2", "storj", "garage"])
def test_where_strangers_see_nothing_at_the_endpoint_a_domain_is_wanted(service):
    missing = found(provider=service, endpoint_url="https://store.example.org")["domain.missing"]
    assert missing.certain
    assert providers()[service].domain_hint.rstrip(".") in missing.expected


def test_without_the_services_name_a_missing_domain_is_only_doubtful():
    assert not found(endpoint_url="https://0123.r2.cloudflarestorage.com")["domain.missing"].certain


@pytest.mark.parametrize(
    ("endpoint", "bare"),
    [
        ("https://my-books.us-east-1.linodeobjects.com", LINODE),
        ("https://us-east-1.linodeobjects.com/my-books", LINODE),
        ("https://my-books.s3.fr-par.scw.cloud/", "https://s3.fr-par.scw.cloud"),
        ("https://my-books.nyc3.digitaloceanspaces.com", "https://nyc3.digitaloceanspaces.com"),
    ],
)
def test_the_buckets_name_in_the_endpoint_is_named_with_the_endpoint_without_it(endpoint, bare):
    doubled = found(endpoint_url=endpoint)["endpoint.holds-bucket"]
    assert doubled.certain
    assert doubled.value == "ENDPOINT_URL"
    assert doubled.found == f"{endpoint!r}, which already holds the bucket's name"
    assert doubled.expected.startswith(f"{bare!r} alone: the bucket's name would stand twice")


def test_on_a_server_of_ones_own_the_buckets_name_in_the_endpoint_is_only_doubtful():
    assert not found(endpoint_url="https://my-books.s3.example.org")["endpoint.holds-bucket"].certain
    assert not found(endpoint_url="https://store.example.org/my-books")["endpoint.holds-bucket"].certain


def test_one_services_name_and_anothers_address():
    other = found(provider="scaleway", region="fr-par", endpoint_url="https://nyc3.digitaloceanspaces.com")
    assert other["endpoint.of-another-service"].certain
    assert "DigitalOcean" in other["endpoint.of-another-service"].found
    strange = found(provider="scaleway", region="fr-par", endpoint_url="https://proxy.example.org")
    assert not strange["endpoint.unfamiliar"].certain


def test_a_region_the_service_did_not_have_is_doubtful_because_it_may_have_it_by_now():
    unknown = found(provider="scaleway", region="eu-west-1")["region.unknown"]
    assert not unknown.certain
    assert "fr-par" in unknown.expected


def test_a_region_and_the_endpoint_of_another():
    other = found(region="fr-par", endpoint_url="https://s3.nl-ams.scw.cloud")["region.of-another-endpoint"]
    assert other.expected == "'nl-ams'"


def test_a_scheme_in_the_custom_domain_is_cut_and_said():
    scheme = found(provider="scaleway", region="fr-par", custom_domain="https://media.example.org/")
    assert scheme["domain.has-scheme"].expected == "'media.example.org' alone"
    assert not scheme["domain.has-scheme"].certain


def test_the_api_itself_is_no_custom_domain():
    wrong = found(provider="scaleway", region="fr-par", endpoint_url="https://s3.fr-par.scw.cloud")
    assert "domain.is-the-endpoint" not in wrong
    wrong = found(endpoint_url="https://s3.fr-par.scw.cloud", custom_domain="s3.fr-par.scw.cloud")
    assert wrong["domain.is-the-endpoint"].certain
    assert "'my-books'" in wrong["domain.is-the-endpoint"].expected


@pytest.mark.parametrize(
    ("domain", "whose"),
    [
        ("your-books.s3.fr-par.scw.cloud", "another bucket"),
        ("my-books.s3.nl-ams.scw.cloud", "this bucket in another region"),
    ],
)
def test_a_domain_of_another_bucket_is_named_with_the_right_one(domain, whose):
    other = found(provider="scaleway", region="fr-par", custom_domain=domain)["domain.of-another-bucket"]
    assert other.certain
    assert other.found == f"{domain!r}, the address of {whose}"
    assert other.expected == "'my-books.s3.fr-par.scw.cloud'"


def test_path_style_at_amazon_and_virtual_style_at_a_server_that_goes_by_path():
    assert "giving up paths" in found(region="eu-west-3", addressing_style="path")["addressing.path"].expected
    own = found(provider="minio", endpoint_url="https://store.example.org", addressing_style="virtual")
    assert "'path' or nothing" in own["addressing.virtual"].expected


def test_path_style_is_right_at_amazon_for_a_bucket_with_dots():
    assert found(bucket="my.books", region="eu-west-3", addressing_style="path") == {}
    dotted = found(bucket="my.books", region="eu-west-3", addressing_style="virtual")
    assert "hyphens" in dotted["bucket.has-dots"].expected


@pytest.mark.parametrize(("service", "decides"), [("aws", "policy"), ("cloudflare-r2", "a setting of the bucket")])
def test_an_acl_where_another_thing_decides_who_may_read(service, decides):
    assert decides in found(provider=service, region="auto", acl="public-read")["acl.not-honoured"].expected
