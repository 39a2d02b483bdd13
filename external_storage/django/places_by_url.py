"""Describe the place that a URL on a command line means. It says where, and never what opens it.

A command line can be read by every user of the machine, so a URL with a secret in it is refused. What opens the place
is, in this order, that of the configured store which ``credentials=NAME`` names, what the environment says, and what a
configured store has for the same account.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..providers.addresses import bare_domain, is_in_the_clear
from ..stores import Store
from ..stores import urls as folders_and_buckets
from ..stores.urls import BucketUrl, FolderUrl
from . import conf, store_url
from .kinds import AZURE, GOOGLE
from .store_url import Secrets
from .walking import SiteBucket, SiteFolder, opened

Environment = Mapping[str, str]


def described_and_opened(url: str, environment: Environment = os.environ) -> tuple[conf.StoreSettings, Store]:
    """Return the place that *url* means. Raise `SettingsError` if it means none, or cannot be opened."""
    if store_url.is_of_another_kind(url):
        described = _of_another_kind(url, environment)
        return described, opened(described)
    match folders_and_buckets.read_url(url):
        case FolderUrl(root):
            return conf.LocalSettings("folder", Path(root), ""), SiteFolder("folder", root)
        case BucketUrl() as bucket:
            return _bucket_at(bucket, environment)


# Buckets


def _bucket_at(url: BucketUrl, environment: Environment) -> tuple[conf.BucketSettings, SiteBucket]:
    _refuse_listeners(url.endpoint_url or "")
    key_id, secret, token = _access_key_for(url, environment)
    described = conf.BucketSettings(
        name=f"s3://{url.bucket}/{url.prefix}".rstrip("/"),
        bucket=url.bucket,
        prefix=url.prefix,
        region=url.region,
        endpoint_url=url.endpoint_url,
        custom_domain=bare_domain(url.domain) if url.domain else None,
        use_https=not (url.domain or url.endpoint_url or "").startswith("http://"),
        acl=url.acl,
        addressing_style=url.addressing_style,
        access_key_id=key_id,
        secret_access_key=secret,
    )
    store = SiteBucket(
        described.name,
        bucket=described.bucket,
        prefix=described.prefix,
        region=described.region or "",
        endpoint_url=described.endpoint_url,
        access_key_id=key_id,
        secret_access_key=secret,
        session_token=token,
        acl=described.acl,
        addressing_style=described.addressing_style,
    )
    return described, store


def _refuse_listeners(endpoint_url: str) -> None:
    """Raise `SettingsError` if requests would go there in the clear, and no store of the settings may be asked so."""
    if not is_in_the_clear(endpoint_url):
        return
    buckets = [each for each in conf.configuration().stores.values() if isinstance(each, conf.BucketSettings)]
    if all(each.endpoint_url != endpoint_url for each in buckets):
        raise SettingsError(
            f"Others could read what is sent to {endpoint_url}.",
            remedy="Write its https address; or describe the store in the settings, and allow it there (ALLOW_HTTP).",
        )


def _access_key_for(url: BucketUrl, environment: Environment) -> tuple[str, str, str | None]:
    """Return the access key: that of the store the URL names, else the environment's, else the site's only one."""
    if url.credentials_of is not None:
        return _access_key_of(url.credentials_of)
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return key_id, secret, environment.get("AWS_SESSION_TOKEN") or None
    stores = conf.configuration().stores.values()
    known = {(s.access_key_id, s.secret_access_key) for s in stores if isinstance(s, conf.BucketSettings)}
    if len(known) != 1:
        found = "several access keys" if known else "no access key"
        raise SettingsError(
            f"There is {found} for s3://{url.bucket}.",
            setting="AWS_ACCESS_KEY_ID",
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add credentials=NAME with the name of a "
            "configured store.",
        )
    return *known.pop(), None


def _access_key_of(store: str) -> tuple[str, str, None]:
    described = conf.store_settings(store)
    if not isinstance(described, conf.BucketSettings):
        raise SettingsError(f"The store {store!r} is no bucket and has no access key.")
    return described.access_key_id, described.secret_access_key, None


# Everything else, written like STORAGE_URL


def _of_another_kind(url: str, environment: Environment) -> conf.StoreSettings:
    place, credentials_of = store_url.without_credentials(url)
    secrets = _secrets_for(place, credentials_of, environment)
    try:
        values = store_url.described_by(place, secrets, known_hosts=known_hosts_for(*_host_in(place), environment))
    except SettingsError as wrong:
        if wrong.setting != store_url.SETTING:
            raise
        found = wrong.what.partition(" is ")[2]
        raise SettingsError(f"What was given is {found}", remedy=wrong.remedy) from None
    return conf.described(place.partition("?")[0], values, store_url.CALLED)


def known_hosts_for(host: str, port: int, environment: Environment = os.environ) -> str:
    """Return the file with the keys by which a host is known that need not be one of the settings'; "" for none."""
    if given := environment.get(store_url.KNOWN_HOSTS):
        return given
    stores = [each for each in conf.configuration().stores.values() if isinstance(each, conf.SftpSettings)]
    if stores:
        # Best the one that knows this host already.
        nearest = min(stores, key=lambda each: ((each.host, each.port) != (host, port), each.name))
        return str(nearest.known_hosts)
    state_dir = conf.configuration().state_dir
    return str(state_dir / "known_hosts") if state_dir else ""


def _secrets_for(url: str, credentials_of: str | None, environment: Environment) -> Secrets:
    if credentials_of is not None:
        return _secrets_of(conf.store_settings(credentials_of))
    given = Secrets(
        password=environment.get("STORAGE_PASSWORD", ""),
        key_file=environment.get("STORAGE_KEY_FILE", ""),
        passphrase=environment.get("STORAGE_PASSPHRASE", ""),
    )
    if given.password or given.key_file:
        return given
    known = next((each for each in conf.configuration().stores.values() if _is_account_of(url, each)), None)
    return _secrets_of(known) if known else given


def _is_account_of(url: str, described: conf.StoreSettings) -> bool:
    """Return whether who logs in for *described* is who *url* names, at the same server."""
    if not isinstance(described, conf.SftpSettings):
        return False
    return (urlsplit(url).username, *_host_in(url)) == (described.user, described.host, described.port)


def _host_in(url: str) -> tuple[str, int]:
    """Return host and port; where they cannot be told, what nobody is called, because who reads the URL says so."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or 22
    except ValueError:
        return "", 22


def _secrets_of(described: conf.StoreSettings) -> Secrets:
    match described:
        case conf.SftpSettings():
            key_file = str(described.key_file or "")
            return Secrets(described.password or "", key_file, described.passphrase or "")
        case conf.LibcloudSettings():
            return Secrets(described.secret)
        case conf.DjangoStorageSettings(class_path=store) if store == AZURE:
            return Secrets(str(described.options.get("account_key", "")))
        case conf.DjangoStorageSettings(class_path=store) if store == GOOGLE:
            return Secrets(key_file=str(described.options.get("credentials_file", "")))
        case _:
            raise SettingsError(f"The store {described.name!r} has nothing that opens another kind of store.")
