"""What each storage service is like, as data: one TOML file per service, and how to tell which one an endpoint is."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from .prices import Prices, prices_in

GENERIC = "generic"

SENTENCES = ("cors_hint", "access_hint", "endpoint_hint", "domain_hint", "remark")
"""What a file says to its reader; ``[fr]`` holds the same in French."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One service. Templates name ``{region}``, ``{bucket}`` and ``{account}``; an empty value means "not known"."""

    id: str
    name: str
    also: tuple[str, ...]
    """Other names that people use for it."""
    software: bool
    """Whether people run it themselves, so that its address is theirs."""
    endpoint: str
    """The API's address, e.g. ``https://s3.{region}.scw.cloud``; empty where only the owner knows it."""
    public_url: str
    """Host (and path) of a bucket's public address, without scheme; empty means path style below the endpoint."""
    needs_domain: bool
    """Whether strangers can read nothing at the endpoint, so that the owner must say where they can."""
    hosts: tuple[str, ...]
    """Templates of the endpoint's host name, by which the service is recognised."""
    regions: tuple[str, ...]
    """The regions known when the file was written; the service may have more by now."""
    default_region: str
    """The region to sign with where the owner names none; empty where one has to be named."""
    addressing: str
    """``auto`` (both work), ``virtual`` (bucket in the host name) or ``path``."""
    access: str
    """How objects are made public: ``acl`` (on each object), ``policy`` (on the bucket) or ``console`` (neither)."""
    cors: str
    """How CORS is set: ``api`` (PutBucketCors), ``console`` (only by hand, or in the server's own settings), or
    ``always``: every origin is let in, and nothing can be set."""
    checksums: str
    """What it makes of the checksum headers and trailers that newer SDKs send unasked: ``taken``, ``partly``,
    ``refused`` or ``unknown``. We send none."""
    content_md5: str
    """Whether an upload whose Content-MD5 does not fit is refused: ``checked``, ``ignored`` or ``unknown``."""
    signed_url_days: int
    """How long a signed URL may live at most; 0 where that is not known."""
    cors_hint: str
    """Where the owner finds the CORS setting when it is not in the API, as one sentence."""
    access_hint: str
    """What an owner has to do before strangers can read anything, beyond the usual."""
    endpoint_hint: str
    """Where the owner finds the endpoint."""
    domain_hint: str
    """Where the owner finds, or makes, the address that strangers read at."""
    remark: str
    """What else is worth knowing before choosing it."""
    french: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]
    """Where each value was read: a URL, or a test of this project that asks a real server."""
    unconfirmed: tuple[str, ...]
    """The values for which no such place was found; a price is called ``prices.out``."""
    prices: Prices | None = field(default=None)
    """Its list price; None for software that people run themselves, and where none is known."""

    @property
    def needs_region(self) -> bool:
        return "{region}" in self.endpoint and not self.default_region

    @property
    def needs_endpoint(self) -> bool:
        return not self.endpoint or "{account}" in self.endpoint

    def endpoint_in(self, region: str) -> str:
        """Return the API's address in *region*; "" where only the owner knows it."""
        if self.needs_endpoint or ("{region}" in self.endpoint and not region):
            return ""
        return self.endpoint.format(region=region)

    def in_words(self, sentence: str, language: str = "en") -> str:
        """Return one of `SENTENCES` in *language*; English where there is no other, "" where nothing needs saying."""
        english: str = getattr(self, sentence)
        return self.french.get(sentence, english) if language == "fr" else english


@cache
def providers() -> dict[str, Provider]:
    """Return every known service by its id."""
    found = (entry for entry in files(__package__).iterdir() if entry.name.endswith(".toml"))
    loaded = (_read(entry.name.removesuffix(".toml"), entry.read_text("utf-8")) for entry in found)
    return {provider.id: provider for provider in sorted(loaded, key=lambda provider: provider.id)}


def called(name: str) -> Provider | None:
    """Return the service that people call *name*, by its id or another of its names; None for nobody's."""
    wanted = name.strip().lower()
    known = providers()
    return known.get(wanted) or next((each for each in known.values() if wanted in each.also), None)


def named_like(name: str) -> list[str]:
    """Return the ids that *name* may have been meant for, the likeliest first; every id if none is close."""
    names = {alias: each.id for each in providers().values() for alias in (each.id, *each.also)}
    close = difflib.get_close_matches(name.strip().lower(), names, n=3, cutoff=0.6)
    return list(dict.fromkeys(names[alias] for alias in close)) or sorted(providers())


@lru_cache
def recognise(endpoint_url: str | None) -> Provider:
    """Return the service behind *endpoint_url*: Amazon where there is none, the generic one where nobody claims it."""
    if not endpoint_url:
        return providers()["aws"]
    host = urlsplit(endpoint_url).hostname or ""
    matches = (provider for provider in providers().values() if claims(provider, host))
    return next(matches, providers()[GENERIC])


def claims(provider: Provider, host: str, *, exactly: bool = False) -> bool:
    """Return whether *host* is one of the service's; *exactly*: with nothing in front, such as a bucket's name."""
    return any(_host_pattern(template, exactly).fullmatch(host) for template in provider.hosts)


@cache
def _host_pattern(template: str, exactly: bool) -> re.Pattern[str]:
    pattern = re.escape(template)
    for placeholder in ("region", "bucket", "account"):
        pattern = pattern.replace(re.escape(f"{{{placeholder}}}"), r"[a-z0-9-]+" if exactly else r"[a-z0-9.-]+")
    return re.compile(pattern)


def _read(identifier: str, text: str) -> Provider:
    values = tomllib.loads(text)
    unconfirmed = tuple(values.get("unconfirmed", ()))
    return Provider(
        id=identifier,
        name=values["name"],
        also=tuple(values.get("also", ())),
        software=values.get("software", False),
        endpoint=values.get("endpoint", ""),
        public_url=values.get("public_url", ""),
        needs_domain=values.get("needs_domain", False),
        hosts=tuple(values.get("hosts", ())),
        regions=tuple(values.get("regions", ())),
        default_region=values.get("default_region", ""),
        addressing=values.get("addressing", "auto"),
        access=values["access"],
        cors=values["cors"],
        checksums=values.get("checksums", "unknown"),
        content_md5=values.get("content_md5", "unknown"),
        signed_url_days=values.get("signed_url_days", 0),
        **{sentence: values.get(sentence, "") for sentence in SENTENCES},
        french=MappingProxyType(values.get("fr", {})),
        sources=_sources(values["sources"]),
        unconfirmed=unconfirmed,
        prices=prices_in(values, unconfirmed),
    )


def _sources(table: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    found = {value: (where,) if isinstance(where, str) else tuple(where) for value, where in table.items()}
    return MappingProxyType(found)
