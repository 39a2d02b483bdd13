"""What each storage service is like, as data: one TOML file per service, and how to tell which one an endpoint is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from .prices import Prices, prices_in

GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Provider:
    """One service. Templates may name ``{region}`` and ``{bucket}``; an empty one means "not known"."""

    id: str
    name: str
    endpoint: str
    """The API's address, e.g. ``https://s3.{region}.scw.cloud``; empty for software people run themselves."""
    public_url: str
    """Host (and path) of a bucket's public address, without scheme; empty means path style below the endpoint."""
    hosts: tuple[str, ...]
    """Templates of the endpoint's host name, by which the service is recognised."""
    addressing: str
    """``auto``, ``virtual`` (bucket in the host name) or ``path``."""
    access: str
    """How objects are made public: ``acl`` (on each object), ``policy`` (on the bucket) or ``console``."""
    cors: str
    """How CORS is set: ``api`` (PutBucketCors) or ``console`` (only by hand, or in the server's own settings)."""
    cors_hint: str
    """Where the owner finds the setting when it is not in the API, as one sentence."""
    sources: tuple[str, ...]
    """Where these values were read."""
    prices: Prices | None = None
    """Its list price; None for software that people run themselves, and where none is known."""


@cache
def providers() -> dict[str, Provider]:
    """Return every known service by its id."""
    found = (entry for entry in files(__package__).iterdir() if entry.name.endswith(".toml"))
    loaded = (_read(entry.name.removesuffix(".toml"), entry.read_text("utf-8")) for entry in found)
    return {provider.id: provider for provider in sorted(loaded, key=lambda provider: provider.id)}


def recognise(endpoint_url: str | None) -> Provider:
    """Return the service behind *endpoint_url*: Amazon where there is none, the generic one where nobody claims it."""
    if not endpoint_url:
        return providers()["aws"]
    host = urlsplit(endpoint_url).hostname or ""
    matches = (provider for provider in providers().values() if _claims(provider, host))
    return next(matches, providers()[GENERIC])


def _claims(provider: Provider, host: str) -> bool:
    return any(re.fullmatch(_host_pattern(template), host) for template in provider.hosts)


def _host_pattern(template: str) -> str:
    pattern = re.escape(template)
    for placeholder in ("region", "bucket", "account"):
        pattern = pattern.replace(re.escape(f"{{{placeholder}}}"), r"[a-z0-9.-]+")
    return pattern


def _read(identifier: str, text: str) -> Provider:
    values = tomllib.loads(text)
    return Provider(
        id=identifier,
        name=values["name"],
        endpoint=values.get("endpoint", ""),
        public_url=values.get("public_url", ""),
        hosts=tuple(values.get("hosts", ())),
        addressing=values.get("addressing", "auto"),
        access=values["access"],
        cors=values["cors"],
        cors_hint=values.get("cors_hint", ""),
        sources=tuple(values["sources"]),
        prices=prices_in(values),
    )
