"""Read the ``EXTERNAL_STORAGE`` setting once, check it, and hand out typed values and the stores they describe.

Everything below this module takes arguments. A wrong or missing value raises `SettingsError`, which names the setting
(as the owner knows it, see ``CONFIGURED_BY``), what was found (never a secret) and what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..errors import SettingsError
from ..objects import PublishingRule
from ..providers import Provider, addresses, called, recognise
from ..providers.contradictions import Contradiction, Written, contradictions

if TYPE_CHECKING:
    from ..stores.base import Store

SETTING = "EXTERNAL_STORAGE"
PUBLIC_READ, PRIVATE = "public-read", "private"
WEB_DEADLINE = 10.0
"""Seconds a visitor waits for a store, at most, where ``DEADLINE`` says nothing else."""

DerivedKeys = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """A folder of this machine."""

    name: str
    root: Path
    public_url: str
    internal_url: str = ""
    """Where the web server before the site finds the same files, for `X-Accel-Redirect` alone; "" if it does not."""


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """A bucket, or the part of one under a prefix, of an S3-compatible service."""

    name: str
    bucket: str
    prefix: str
    region: str | None
    endpoint_url: str | None
    custom_domain: str | None
    use_https: bool
    acl: str | None
    """The ACL a public object gets; None where the bucket alone decides who may read."""
    addressing_style: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    written: Written | None = None
    """What the owner wrote of it; None where it was not the settings that described it."""

    @property
    def service(self) -> Provider:
        """The service that keeps it: the one the owner named, or else the one whose address the endpoint is."""
        named = called(self.written.provider) if self.written and self.written.provider else None
        return named or recognise(self.endpoint_url)

    @property
    def public_url(self) -> str:
        return addresses.public_url(
            self.bucket,
            prefix=self.prefix,
            region=self.region,
            endpoint_url=self.endpoint_url,
            custom_domain=self.custom_domain,
            use_https=self.use_https,
            provider=self.service,
        )

    @property
    def contradictions(self) -> list[Contradiction]:
        """What its owner wrote that does not go together, or not with what is known of the service."""
        return contradictions(self.written) if self.written else []


StoreSettings = LocalSettings | BucketSettings


@dataclass(frozen=True, slots=True)
class Alias:
    """One of Django's storage aliases: which stores it knows, which one it uses, and what may become public."""

    name: str
    active: str
    stores: tuple[str, ...]
    publishing_rule: PublishingRule | None
    derived_keys: DerivedKeys
    private: bool = False
    """Whether no stranger may ever read its files (archives, exports): then they need a bucket of their own."""
    served_at: str = ""
    """The URL below which the site itself answers for these files; "" for that of the first folder among the stores."""

    @property
    def rule(self) -> PublishingRule:
        """The alias's publishing rule. Raise `SettingsError` if the site never said what may become public."""
        if self.publishing_rule is None:
            raise SettingsError(
                f"The alias {self.name!r} does not say which of its files may become public.",
                setting=f'{SETTING}["ALIASES"]["{self.name}"]["PUBLISHING_RULE"]',
                remedy="Name a function that takes a key and the first bytes and returns Publish or HoldBack.",
            )
        return self.publishing_rule


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole setting, checked."""

    stores: Mapping[str, StoreSettings]
    aliases: Mapping[str, Alias]
    deadline: float
    configured_by: Mapping[str, str]
    site_origins: tuple[str, ...]
    """The origins (``https://books.example``) at which the site's pages are read; what CORS has to allow."""
    state_dir: Path | None = None
    """Where runs leave what makes the next one quicker; it may be thrown away at any time."""
    secret_files: tuple[Path, ...] = ()
    """Files of this machine that hold secrets, such as ``.env``; the doctor looks at who may read them."""

    def known_as(self, value: str) -> str:
        """Return how the owner calls the setting behind *value*, e.g. ``AWS_S3_ENDPOINT_URL`` for ``ENDPOINT_URL``."""
        return self.configured_by.get(value, value)


# What the rest of the site asks for


@cache
def configuration() -> Configuration:
    """Return the checked settings of this process. Raise `SettingsError` for the first problem found."""
    found = getattr(settings, SETTING, None)
    if found is None:
        raise SettingsError(
            f"The setting {SETTING} is missing.", setting=SETTING, remedy="See docs/reference/settings.md."
        )
    return read(found)


def alias_named(name: str) -> Alias:
    """Return the alias *name*, with the store it uses now. Raise `SettingsError` if the settings do not describe it."""
    from .moving.state import state_of  # Models are ready only after the settings, which import this module.

    configured = configured_alias(name)
    active = state_of(name).active
    return configured if active == configured.active else replace(configured, active=active)


def aliases() -> list[Alias]:
    """Return every alias, with the store it uses now."""
    return [alias_named(name) for name in configuration().aliases]


def configured_alias(name: str) -> Alias:
    """Return the alias *name* as the settings have it. Raise `SettingsError` if they do not describe it."""
    try:
        return configuration().aliases[name]
    except KeyError:
        known = ", ".join(sorted(configuration().aliases)) or "none"
        raise SettingsError(
            f"There is no alias {name!r}.",
            setting=f'{SETTING}["ALIASES"]',
            remedy=f"Known aliases: {known}.",
        ) from None


def store_settings(name: str) -> StoreSettings:
    """Return what the settings say of the store *name*. Raise `SettingsError` if they say nothing."""
    try:
        return configuration().stores[name]
    except KeyError:
        known = ", ".join(sorted(configuration().stores)) or "none"
        raise SettingsError(
            f"There is no store {name!r}.",
            setting=f'{SETTING}["STORES"]',
            remedy=f"Known stores: {known}.",
        ) from None


@cache
def store_named(name: str) -> Store:
    """Return the store *name*, opened for the bulk path. No request is made."""
    described = store_settings(name)
    # Here and not above: the site's settings module imports this one for its URLs, and opens no store.
    from .walking import SiteBucket, SiteFolder

    if isinstance(described, LocalSettings):
        return SiteFolder(described.name, described.root)
    return SiteBucket(
        described.name,
        bucket=described.bucket,
        prefix=described.prefix,
        region=described.region or "",
        endpoint_url=described.endpoint_url,
        access_key_id=described.access_key_id,
        secret_access_key=described.secret_access_key,
        acl=described.acl,
        addressing_style=described.addressing_style,
    )


def public_hosts() -> list[str]:
    """Return the origins (``https://host[:port]``) browsers fetch this site's files from, for its CSP and CORS.

    Of an alias that is being moved both stores count, because a page may be older or newer than the step. The list has
    no duplicates and is sorted; stores without an absolute public URL are not in it.
    """
    from .moving.state import state_of

    in_use = [store for name in configuration().aliases for store in state_of(name).in_use]
    public = {store_settings(store).public_url for store in in_use}
    return sorted({addresses.origin(url) for url in public if urlsplit(url).netloc})


def public_url_in_use(alias: str) -> str:
    """Return the base URL that links to files of *alias* have now: absolute, or a path on the site's own host."""
    from .moving.state import state_of

    state = state_of(alias)
    return served_at(alias) if state.links_to_the_site else store_settings(state.active).public_url


def public_urls_in_use(alias: str) -> list[str]:
    """Return the base URL of every store that pages may name files of *alias* in now: of both while it is moved."""
    from .moving.state import state_of

    return [store_settings(store).public_url for store in state_of(alias).in_use]


def served_at(alias: str) -> str:
    """Return the URL below which the site itself answers for the files of *alias*, wherever they are.

    Raise `SettingsError` if the settings do not tell.
    """
    configured = configured_alias(alias)
    if configured.served_at:
        return configured.served_at
    for store in map(store_settings, configured.stores):
        if isinstance(store, LocalSettings):
            return store.public_url
    raise SettingsError(
        f"Where the site itself serves the files of {alias!r} is not known.",
        setting=f'{SETTING}["ALIASES"]["{alias}"]["SERVED_AT"]',
        remedy="Route a path to external_storage.django.views.serve, and name it here.",
    )


def public_urls() -> list[str]:
    """Return the public base URL of every configured store, in use or not."""
    return sorted({store.public_url for store in configuration().stores.values()})


def public_url_of(store: Mapping[str, Any]) -> str:
    """Return the public URL of one entry of ``STORES``, for a settings module that sets ``MEDIA_URL`` from it."""
    return _store("settings", store, {}).public_url


def forget() -> None:
    """Read the setting again on the next use (tests change it)."""
    configuration.cache_clear()
    store_named.cache_clear()


def _forget_when_changed(*, setting: str, **_: object) -> None:
    if setting == SETTING:
        forget()


setting_changed.connect(_forget_when_changed)


# Reading and checking


def read(found: Mapping[str, Any]) -> Configuration:
    """Turn the raw setting into typed values. Raise `SettingsError` for the first value that is missing or wrong."""
    known = {"STORES", "ALIASES", "DEADLINE", "CONFIGURED_BY", "SITE_ORIGINS", "STATE_DIR", "SECRET_FILES"}
    _refuse_unknown(found, known, SETTING)
    called = dict(found.get("CONFIGURED_BY", {}))
    stores = {name: _store(name, values, called) for name, values in _mapping(found, "STORES").items()}
    aliases = {name: _alias(name, values, stores) for name, values in _mapping(found, "ALIASES").items()}
    return Configuration(
        stores,
        aliases,
        _deadline(found.get("DEADLINE", WEB_DEADLINE)),
        called,
        tuple(_origin(value) for value in found.get("SITE_ORIGINS", ())),
        _state_dir(found.get("STATE_DIR")),
        tuple(_absolute_path("SECRET_FILES", value) for value in found.get("SECRET_FILES", ())),
    )


def _mapping(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    if not isinstance(value, Mapping) or not value:
        raise SettingsError(
            f'{SETTING}["{key}"] is missing or empty.',
            setting=f'{SETTING}["{key}"]',
            remedy="See docs/reference/settings.md for an example.",
        )
    return value


def _deadline(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 60:
        raise SettingsError(
            f'{SETTING}["DEADLINE"] is {value!r}.',
            setting=f'{SETTING}["DEADLINE"]',
            remedy="Expected: seconds, more than 0 and at most 60.",
        )
    return float(value)


def _origin(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise SettingsError(
            f'{SETTING}["SITE_ORIGINS"] holds {value!r}.',
            setting=f'{SETTING}["SITE_ORIGINS"]',
            remedy="Expected: scheme and host alone, such as https://books.example.org.",
        )
    return addresses.origin(value)


def _state_dir(value: Any) -> Path | None:
    return None if value is None else _absolute_path("STATE_DIR", value)


def _absolute_path(key: str, value: Any) -> Path:
    if not isinstance(value, str | Path) or not Path(value).is_absolute():
        setting = f'{SETTING}["{key}"]'
        raise SettingsError(f"{setting} is {value!r}.", setting=setting, remedy="Expected: an absolute path.")
    return Path(value)


def _alias(name: str, values: Mapping[str, Any], stores: Mapping[str, StoreSettings]) -> Alias:
    where = f'{SETTING}["ALIASES"]["{name}"]'
    _refuse_unknown(values, {"ACTIVE", "STORES", "PUBLISHING_RULE", "DERIVED_KEYS", "PRIVATE", "SERVED_AT"}, where)
    active = values.get("ACTIVE")
    known = tuple(values.get("STORES", (active,)))
    for store in (active, *known):
        if store not in stores:
            raise SettingsError(
                f"The alias {name!r} names the store {store!r}, which is not configured.",
                setting=f'{where}["ACTIVE"]',
                remedy=f"Configured stores: {', '.join(sorted(stores))}.",
            )
    if active not in known:
        known = (active, *known)
    rule, derived = values.get("PUBLISHING_RULE"), values.get("DERIVED_KEYS")
    return Alias(
        name=name,
        active=active,
        stores=known,
        publishing_rule=_imported_when_called(rule, f'{where}["PUBLISHING_RULE"]') if rule else None,
        derived_keys=_imported_when_called(derived, f'{where}["DERIVED_KEYS"]') if derived else _nothing_derived,
        private=bool(values.get("PRIVATE", False)),
        served_at=_served_at(values.get("SERVED_AT", ""), where),
    )


def _served_at(value: Any, where: str) -> str:
    if value == "" or (isinstance(value, str) and value.endswith("/")):
        return value
    setting = f'{where}["SERVED_AT"]'
    raise SettingsError(f"{setting} is {value!r}.", setting=setting, remedy="Expected: a URL that ends with a slash.")


def _nothing_derived(key: str) -> list[str]:
    return []


def _imported_when_called(path: Any, setting: str) -> Callable[..., Any]:
    """Return a function that imports the one at *path* on its first call: its module may not be ready when we read."""
    if callable(path):
        return path

    @cache
    def imported() -> Callable[..., Any]:
        try:
            return import_string(path)
        except (ImportError, AttributeError, TypeError) as problem:
            raise SettingsError(
                f"{path!r} cannot be imported: {problem}.",
                setting=setting,
                remedy="Expected: the dotted path of a function.",
            ) from problem

    return lambda *arguments: imported()(*arguments)


def _store(name: str, values: Mapping[str, Any], called: Mapping[str, str]) -> StoreSettings:
    if not isinstance(values, Mapping):
        raise SettingsError(f'{SETTING}["STORES"]["{name}"] is not a dictionary.', setting=f'{SETTING}["STORES"]')
    kind = values.get("KIND")
    if kind == "local":
        return _local(_Values(name, values, called))
    if kind == "s3":
        return _bucket(_Values(name, values, called))
    raise SettingsError(
        f"The store {name!r} is of kind {kind!r}.",
        setting=f'{SETTING}["STORES"]["{name}"]["KIND"]',
        remedy='Expected: "local" or "s3".',
    )


class _Values:
    """The raw values of one store, asked for one by one."""

    def __init__(self, store: str, values: Mapping[str, Any], called: Mapping[str, str]) -> None:
        self.store, self._values, self._called = store, values, called

    def only(self, *known: str) -> None:
        _refuse_unknown(self._values, {"KIND", *known}, f'{SETTING}["STORES"]["{self.store}"]')

    def setting(self, key: str) -> str:
        return self._called.get(key, f'{SETTING}["STORES"]["{self.store}"]["{key}"]')

    def wrong(self, key: str, found: str, expected: str) -> SettingsError:
        return SettingsError(
            f"{self.setting(key)} is {found}.", setting=self.setting(key), remedy=f"Expected: {expected}."
        )

    def text(self, key: str, expected: str, *, secret: bool = False) -> str:
        """Return a value that must be there."""
        value = self.optional_text(key, expected, secret=secret)
        if value is None:
            raise self.wrong(key, "missing or empty", expected)
        return value

    def optional_text(self, key: str, expected: str, *, secret: bool = False) -> str | None:
        value = self._values.get(key)
        if value is None or value == "":
            return None
        # "None" is what becomes of a missing value that was put into a string on its way here.
        if not isinstance(value, str) or value == "None" or value != value.strip() or _CONTROL.search(value):
            raise self.wrong(key, "not what it should be" if secret else repr(value), expected)
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, repr(value), "True or False")
        return value

    def one_of(self, key: str, choices: tuple[str, ...], default: str) -> str:
        value = self._values.get(key)
        value = default if value is None else value
        if value not in choices:
            raise self.wrong(key, repr(value), " or ".join(repr(choice) for choice in choices))
        return value

    def raw(self, key: str) -> Any:
        return self._values.get(key)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_REGION = re.compile(r"[A-Za-z0-9-]+")
_DOMAIN = re.compile(r"(https?://)?[A-Za-z0-9_.\[\]:-]+(/[A-Za-z0-9._~/-]*)?")


def _local(values: _Values) -> LocalSettings:
    values.only("ROOT", "PUBLIC_URL", "INTERNAL_URL")
    root = values.raw("ROOT")
    if not isinstance(root, str | Path) or not str(root).strip() or not Path(root).is_absolute():
        raise values.wrong("ROOT", repr(root), "the absolute path of a folder")
    public_url = values.text("PUBLIC_URL", "the URL the folder is served at, e.g. /images/")
    if not public_url.endswith("/"):
        raise values.wrong("PUBLIC_URL", repr(public_url), "a URL that ends with a slash")
    return LocalSettings(values.store, Path(root), public_url, _internal_url(values))


def _internal_url(values: _Values) -> str:
    expected = "a path that begins and ends with a slash, such as /-/images/"
    url = values.optional_text("INTERNAL_URL", expected) or ""
    if url and not re.fullmatch(r"/([\w.-]+/)+", url):
        raise values.wrong("INTERNAL_URL", repr(url), expected)
    return url


def _bucket(values: _Values) -> BucketSettings:
    values.only(
        *("PROVIDER", "BUCKET", "PREFIX", "REGION", "ENDPOINT_URL", "CUSTOM_DOMAIN", "USE_HTTPS"),
        *("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_ACL", "ADDRESSING_STYLE"),
    )
    written = _written(values)
    service = called(written.provider) if written.provider else None
    region = written.region or (service.default_region if service else "")
    return BucketSettings(
        name=values.store,
        bucket=written.bucket,
        prefix=_prefix(values),
        region=region or None,
        endpoint_url=written.endpoint_url or _known_endpoint(service, region),
        custom_domain=written.custom_domain or None,
        use_https=values.flag("USE_HTTPS", True),
        acl=_acl(values, service),
        addressing_style=written.addressing_style or _usual_addressing(service, written.bucket),
        access_key_id=values.text("ACCESS_KEY_ID", "the id of an access key", secret=True),
        secret_access_key=values.text("SECRET_ACCESS_KEY", "the secret that belongs to the access key", secret=True),
        written=written,
    )


def _written(values: _Values) -> Written:
    """Return the values that have to go together, each well formed. A service's name vouches for the rest of them."""
    bucket = values.text("BUCKET", "the bucket's name")
    if not _BUCKET_NAME.fullmatch(bucket):
        raise values.wrong("BUCKET", repr(bucket), "a bucket's name alone: letters, digits, dots and hyphens")
    acl = values.raw("DEFAULT_ACL")
    written = Written(
        bucket=bucket,
        provider=values.optional_text("PROVIDER", "the name of a storage service, such as scaleway") or "",
        region=_matching(values, "REGION", _REGION, "a region such as eu-west-1") or "",
        endpoint_url=_endpoint(values) or "",
        custom_domain=_matching(values, "CUSTOM_DOMAIN", _DOMAIN, "a domain such as media.example.org") or "",
        addressing_style=_addressing_style(values),
        acl=acl if isinstance(acl, str) else "",
    )
    if written.provider:
        for wrong in contradictions(written):
            if wrong.certain:
                raise values.wrong(wrong.value, wrong.found, wrong.expected)
    return written


def _addressing_style(values: _Values) -> str:
    written = values.raw("ADDRESSING_STYLE") not in (None, "")
    return values.one_of("ADDRESSING_STYLE", ("auto", "virtual", "path"), "auto") if written else ""


def _known_endpoint(service: Provider | None, region: str) -> str | None:
    """Return the endpoint that follows from the service's name; None for Amazon's, which both S3 clients know."""
    return None if service is None or service.id == "aws" else service.endpoint_in(region) or None


def _usual_addressing(service: Provider | None, bucket: str) -> str:
    # No certificate covers a host name with the dots of a bucket's name in it; "auto" goes by path there.
    return "auto" if service is None or "." in bucket else service.addressing


def _matching(values: _Values, key: str, pattern: re.Pattern[str], expected: str) -> str | None:
    value = values.optional_text(key, expected)
    if value is not None and not pattern.fullmatch(value):
        raise values.wrong(key, repr(value), expected)
    return value


def _prefix(values: _Values) -> str:
    prefix = (values.optional_text("PREFIX", "a path such as images/") or "").strip("/")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise values.wrong("PREFIX", repr(prefix), "a path without empty, '.' or '..' parts, such as images/")
    return f"{prefix}/" if prefix else ""


def _endpoint(values: _Values) -> str | None:
    expected = "the address of the S3 API alone, such as https://s3.fr-par.scw.cloud"
    endpoint = values.optional_text("ENDPOINT_URL", expected)
    if endpoint is None:
        return None
    parts = urlsplit(endpoint)
    if "@" in parts.netloc:
        raise values.wrong("ENDPOINT_URL", "an address with a user name or password in it", expected)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise values.wrong("ENDPOINT_URL", repr(endpoint), expected)
    return endpoint.rstrip("/")


def _acl(values: _Values, service: Provider | None) -> str | None:
    """Return the ACL of public objects: "public-read" unless the owner or the service's file says otherwise.

    Without the service's name an unset value must work on stores that need the ACL; those that refuse it are noticed,
    and then go without.
    """
    acl = values.raw("DEFAULT_ACL")
    if acl is None:
        return PUBLIC_READ if service is None or service.access == "acl" else None
    if acl in ("", "none"):
        return None
    return values.one_of("DEFAULT_ACL", (PUBLIC_READ, PRIVATE), PUBLIC_READ)


def _refuse_unknown(values: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(values) - known):
        raise SettingsError(
            f"{where} has {unknown[0]!r}, which means nothing.",
            setting=where,
            remedy=f"Known keys: {', '.join(sorted(known))}.",
        )
