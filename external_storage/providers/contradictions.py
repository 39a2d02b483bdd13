"""Tell where what an owner wrote contradicts itself, or what is known of the service. Asks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import GENERIC, Provider, called, claims, named_like, providers, recognise
from .addresses import bare_domain


@dataclass(frozen=True, slots=True)
class Written:
    """What an owner wrote of one bucket; what was left out is empty."""

    bucket: str
    provider: str = ""
    region: str = ""
    endpoint_url: str = ""
    custom_domain: str = ""
    addressing_style: str = ""
    acl: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One value that does not go with the others.

    *value* is the key of ``EXTERNAL_STORAGE`` to change; *found* and *expected* go on "it is …" and "expected …".
    A *certain* one cannot work; any other may be meant so, and deserves a look.
    """

    id: str
    value: str
    found: str
    expected: str
    certain: bool


def contradictions(written: Written) -> list[Contradiction]:
    """Return everything that is contradictory, the values that explain others first.

    | id                          | what was written                                               | certain  |
    | --------------------------- | -------------------------------------------------------------- | -------- |
    | provider.unknown            | a service that nobody knows                                    | yes      |
    | endpoint.missing            | a service whose address only its owner knows, alone            | yes      |
    | region.missing              | a service with regions, and neither region nor endpoint        | yes      |
    | domain.missing              | a service that shows strangers nothing at its endpoint, alone  | if named |
    | endpoint.of-another-service | one service's name and another's address                       | yes      |
    | endpoint.unfamiliar         | a service's name and an address that is none of its            | no       |
    | endpoint.holds-bucket       | the bucket's name in the endpoint: it would stand there twice  | if known |
    | region.unknown              | a region the service did not have when its file was written    | no       |
    | region.of-another-endpoint  | a region, and the endpoint of another one                      | no       |
    | domain.has-scheme           | https:// in the custom domain, where it is cut off             | no       |
    | domain.is-the-endpoint      | the endpoint as the custom domain: links would lack the bucket | if known |
    | domain.of-another-bucket    | the service's own address of another bucket or region          | yes      |
    | addressing.path             | path style where the service is giving it up, or has           | no       |
    | addressing.virtual          | the bucket in the host name of a server that goes by path      | no       |
    | bucket.has-dots             | dots, which no certificate of the service covers               | no       |
    | acl.not-honoured            | an ACL where another thing decides who may read                | no       |
    """
    named = called(written.provider) if written.provider else None
    if written.provider and named is None:
        return [_unknown(written)]
    provider = named or recognise(_endpoint_without_bucket(written))
    found: list[Contradiction] = []
    for rule in (_missing_values, _endpoint, _region, _domain, _addressing, _acl):
        found += rule(written, provider, named is not None)
    return found


def _unknown(written: Written) -> Contradiction:
    choices = ", ".join(each for each in named_like(written.provider) if each != GENERIC)
    return Contradiction("provider.unknown", "PROVIDER", repr(written.provider), f"one of {choices}", certain=True)


def _missing_values(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    if is_named and provider.needs_endpoint and not written.endpoint_url:
        expected = provider.endpoint_hint.rstrip(".") or f"the address of the S3 API of {provider.name}"
        yield Contradiction("endpoint.missing", "ENDPOINT_URL", "missing or empty", expected, certain=True)
    if is_named and provider.needs_region and not (written.region or written.endpoint_url):
        yield Contradiction("region.missing", "REGION", "missing or empty", _a_region_of(provider), certain=True)
    if provider.needs_domain and not written.custom_domain:
        expected = f"where strangers can read, which is not the endpoint of {provider.name}. {provider.domain_hint}"
        yield Contradiction("domain.missing", "CUSTOM_DOMAIN", "missing or empty", expected.rstrip("."), is_named)


def _endpoint(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    if not written.endpoint_url:
        return
    bare = _endpoint_without_bucket(written)
    if bare != written.endpoint_url.rstrip("/"):
        found = f"{written.endpoint_url!r}, which already holds the bucket's name"
        expected = f"{bare!r} alone: the bucket's name would stand twice in each file's address"
        is_known = recognise(bare).id != GENERIC
        yield Contradiction("endpoint.holds-bucket", "ENDPOINT_URL", found, expected, certain=is_known)
    behind = recognise(bare)
    if not is_named or provider.id == GENERIC or behind.id == provider.id:
        return
    if behind.id != GENERIC:
        found = f"{written.endpoint_url!r}, the address of {behind.name}"
        yield Contradiction("endpoint.of-another-service", "ENDPOINT_URL", found, _its_endpoint(provider), certain=True)
    elif not provider.software:
        found = f"{written.endpoint_url!r}, which is no address that {provider.name} is known by"
        yield Contradiction("endpoint.unfamiliar", "ENDPOINT_URL", found, _its_endpoint(provider), certain=False)


def _region(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    if not written.region:
        return
    if provider.regions and written.region not in provider.regions and "{region}" in provider.endpoint:
        found = f"{written.region!r}, which {provider.name} is not known to have"
        yield Contradiction("region.unknown", "REGION", found, _a_region_of(provider), certain=False)
    there = _region_in(_host(_endpoint_without_bucket(written)), provider)
    if there and there != written.region:
        found = f"{written.region!r}, but the endpoint is that of {there!r}"
        yield Contradiction("region.of-another-endpoint", "REGION", found, repr(there), certain=False)


def _domain(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    domain = bare_domain(written.custom_domain)
    if not domain:
        return
    if "://" in written.custom_domain:
        found = f"{written.custom_domain!r}, with a scheme that plays no part"
        yield Contradiction("domain.has-scheme", "CUSTOM_DOMAIN", found, f"{domain!r} alone", certain=False)
    if domain.lower() == urlsplit(_endpoint_without_bucket(written)).netloc.lower():
        found = f"{domain!r}, the service's API itself"
        expected = f"an address that leads to the bucket {written.bucket!r}; links would lack its name"
        yield Contradiction("domain.is-the-endpoint", "CUSTOM_DOMAIN", found, expected, provider.id != GENERIC)
    region = written.region or _region_in(_host(_endpoint_without_bucket(written)), provider) or ""
    own = _own_address(written.bucket, region, provider)
    if own and domain.lower() != own and _is_an_address_of(provider, domain.lower()):
        whose = "this bucket in another region" if domain.startswith(f"{written.bucket}.") else "another bucket"
        found = f"{domain!r}, the address of {whose}"
        yield Contradiction("domain.of-another-bucket", "CUSTOM_DOMAIN", found, repr(own), certain=True)


def _addressing(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    if written.addressing_style == "path" and provider.addressing == "virtual" and "." not in written.bucket:
        expected = f"'virtual' or nothing: {provider.name} wants the bucket in the host name, and is giving up paths"
        yield Contradiction("addressing.path", "ADDRESSING_STYLE", "'path'", expected, certain=False)
    if written.addressing_style == "virtual" and provider.addressing == "path":
        expected = f"'path' or nothing, unless {provider.name} answers at a host name for each bucket"
        yield Contradiction("addressing.virtual", "ADDRESSING_STYLE", "'virtual'", expected, certain=False)
    if "." in written.bucket and not provider.software and written.addressing_style == "virtual":
        found = f"{written.bucket!r}, a name with dots"
        expected = f"hyphens instead, or path style: no certificate of {provider.name} covers such a host name"
        yield Contradiction("bucket.has-dots", "BUCKET", found, expected, certain=False)


def _acl(written: Written, provider: Provider, is_named: bool) -> Iterator[Contradiction]:
    if written.acl == "public-read" and provider.access != "acl":
        decides = "the bucket's policy" if provider.access == "policy" else "a setting of the bucket"
        expected = f"'none': at {provider.name}, {decides} says who may read"
        yield Contradiction("acl.not-honoured", "DEFAULT_ACL", "'public-read'", expected, certain=False)


# What the values look like where they are right


def _endpoint_without_bucket(written: Written) -> str:
    """Return the endpoint as it would be without the bucket's name in front of its host or behind it."""
    endpoint = written.endpoint_url.rstrip("/")
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    host, path = parts.netloc, parts.path
    if host.startswith(f"{written.bucket}.") and _has_one_name_too_many(host):
        host = host.removeprefix(f"{written.bucket}.")
    if path == f"/{written.bucket}":
        path = ""
    return parts._replace(netloc=host, path=path).geturl()


def _has_one_name_too_many(host: str) -> bool:
    """Return whether *host* may lose its first name. A bucket may be called s3, or like the server of its owner."""
    if any(claims(provider, host, exactly=True) for provider in providers().values()):
        return False
    _, _, rest = host.partition(".")
    return rest.count(".") >= 2 or recognise(f"https://{rest}").id != GENERIC


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _region_in(host: str, provider: Provider) -> str | None:
    """Return the region that a host name of *provider* holds, None if it holds none."""
    for template in provider.hosts:
        pattern = re.escape(template).replace(re.escape("{region}"), r"(?P<region>[a-z0-9-]+)")
        if (match := re.fullmatch(pattern, host)) and "region" in match.groupdict():
            return match["region"]
    return None


def _own_address(bucket: str, region: str, provider: Provider) -> str:
    """Return the public address that *provider* gives the bucket by itself; "" where it gives none, or none we know."""
    if not provider.public_url or ("{region}" in provider.public_url and not region):
        return ""
    return provider.public_url.format(bucket=bucket, region=region).lower()


def _is_an_address_of(provider: Provider, domain: str) -> bool:
    """Return whether *domain* is what *provider* calls some bucket: its own form, with any bucket and region."""
    pattern = re.escape(provider.public_url)
    for placeholder in ("bucket", "region"):
        pattern = pattern.replace(re.escape(f"{{{placeholder}}}"), r"[a-z0-9-]+")
    return re.fullmatch(pattern, domain) is not None


def _a_region_of(provider: Provider) -> str:
    return f"a region of {provider.name}, such as {', '.join(provider.regions[:4])}"


def _its_endpoint(provider: Provider) -> str:
    if provider.needs_endpoint:
        return provider.endpoint_hint.rstrip(".") or f"the address of your own {provider.name}"
    return f"{provider.endpoint!r}, or nothing: it follows from the region"
