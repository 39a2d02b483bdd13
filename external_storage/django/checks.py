"""Django system checks for what can be known without asking the network."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks

from ..errors import SettingsError
from ..sentences import say
from . import conf, privacy

SAID_BY_ANOTHER_CHECK = {"domain.has-scheme", "endpoint.holds-bucket"}
"""The contradictions that W001 and W003 tell of."""


def settings_are_sound(app_configs: object, **options: object) -> list[checks.CheckMessage]:
    """Report settings that are wrong (E001), and settings that contradict each other (W0xx)."""
    try:
        configuration = conf.configuration()
    except SettingsError as problem:
        return [checks.Error(problem.what, hint=problem.remedy, obj=problem.setting, id="external_storage.E001")]
    found: list[checks.CheckMessage] = []
    for store in configuration.stores.values():
        if isinstance(store, conf.BucketSettings):
            found += _contradictions(store, configuration)
    for alias in configuration.aliases.values():
        found += _missing_rule(alias, configuration)
        found += _shared_with_strangers(alias, configuration)
    return _each_once(found)


def _each_once(found: list[checks.CheckMessage]) -> list[checks.CheckMessage]:
    """Return what was found without repetitions: one value in ``.env`` describes the bucket of several stores."""
    return [each for place, each in enumerate(found) if each not in found[:place]]


def secrets_are_kept(app_configs: object, **options: object) -> list[checks.CheckMessage]:
    """Report (W006) files with secrets that other users of this machine can read."""
    try:
        paths = conf.configuration().secret_files
    except SettingsError:
        return []  # E001 says so
    return [
        checks.Warning(
            say("Other users of this machine can read {path}.", path=path),
            hint=say("Run: chmod 600 {path}", path=path),
            id="external_storage.W006",
        )
        for path in paths
        if readable_by_others(path)
    ]


def readable_by_others(path: Path) -> bool:
    """Return whether somebody else than its owner may read the file, as far as its own permissions go."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False  # not there, or not even ours to look at


def same_bucket(one: conf.BucketSettings, other: conf.BucketSettings) -> bool:
    """Return whether two stores are in one bucket, whatever their prefixes."""
    return (one.endpoint_url, one.bucket) == (other.endpoint_url, other.bucket)


def _shared_with_strangers(alias: conf.Alias, configuration: conf.Configuration) -> list[checks.CheckMessage]:
    found = privacy.not_apart(alias, configuration) if alias.private else None
    return [checks.Error(found[0], hint=found[1], id="external_storage.E004")] if found else []


def collectstatic_is_ours(app_configs: object, **options: object) -> list[checks.CheckMessage]:
    """Report (E003) when Django's own ``collectstatic`` would win over ours because its app is listed first."""
    order = [config.name for config in apps.get_app_configs()]
    if "django.contrib.staticfiles" not in order:
        return []
    if order.index("external_storage.django") < order.index("django.contrib.staticfiles"):
        return []
    return [
        checks.Error(
            say("django.contrib.staticfiles stands before external_storage.django in INSTALLED_APPS."),
            hint=say('Move "external_storage.django" up, or collectstatic will not deny .env, *.py and dumps.'),
            id="external_storage.E003",
        )
    ]


def _contradictions(store: conf.BucketSettings, configuration: conf.Configuration) -> list[checks.CheckMessage]:
    found = []
    domain, named = store.custom_domain or "", configuration.known_as("CUSTOM_DOMAIN")
    scheme = urlsplit(domain).scheme if "://" in domain else ""
    if scheme and scheme != urlsplit(store.public_url).scheme:
        found.append(
            checks.Warning(
                say(
                    "{named} is {domain!r}, but the links made from it begin with {scheme}:.",
                    named=named,
                    domain=domain,
                    scheme=store.public_url.split(":")[0],
                ),
                hint=say(
                    "Write the domain alone; {setting} decides the scheme.",
                    setting=configuration.known_as("USE_HTTPS"),
                ),
                id="external_storage.W001",
            )
        )
    if store.acl == conf.PRIVATE and _is_in_use(store, configuration):
        found.append(
            checks.Warning(
                say(
                    "{setting} is 'private': visitors cannot see what is stored so.",
                    setting=configuration.known_as("DEFAULT_ACL"),
                ),
                hint=say("Leave it unset, or open the bucket's prefix to readers with a bucket policy."),
                id="external_storage.W002",
            )
        )
    endpoint = urlsplit(store.endpoint_url or "").hostname or ""
    if endpoint.startswith(f"{store.bucket}."):
        found.append(
            checks.Warning(
                say(
                    "{setting} already holds the bucket's name {bucket!r}.",
                    setting=configuration.known_as("ENDPOINT_URL"),
                    bucket=store.bucket,
                ),
                hint=say("The endpoint is the service's address alone; the bucket's name would appear twice."),
                id="external_storage.W003",
            )
        )
    for wrong in store.contradictions:
        if wrong.id not in SAID_BY_ANOTHER_CHECK:
            found.append(
                checks.Warning(
                    say("{setting} is {found}.", setting=configuration.known_as(wrong.value), found=wrong.found),
                    hint=say("Expected: {expected}.", expected=wrong.expected),
                    id="external_storage.W005",
                )
            )
    return found


def _is_in_use(store: conf.BucketSettings, configuration: conf.Configuration) -> bool:
    return any(alias.active == store.name for alias in configuration.aliases.values())


def _missing_rule(alias: conf.Alias, configuration: conf.Configuration) -> list[checks.CheckMessage]:
    backend = settings.STORAGES.get(alias.name, {}).get("BACKEND", "")
    if alias.publishing_rule is not None or not backend.endswith(".SiteStorage"):
        return []
    try:
        alias.rule  # noqa: B018
    except SettingsError as problem:
        return [checks.Error(problem.what, hint=problem.remedy, obj=problem.setting, id="external_storage.E002")]
    return []
