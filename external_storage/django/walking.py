"""Open the stores of the settings, without the one object in them that is ours: no walk meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.module_loading import import_string

from ..errors import SettingsError
from ..objects import ObjectInfo, PassedOver
from ..sentences import say
from ..stores import DjangoStorageStore, LocalStore, S3Store, Store
from ..stores.libcloud import LibcloudStore
from .kinds import (
    AZURE,
    GOOGLE,
    BucketSettings,
    DjangoStorageSettings,
    LibcloudSettings,
    LocalSettings,
    SftpSettings,
    StoreSettings,
)
from .names import GUARD_KEY


class _ListedWithoutTheGuard:
    """For a store whose every walk is its ``list``."""

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return (each for each in super().list(prefix, after=after, until=until) if each.key != GUARD_KEY)


class _SurveyedWithoutTheGuard:
    """For a store whose every walk is its ``survey``."""

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        return (each for each in super().survey(prefix, after=after, until=until) if each.key != GUARD_KEY)


class SiteFolder(_SurveyedWithoutTheGuard, LocalStore):
    """A folder of the site."""


class SiteBucket(_ListedWithoutTheGuard, S3Store):
    """A bucket of the site, or the part of one under a prefix."""


class SiteContainer(_ListedWithoutTheGuard, LibcloudStore):
    """A container of the site, or the part of one under a prefix."""


class SiteDjangoStorage(_ListedWithoutTheGuard, DjangoStorageStore):
    """What a Django storage class keeps for the site."""


def opened(described: StoreSettings) -> Store:
    """Return the store that *described* describes, for the bulk path. No request is made."""
    match described:
        case LocalSettings():
            return SiteFolder(described.name, described.root)
        case BucketSettings():
            return _bucket(described)
        case SftpSettings():
            return _sftp_directory(described)
        case LibcloudSettings():
            return _libcloud_container(described)
        case DjangoStorageSettings():
            return _django_storage(described)


def _bucket(described: BucketSettings) -> Store:
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


def _sftp_directory(described: SftpSettings) -> Store:
    from ..stores.sftp import Login, SftpStore  # a site without such a store needs nothing of it

    class SiteDirectory(_SurveyedWithoutTheGuard, SftpStore):
        """A directory of the site on a server that speaks SFTP."""

    login = Login(
        described.host,
        described.user,
        str(described.known_hosts),
        port=described.port,
        key_file=str(described.key_file) if described.key_file else None,
        password=described.password,
        passphrase=described.passphrase,
    )
    modes = {"file_mode": described.file_mode, "directory_mode": described.directory_mode}
    return SiteDirectory(described.name, login, described.root, **modes)


def _libcloud_container(described: LibcloudSettings) -> Store:
    return SiteContainer(
        described.name,
        driver=described.driver,
        container=described.container,
        prefix=described.prefix,
        key=described.key,
        secret=described.secret,
        acl=described.acl,
        options=described.options,
    )


def _django_storage(described: DjangoStorageSettings) -> Store:
    storage = _storage_of(described)
    prefix = f"{storage.location.strip('/')}/" if getattr(storage, "location", "") else ""
    if described.class_path == AZURE:
        from ..stores.azure import AzureStore

        kind = type("SiteAzureContainer", (_ListedWithoutTheGuard, AzureStore), {})
        return kind(described.name, storage.client, prefix=prefix)
    if described.class_path == GOOGLE:
        from ..stores.google import GoogleStore

        kind = type("SiteGoogleBucket", (_ListedWithoutTheGuard, GoogleStore), {})
        return kind(described.name, storage.bucket, prefix=prefix, acl=storage.default_acl)
    return SiteDjangoStorage(described.name, storage, place=described.place)


def _storage_of(described: DjangoStorageSettings) -> Any:
    """Return the Django storage itself. Raise `SettingsError` if its class or what that needs is not there."""
    options = dict(described.options)
    try:
        if "credentials_file" in options:  # for Google's class, which wants them read already
            options["credentials"] = _google_credentials(options.pop("credentials_file"))
        return import_string(described.class_path)(**options)
    except Exception as problem:  # noqa: BLE001 — anybody's class, which may refuse its options with anything
        raise SettingsError(
            say(
                "The class {class_path} of the store {name!r} cannot be used ({alias}).",
                class_path=described.class_path,
                name=described.name,
                alias=type(problem).__name__,
            ),
            setting="CLASS",
            remedy=say(
                "Check its dotted path, its options, and that what it needs is there: {added_by}.",
                added_by=_added_by(described),
            ),
        ) from None  # what it says may repeat an option


def _google_credentials(path: str) -> Any:
    from google.oauth2.service_account import Credentials

    return Credentials.from_service_account_file(path)


def _added_by(described: DjangoStorageSettings) -> str:
    """Return the command that installs what a class needs."""
    extra = {AZURE: "azure", GOOGLE: "gcs"}.get(described.class_path)
    return f"pip install 'django-external-storage[{extra}]'" if extra else "pip install the package of that class"
