"""The kinds of stores that the settings describe, and what the rest of the site asks each of them.

Nobody asks for a kind where one of these answers the question:

======================  ==============================================================================================
``name``                how the settings call it
``place``               where it is, without secrets
``public_url``          where strangers read its files; "" where only the site can serve them
``is_on_this_machine``  whether it is a folder here, which the site and its web server read without a request
``service``             the S3-compatible service behind it; None where there is none
``secrets``             what must never be shown, whoever repeats it
``abilities``           what may be relied on there; None for a folder or a bucket, of which `storage_status` knows more
======================  ==============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..providers import Provider, addresses, called, recognise
from ..providers.contradictions import Contradiction, Written, contradictions
from ..stores import abilities
from ..stores.abilities import Abilities
from ..stores.libcloud.store import place_of

AZURE, GOOGLE = "storages.backends.azure_storage.AzureStorage", "storages.backends.gcloud.GoogleCloudStorage"
BLOB_CLASSES = {AZURE: abilities.AZURE, GOOGLE: abilities.GOOGLE}
"""Classes of which only the login is used: what they log in to is then spoken to as our own stores do."""

_SECRET_OPTION = re.compile(r"_key|secret|token|passw|credential|connection_string", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """A folder of this machine."""

    is_on_this_machine: ClassVar[bool] = True
    abilities: ClassVar[None] = None
    service: ClassVar[None] = None
    secrets: ClassVar[tuple[str, ...]] = ()

    name: str
    root: Path
    public_url: str
    internal_url: str = ""
    """Where the web server before the site finds the same files, for `X-Accel-Redirect` alone; "" if it does not."""

    @property
    def place(self) -> str:
        return f"file://{self.root}"


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """A bucket, or the part of one under a prefix, of an S3-compatible service."""

    is_on_this_machine: ClassVar[bool] = False
    abilities: ClassVar[None] = None

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
    def place(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

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
    def secrets(self) -> tuple[str, ...]:
        return self.secret_access_key, self.access_key_id

    @property
    def contradictions(self) -> list[Contradiction]:
        """What its owner wrote that does not go together, or not with what is known of the service."""
        return contradictions(self.written) if self.written else []


@dataclass(frozen=True, slots=True)
class SftpSettings:
    """A directory of a server that speaks SFTP."""

    is_on_this_machine: ClassVar[bool] = False
    abilities: ClassVar[Abilities] = abilities.SFTP
    service: ClassVar[None] = None

    name: str
    host: str
    port: int
    user: str
    root: str
    known_hosts: Path
    """The file with the keys that hosts are known by; no other is looked at."""
    key_file: Path | None = None
    public_url: str = ""
    file_mode: int = 0o644
    directory_mode: int = 0o755
    password: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        port = "" if self.port == 22 else f":{self.port}"
        return f"sftp://{self.user}@{self.host}{port}/{self.root.strip('/')}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.password, self.passphrase) if secret)


@dataclass(frozen=True, slots=True)
class DjangoStorageSettings:
    """Whatever a Django storage class keeps files in."""

    is_on_this_machine: ClassVar[bool] = False
    service: ClassVar[None] = None

    name: str
    class_path: str
    place: str
    public_url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @property
    def abilities(self) -> Abilities:
        return BLOB_CLASSES.get(self.class_path, abilities.ANY_DJANGO_STORAGE)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(_secrets_in(self.options))


@dataclass(frozen=True, slots=True)
class LibcloudSettings:
    """A container of a service that Apache Libcloud speaks to, or the part of one under a prefix."""

    is_on_this_machine: ClassVar[bool] = False
    service: ClassVar[None] = None

    name: str
    driver: str
    container: str
    prefix: str = ""
    key: str = ""
    public_url: str = ""
    acl: str | None = None
    """The ACL a public object gets, where the driver knows of such; None for none."""
    secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @property
    def place(self) -> str:
        return place_of(self.driver, self.container, self.prefix)

    @property
    def abilities(self) -> Abilities:
        return abilities.LIBCLOUD[self.driver]

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*filter(None, [self.secret]), *_secrets_in(self.options))


StoreSettings = LocalSettings | BucketSettings | SftpSettings | LibcloudSettings | DjangoStorageSettings


def _secrets_in(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _secrets_in(value)
        elif isinstance(value, str) and _SECRET_OPTION.search(name):
            yield value
