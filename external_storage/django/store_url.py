"""Describe a store by one URL and, apart from it, its secrets: what an owner writes into ``.env``.

    sftp://user@host:22/srv/images
    libcloud+openstack-swift://container/images?user=site:swift&ex_force_auth_url=https://auth.example.org
    azure://account/container/images
    gs://bucket/images
    django://package.module.Class?option=value&password_for=option

A URL says where, never what opens it: settings are shown on screens, and nobody thinks of a URL as secret.
Commands take such a URL for a place as well (`places_by_url`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import SettingsError
from ..stores.libcloud import DRIVERS
from .kinds import AZURE, GOOGLE

FORMS = (
    "sftp://user@host/srv/images, libcloud+openstack-swift://container/images?user=…, azure://account/container, "
    "gs://bucket or django://package.module.Class"
)

SETTING = "STORAGE_URL"

KNOWN_HOSTS = "STORAGE_KNOWN_HOSTS"

CALLED = {
    **dict.fromkeys(("HOST", "PORT", "USER", "ROOT", "DRIVER", "CONTAINER", "KEY", "CLASS", "OPTIONS"), SETTING),
    "PASSWORD": "STORAGE_PASSWORD",
    "SECRET": "STORAGE_PASSWORD",
    "KEY_FILE": "STORAGE_KEY_FILE",
    "PASSPHRASE": "STORAGE_PASSPHRASE",
    "KNOWN_HOSTS": KNOWN_HOSTS,
}
"""Where what ``STORES`` has by such a name is written down in this way."""

_SCHEMES = ("sftp", "libcloud", "azure", "gs", "django")

# Options of drivers and classes come as text; these are what they mean.
_MEANT = {"true": True, "false": False}
_SECRET = re.compile(r"password|passphrase|secret|token|credential|(account|access|api)_?key|connection", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens a store: a password (a driver's secret, an account's key), or a file with a key and its passphrase."""

    password: str = field(default="", repr=False)
    key_file: str = ""
    passphrase: str = field(default="", repr=False)


def is_of_another_kind(url: str) -> bool:
    """Return whether *url* is meant to be one of these, and neither a folder's nor a bucket's."""
    return url.partition("://")[0].partition("+")[0].lower() in _SCHEMES


def without_credentials(url: str) -> tuple[str, str | None]:
    """Return *url* without the parameter ``credentials``, and the configured store that this named."""
    place, mark, query = url.partition("?")
    given = query.split("&") if mark else []
    named = [each.partition("=")[2] for each in given if each.startswith("credentials=")]
    rest = "&".join(each for each in given if not each.startswith("credentials="))
    return f"{place}?{rest}" if rest else place, unquote(named[-1]) if named else None


def described_by(url: str, secrets: Secrets, *, known_hosts: str) -> dict[str, Any]:
    """Return what *url* and *secrets* say as an entry of ``STORES``. Raise `SettingsError`, which repeats no secret.

    *known_hosts* is the file with the keys of hosts, unless the URL names another.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("no URL") from None
    if parts.password is not None or "@" in (parts.username or ""):
        raise _wrong("a URL with a password in it", "the password in STORAGE_PASSWORD, and the URL without it")
    given = _parameters(parts.query)
    if parts.fragment:
        raise _wrong("a URL with a '#' in it", "%23 where a name has one")
    scheme, _, driver = parts.scheme.partition("+")
    match scheme:
        case "sftp":
            described = _sftp(parts, port, given, secrets, known_hosts)
        case "libcloud":
            described = _libcloud(driver.replace("-", "_"), parts, given, secrets)
        case "azure":
            described = _azure(parts, given, secrets)
        case "gs":
            described = _google(parts, given, secrets)
        case "django":
            described = _django(parts, given, secrets)
        case _:
            raise _wrong(f"a URL that begins with {parts.scheme!r}", f"one such as {FORMS}")
    return {name: value for name, value in described.items() if value not in ("", None, {})}


def _parameters(query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name in given:
        if name != "password_for" and _SECRET.search(name):
            raise _wrong(f"a URL with {name!r} in it", "secrets in STORAGE_PASSWORD or STORAGE_KEY_FILE")
    return given


def _sftp(
    parts: SplitResult, port: int | None, given: dict[str, str], secrets: Secrets, known_hosts: str
) -> dict[str, Any]:
    _only(given, "known_hosts", "public_url", "file_mode", "directory_mode")
    if not parts.username or not parts.hostname:
        raise _wrong("a URL without a user and a host", "sftp://user@host/srv/images")
    return {
        "KIND": "sftp",
        "HOST": parts.hostname,
        "PORT": port,
        "USER": unquote(parts.username),
        "ROOT": unquote(parts.path),
        "PASSWORD": secrets.password,
        "KEY_FILE": secrets.key_file,
        "PASSPHRASE": secrets.passphrase,
        "KNOWN_HOSTS": given.get("known_hosts") or known_hosts,
        "PUBLIC_URL": given.get("public_url"),
        "FILE_MODE": _mode(given, "file_mode"),
        "DIRECTORY_MODE": _mode(given, "directory_mode"),
    }


def _mode(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if not re.fullmatch(r"0?[0-7]{3}", given[name]):
        raise _wrong(f"a URL whose {name} is {given[name]!r}", "permissions, such as 644")
    return int(given[name], 8)


def _libcloud(driver: str, parts: SplitResult, given: dict[str, str], secrets: Secrets) -> dict[str, Any]:
    if driver not in DRIVERS:
        raise _wrong(
            f"a URL for the driver {driver!r}",
            f"one that keeps files safely: libcloud+{', libcloud+'.join(DRIVERS).replace('_', '-')}",
        )
    public_url, acl, user = (given.pop(name, None) for name in ("public_url", "acl", "user"))
    return {
        "KIND": "libcloud",
        "DRIVER": driver,
        "CONTAINER": unquote(parts.netloc),
        "PREFIX": unquote(parts.path.strip("/")),
        "KEY": user,
        "SECRET": secrets.password,
        "OPTIONS": _options(given),
        "ACL": acl,
        "PUBLIC_URL": public_url,
    }


def _azure(parts: SplitResult, given: dict[str, str], secrets: Secrets) -> dict[str, Any]:
    public_url = given.pop("public_url", None)
    container, _, location = unquote(parts.path.strip("/")).partition("/")
    if not parts.netloc or not container:
        raise _wrong("a URL without an account and a container", "azure://account/container/images")
    if not secrets.password:
        raise _missing("STORAGE_PASSWORD", "the key of the storage account")
    return {
        "KIND": "django",
        "CLASS": AZURE,
        "OPTIONS": {
            "account_name": parts.netloc,
            "account_key": secrets.password,
            "azure_container": container,
            "location": location,
            **_options(given),
        },
        "PUBLIC_URL": public_url,
    }


def _google(parts: SplitResult, given: dict[str, str], secrets: Secrets) -> dict[str, Any]:
    public_url = given.pop("public_url", None)
    if not parts.netloc:
        raise _wrong("a URL without a bucket", "gs://bucket/images")
    if not secrets.key_file:
        raise _missing("STORAGE_KEY_FILE", "the absolute path of the service account's key, a JSON file")
    return {
        "KIND": "django",
        "CLASS": GOOGLE,
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": unquote(parts.path.strip("/")),
            "credentials_file": secrets.key_file,
            **_options(given),
        },
        "PUBLIC_URL": public_url,
    }


def _django(parts: SplitResult, given: dict[str, str], secrets: Secrets) -> dict[str, Any]:
    public_url, password_for = given.pop("public_url", None), given.pop("password_for", "")
    if secrets.password and not password_for:
        raise _wrong("a URL that does not say what STORAGE_PASSWORD is for", "&password_for= with an option's name")
    options = _options(given) | ({password_for: secrets.password} if password_for else {})
    # The host of a URL is the same in capitals, and urlsplit keeps it as it was written; a class's path is not.
    return {"KIND": "django", "CLASS": parts.netloc, "OPTIONS": options, "PUBLIC_URL": public_url}


def _options(given: Mapping[str, str]) -> dict[str, Any]:
    return {name: int(value) if value.isdigit() else _MEANT.get(value, value) for name, value in given.items()}


def _only(given: Mapping[str, str], *known: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise _wrong(f"a URL whose {unknown[0]!r} means nothing", f"no others than {', '.join(known)}")


def _wrong(found: str, expected: str = FORMS) -> SettingsError:
    return SettingsError(f"{SETTING} is {found}.", setting=SETTING, remedy=f"Expected: {expected}.")


def _missing(setting: str, expected: str) -> SettingsError:
    return SettingsError(f"{setting} is missing or empty.", setting=setting, remedy=f"Expected: {expected}.")
