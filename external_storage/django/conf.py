"""Read the ``EXTERNAL_STORAGE`` setting once, check it, and hand out typed values and the stores they describe.

Everything below this module takes arguments. A wrong or missing value raises `SettingsError`, which names the setting
(as the owner knows it, see ``CONFIGURED_BY``), what was found (never a secret) and what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..errors import SettingsError
from ..objects import PublishingRule
from ..providers import Provider, addresses, called
from ..providers.contradictions import Written, contradictions
from ..sentences import say
from ..stores.libcloud import DRIVERS as LIBCLOUD_DRIVERS
from .kinds import (
    BucketSettings,
    DjangoStorageSettings,
    LibcloudSettings,
    LocalSettings,
    SftpSettings,
    StoreSettings,
)
from .publishing import nothing_public

if TYPE_CHECKING:
    from ..stores.base import Store

SETTING = "EXTERNAL_STORAGE"
PUBLIC_READ, PRIVATE = "public-read", "private"
WEB_DEADLINE = 10.0
"""Seconds a visitor waits for a store, at most, where ``DEADLINE`` says nothing else."""
USUAL_CACHE, SMALLEST_CACHE = 2**30, 2**20
"""Bytes of copies kept on this machine: where ``CACHE`` does not say how many, and the least it may say."""
COMMAND_PREFIX = "python manage.py"
"""What is typed before a command, where ``COMMAND_PREFIX`` says nothing else."""

DIRECT, REDIRECT, PROXY = "direct", "redirect", "proxy"
"""How files are served: linked to where strangers read them, led there by the site, or sent by the site itself."""

DerivedKeys = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Alias:
    """One of Django's storage aliases: which stores it knows, which one it uses, and what may become public."""

    name: str
    active: str
    stores: tuple[str, ...]
    publishing_rule: PublishingRule | None
    derived_keys: DerivedKeys
    private: bool = False
    """Whether no stranger may ever read its files (archives, exports): then they need a place of their own."""
    served_at: str = ""
    """The URL below which the site itself answers for these files; "" for that of the first folder among the stores."""
    serving: str = ""
    """How its files are served, as the site chose; "" to go by the store in use (see `serving_of`)."""

    @property
    def rule(self) -> PublishingRule:
        """The alias's publishing rule. Raise `SettingsError` if the site never said what may become public.

        Of a private alias nothing may, and that need not be said.
        """
        if self.publishing_rule is None and self.private:
            return nothing_public
        if self.publishing_rule is None:
            raise SettingsError(
                say("The alias {name!r} does not say which of its files may become public.", name=self.name),
                setting=f'{SETTING}["ALIASES"]["{self.name}"]["PUBLISHING_RULE"]',
                remedy=say("Name a function that takes a key and the first bytes and returns Publish or HoldBack."),
            )
        return self.publishing_rule


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where copies of files that live elsewhere are kept on this machine, and how much room they may take."""

    folder: Path
    most_bytes: int


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
    cache: CacheSettings | None = None
    command_prefix: str = COMMAND_PREFIX
    """What the owner types before a command of the site, so that a remedy can be typed as it stands."""

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
            say("The setting {settings} is missing.", settings=SETTING),
            setting=SETTING,
            remedy=say("See docs/reference/settings.md."),
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
            say("There is no alias {name!r}.", name=name),
            setting=f'{SETTING}["ALIASES"]',
            remedy=say("Known aliases: {known}.", known=known),
        ) from None


def store_settings(name: str) -> StoreSettings:
    """Return what the settings say of the store *name*. Raise `SettingsError` if they say nothing."""
    try:
        return configuration().stores[name]
    except KeyError:
        known = ", ".join(sorted(configuration().stores)) or "none"
        raise SettingsError(
            say("There is no store {name!r}.", name=name),
            setting=f'{SETTING}["STORES"]',
            remedy=say("Known stores: {known}.", known=known),
        ) from None


@cache
def store_named(name: str) -> Store:
    """Return the store *name*, opened for the bulk path. No request is made."""
    # Here and not above: the site's settings module imports this one for its URLs, and opens no store.
    from .walking import opened

    return opened(store_settings(name))


def public_hosts() -> list[str]:
    """Return the origins (``https://host[:port]``) browsers fetch this site's files from, for its CSP and CORS.

    Of an alias that is being moved both stores count, because a page may be older or newer than the step. The list has
    no duplicates and is sorted; stores without an absolute public URL are not in it. A browser that the site leads to a
    store has to be allowed to go there as well.
    """
    urls = {url for name in configuration().aliases for url in public_urls_in_use(name)}
    return sorted({addresses.origin(url) for url in urls if urlsplit(url).netloc})


def serving_of(alias: str) -> str:
    """Return how files of *alias* are served now: `DIRECT`, `REDIRECT` or `PROXY`.

    As the site chose; else directly, unless strangers have no way to the store in use.
    """
    from .moving.state import state_of

    chosen = configured_alias(alias).serving
    return chosen or (DIRECT if store_settings(state_of(alias).active).public_url else PROXY)


def public_url_in_use(alias: str) -> str:
    """Return the base URL that links to files of *alias* have now: absolute, or a path on the site's own host."""
    from .moving.state import state_of

    state = state_of(alias)
    if state.links_to_the_site or serving_of(alias) != DIRECT:
        return served_at(alias)
    return store_settings(state.active).public_url


def public_urls_in_use(alias: str) -> list[str]:
    """Return the base URL of every store that pages may name files of *alias* in now: of both while it is moved.

    A store that strangers have no way to, or are given none, counts as the site. Pages name no file of a private alias.
    """
    from .moving.state import state_of

    if configured_alias(alias).private:
        return []
    if configured_alias(alias).serving == PROXY:
        return [served_at(alias)]
    return [store_settings(store).public_url or served_at(alias) for store in state_of(alias).in_use]


def served_at(alias: str) -> str:
    """Return the URL below which the site itself answers for the files of *alias*, wherever they are.

    Raise `SettingsError` if the settings do not tell.
    """
    configured = configured_alias(alias)
    if configured.served_at:
        return configured.served_at
    for store in map(store_settings, configured.stores):
        if store.is_on_this_machine and store.public_url:
            return store.public_url
    raise SettingsError(
        say("Where the site itself serves the files of {alias!r} is not known.", alias=alias),
        setting=f'{SETTING}["ALIASES"]["{alias}"]["SERVED_AT"]',
        remedy=say("Route a path to external_storage.django.views.serve, and name it here."),
    )


def public_urls() -> list[str]:
    """Return the public base URL of every configured store that has one, in use or not."""
    return sorted({store.public_url for store in configuration().stores.values() if store.public_url})


def public_url_of(store: Mapping[str, Any]) -> str:
    """Return the public URL of one entry of ``STORES``, for a settings module that sets ``MEDIA_URL`` from it."""
    return described("settings", store).public_url


def described(name: str, store: Mapping[str, Any], configured_by: Mapping[str, str] | None = None) -> StoreSettings:
    """Return one entry of ``STORES``, checked before there is a whole setting. Raise `SettingsError` if it is wrong."""
    return _store(name, store, configured_by or {})


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
    known = {
        *("STORES", "ALIASES", "SITE_ORIGINS", "DEADLINE", "STATE_DIR", "CACHE"),
        *("SECRET_FILES", "CONFIGURED_BY", "COMMAND_PREFIX"),
    }
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
        _cache(found.get("CACHE")),
        _command_prefix(found.get("COMMAND_PREFIX", COMMAND_PREFIX)),
    )


def _mapping(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    if not isinstance(value, Mapping) or not value:
        raise SettingsError(
            say('{settings}["{key}"] is missing or empty.', settings=SETTING, key=key),
            setting=f'{SETTING}["{key}"]',
            remedy=say("See docs/reference/settings.md for an example."),
        )
    return value


def _deadline(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 60:
        raise SettingsError(
            say('{settings}["DEADLINE"] is {value!r}.', settings=SETTING, value=value),
            setting=f'{SETTING}["DEADLINE"]',
            remedy=say("Expected: seconds, more than 0 and at most 60."),
        )
    return float(value)


def _command_prefix(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise SettingsError(
            say("{setting} is {value!r}.", setting=f'{SETTING}["COMMAND_PREFIX"]', value=value),
            setting=f'{SETTING}["COMMAND_PREFIX"]',
            remedy=say("Expected: what is typed before a command, such as python manage.py."),
        )
    return value.strip()


def _origin(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise SettingsError(
            say('{settings}["SITE_ORIGINS"] holds {value!r}.', settings=SETTING, value=value),
            setting=f'{SETTING}["SITE_ORIGINS"]',
            remedy=say("Expected: scheme and host alone, such as https://books.example.org."),
        )
    return addresses.origin(value)


def _state_dir(value: Any) -> Path | None:
    return None if value is None else _absolute_path("STATE_DIR", value)


def _cache(values: Any) -> CacheSettings | None:
    if values is None:
        return None
    setting = f'{SETTING}["CACHE"]'
    if not isinstance(values, Mapping):
        raise SettingsError(
            say("{setting} is {values!r}.", setting=setting, values=values),
            setting=setting,
            remedy=say("Expected: FOLDER and MOST_BYTES."),
        )
    _refuse_unknown(values, {"FOLDER", "MOST_BYTES"}, setting)
    most_bytes = values.get("MOST_BYTES", USUAL_CACHE)
    if isinstance(most_bytes, bool) or not isinstance(most_bytes, int) or most_bytes < SMALLEST_CACHE:
        raise SettingsError(
            say('{setting}["MOST_BYTES"] is {most_bytes!r}.', setting=setting, most_bytes=most_bytes),
            setting=f'{setting}["MOST_BYTES"]',
            remedy=say("Expected: a number of bytes, at least {smallest}.", smallest=SMALLEST_CACHE),
        )
    return CacheSettings(_absolute_path('CACHE"]["FOLDER', values.get("FOLDER")), most_bytes)


def _absolute_path(key: str, value: Any) -> Path:
    if not isinstance(value, str | Path) or not Path(value).is_absolute():
        setting = f'{SETTING}["{key}"]'
        raise SettingsError(
            say("{setting} is {value!r}.", setting=setting, value=value),
            setting=setting,
            remedy=say("Expected: an absolute path."),
        )
    return Path(value)


def _alias(name: str, values: Mapping[str, Any], stores: Mapping[str, StoreSettings]) -> Alias:
    where = f'{SETTING}["ALIASES"]["{name}"]'
    known_keys = {"ACTIVE", "STORES", "PUBLISHING_RULE", "DERIVED_KEYS", "PRIVATE", "SERVED_AT", "SERVING"}
    _refuse_unknown(values, known_keys, where)
    active = values.get("ACTIVE")
    known = tuple(values.get("STORES", (active,)))
    for store in (active, *known):
        if store not in stores:
            raise SettingsError(
                say("The alias {name!r} names the store {store!r}, which is not configured.", name=name, store=store),
                setting=f'{where}["ACTIVE"]',
                remedy=say("Configured stores: {stores}.", stores=", ".join(sorted(stores))),
            )
    if active not in known:
        known = (active, *known)
    rule, derived = values.get("PUBLISHING_RULE"), values.get("DERIVED_KEYS")
    alias = Alias(
        name=name,
        active=active,
        stores=known,
        publishing_rule=_imported_when_called(rule, f'{where}["PUBLISHING_RULE"]') if rule else None,
        derived_keys=_imported_when_called(derived, f'{where}["DERIVED_KEYS"]') if derived else _nothing_derived,
        private=bool(values.get("PRIVATE", False)),
        served_at=_served_at(values.get("SERVED_AT", ""), where),
        serving=_serving(values.get("SERVING", ""), where),
    )
    _check_links(alias, [stores[store] for store in known], where)
    return alias


def _served_at(value: Any, where: str) -> str:
    if value == "" or (isinstance(value, str) and value.endswith("/")):
        return value
    setting = f'{where}["SERVED_AT"]'
    raise SettingsError(
        say("{setting} is {value!r}.", setting=setting, value=value),
        setting=setting,
        remedy=say("Expected: a URL that ends with a slash."),
    )


def _serving(value: Any, where: str) -> str:
    if value in ("", DIRECT, REDIRECT, PROXY):
        return value
    setting = f'{where}["SERVING"]'
    raise SettingsError(
        say("{setting} is {value!r}.", setting=setting, value=value),
        setting=setting,
        remedy=say("Expected: {direct!r}, {redirect!r} or {proxy!r}.", direct=DIRECT, redirect=REDIRECT, proxy=PROXY),
    )


def _check_links(alias: Alias, stores: list[StoreSettings], where: str) -> None:
    """Raise `SettingsError` if links to a public alias's files would lead nowhere in one of its stores."""
    unreachable = next((store for store in stores if not store.public_url), None)
    if unreachable is None or alias.private:
        return
    if alias.serving in (DIRECT, REDIRECT):
        setting = f'{where}["SERVING"]'
        raise SettingsError(
            say(
                "{setting} is {serving!r}, and the store {name!r} has no PUBLIC_URL to lead to.",
                setting=setting,
                serving=alias.serving,
                name=unreachable.name,
            ),
            setting=setting,
            remedy=say("Leave it out, or set it to {proxy!r}; or give the store its PUBLIC_URL.", proxy=PROXY),
        )
    if not alias.served_at and not any(store.is_on_this_machine and store.public_url for store in stores):
        setting = f'{where}["SERVED_AT"]'
        raise SettingsError(
            say(
                "The store {name!r} has no PUBLIC_URL, and where the site itself serves the files of "
                "{alias!r} is not known.",
                name=unreachable.name,
                alias=alias.name,
            ),
            setting=setting,
            remedy=say("Route a path to external_storage.django.views.serve, and name it here."),
        )


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
                say("{path!r} cannot be imported: {problem}.", path=path, problem=problem),
                setting=setting,
                remedy=say("Expected: the dotted path of a function."),
            ) from problem

    return lambda *arguments: imported()(*arguments)


def _store(name: str, values: Mapping[str, Any], called: Mapping[str, str]) -> StoreSettings:
    if not isinstance(values, Mapping):
        raise SettingsError(
            say('{settings}["STORES"]["{name}"] is not a dictionary.', settings=SETTING, name=name),
            setting=f'{SETTING}["STORES"]',
        )
    kind = values.get("KIND")
    if kind not in _READERS:
        raise SettingsError(
            say("The store {name!r} is of kind {kind!r}.", name=name, kind=kind),
            setting=f'{SETTING}["STORES"]["{name}"]["KIND"]',
            remedy=say("Expected: {kinds}.", kinds=", ".join(map(repr, _READERS))),
        )
    return _READERS[kind](_Values(name, values, called))


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
            say("{setting} is {found}.", setting=self.setting(key), found=found),
            setting=self.setting(key),
            remedy=say("Expected: {expected}.", expected=expected),
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

    def number(self, key: str, default: int, most: int, expected: str) -> int:
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise self.wrong(key, repr(value), expected)
        return value

    def path(self, key: str, expected: str) -> Path:
        """Return an absolute path that must be there."""
        path = self.optional_path(key, expected)
        if path is None:
            raise self.wrong(key, "missing or empty", expected)
        return path

    def optional_path(self, key: str, expected: str) -> Path | None:
        value = self._values.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str | Path) or not Path(value).is_absolute():
            raise self.wrong(key, repr(value), expected)
        return Path(value)

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
    # A folder of private files has none; that one of public files has, is for the alias to see to.
    public_url = values.optional_text("PUBLIC_URL", "the URL the folder is served at, e.g. /images/") or ""
    if public_url and not public_url.endswith("/"):
        raise values.wrong("PUBLIC_URL", repr(public_url), "a URL that ends with a slash")
    return LocalSettings(values.store, Path(root), public_url, _internal_url(values))


def _internal_url(values: _Values) -> str:
    expected = "a path that begins and ends with a slash, such as /-/images/"
    url = values.optional_text("INTERNAL_URL", expected) or ""
    if url and not re.fullmatch(r"/([\w.-]+/)+", url):
        raise values.wrong("INTERNAL_URL", repr(url), expected)
    return url


def _sftp(values: _Values) -> SftpSettings:
    values.only(
        *("HOST", "PORT", "USER", "ROOT", "PASSWORD", "KEY_FILE", "PASSPHRASE", "KNOWN_HOSTS", "PUBLIC_URL"),
        *("FILE_MODE", "DIRECTORY_MODE"),
    )
    password = values.optional_text("PASSWORD", "the password of that user", secret=True)
    key_file = values.optional_path("KEY_FILE", "the absolute path of a private key")
    if bool(password) == bool(key_file):
        found = f"{'set' if password else 'missing'}, and so is {values.setting('PASSWORD')}"
        raise values.wrong("KEY_FILE", found, "one of the two: the path of a private key, or a password")
    return SftpSettings(
        name=values.store,
        host=values.text("HOST", "the server's name or address alone"),
        port=values.number("PORT", 22, 65535, "a port, from 1 to 65535"),
        user=values.text("USER", "the user to log in as"),
        root=_remote_folder(values),
        known_hosts=values.path("KNOWN_HOSTS", "the absolute path of a file, which need not exist yet"),
        key_file=key_file,
        public_url=_optional_url(values),
        file_mode=values.number("FILE_MODE", 0o644, 0o777, "permissions, such as 0o644"),
        directory_mode=values.number("DIRECTORY_MODE", 0o755, 0o777, "permissions, such as 0o755"),
        password=password,
        passphrase=values.optional_text("PASSPHRASE", "what opens the private key", secret=True),
    )


def _remote_folder(values: _Values) -> str:
    expected = "a directory on the server, such as /srv/images, or images for one where the login leads"
    root = values.text("ROOT", expected)
    if ".." in root.split("/"):
        raise values.wrong("ROOT", repr(root), expected)
    return root


def _libcloud(values: _Values) -> LibcloudSettings:
    values.only("DRIVER", "CONTAINER", "PREFIX", "KEY", "SECRET", "OPTIONS", "ACL", "PUBLIC_URL")
    driver = values.text("DRIVER", f"a driver of Apache Libcloud: {', '.join(LIBCLOUD_DRIVERS)}")
    if driver not in LIBCLOUD_DRIVERS:
        raise values.wrong(
            "DRIVER",
            repr(driver),
            f"one that is known to keep files safely: {', '.join(LIBCLOUD_DRIVERS)} (docs/decisions/libcloud.md says "
            "what the others lack)",
        )
    return LibcloudSettings(
        name=values.store,
        driver=driver,
        container=values.text("CONTAINER", "the name of the container"),
        prefix=_prefix(values),
        key=values.text("KEY", "who logs in; for the driver local, the folder in which the container is"),
        public_url=_optional_url(values),
        acl=values.optional_text("ACL", "such as public-read"),
        secret=values.optional_text("SECRET", "what belongs to the key", secret=True) or "",
        options=_options(values, "a dictionary of the driver's own options"),
    )


def _options(values: _Values, expected: str) -> dict[str, Any]:
    options = values.raw("OPTIONS") or {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise values.wrong("OPTIONS", f"a {type(options).__name__}", expected)
    return dict(options)


def _django_storage(values: _Values) -> DjangoStorageSettings:
    values.only("CLASS", "OPTIONS", "PLACE", "PUBLIC_URL")
    expected = "the dotted path of a storage class, such as storages.backends.azure_storage.AzureStorage"
    class_path = values.text("CLASS", expected)
    if not re.fullmatch(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*", class_path):
        raise values.wrong("CLASS", repr(class_path), expected)
    place = values.optional_text("PLACE", "where it is, in a few words without secrets")
    return DjangoStorageSettings(
        name=values.store,
        class_path=class_path,
        place=place or f"{class_path.rpartition('.')[2]}:{values.store}",
        public_url=_optional_url(values),
        options=_options(values, "a dictionary of the class's own options"),
    )


def _optional_url(values: _Values) -> str:
    expected = "the URL at which strangers read the files, ending with a slash; or nothing"
    url = values.optional_text("PUBLIC_URL", expected) or ""
    parts = urlsplit(url)
    if url and (not url.endswith("/") or "@" in parts.netloc or parts.query or parts.fragment):
        raise values.wrong("PUBLIC_URL", "not what it should be", expected)
    return url


def _bucket(values: _Values) -> BucketSettings:
    values.only(
        *("PROVIDER", "BUCKET", "PREFIX", "REGION", "ENDPOINT_URL", "CUSTOM_DOMAIN", "USE_HTTPS"),
        *("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_ACL", "ADDRESSING_STYLE", "ALLOW_HTTP"),
    )
    written = _written(values)
    if addresses.is_in_the_clear(written.endpoint_url) and not values.flag("ALLOW_HTTP", False):
        expected = f"its https address; or {values.setting('ALLOW_HTTP')} set, if nobody else can listen on the way"
        raise values.wrong("ENDPOINT_URL", repr(written.endpoint_url), expected)
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
            say("{where} has {unknown!r}, which means nothing.", where=where, unknown=unknown[0]),
            setting=where,
            remedy=say("Known keys: {known}.", known=", ".join(sorted(known))),
        )


_READERS = {"local": _local, "s3": _bucket, "sftp": _sftp, "libcloud": _libcloud, "django": _django_storage}
