"""Find the place that an argument of a command means: an alias (its active store), a configured store, or a URL."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..providers import Provider, recognise
from ..sentences import say
from ..stores import Store
from ..stores.urls import is_url
from . import conf
from .kinds import BLOB_CLASSES
from .places_by_url import described_and_opened

AMAZON = "amazon"

_CONTAINER_OPTIONS = ("azure_container", "bucket_name")


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are, or go."""

    settings: conf.StoreSettings
    store: Store
    alias: str | None = None
    """The alias it was named by."""
    configured: str | None = None
    """The name of the configured store that this is, if it is one, whatever it was called by."""

    @property
    def is_folder(self) -> bool:
        return self.settings.is_on_this_machine

    @property
    def fingerprint(self) -> str:
        """A name for a file about this place: the same however the place is written, and telling nothing of it."""
        options_hold_secrets = isinstance(self.settings, conf.DjangoStorageSettings)
        where = self.store.place if options_hold_secrets else _whereabouts(self.settings)
        return sha256(repr(where).encode()).hexdigest()[:32]

    @property
    def provider(self) -> Provider | None:
        """The S3-compatible service behind it; None where there is none."""
        return self.settings.service

    @property
    def public_url(self) -> str:
        """Where visitors read its files; "" where nobody said."""
        return self.settings.public_url


def place_called(argument: str) -> Place:
    """Return the place that *argument* means. Raise `SettingsError` if it means none, or two."""
    if is_url(argument):
        described, store = described_and_opened(argument)
        return Place(described, store, configured=_configured_twin(described))
    if argument not in conf.configuration().aliases:
        return _configured(argument, None)
    alias = conf.alias_named(argument)
    if argument in conf.configuration().stores and argument != alias.active:
        raise SettingsError(
            say("{argument!r} is an alias, and also a store that this alias does not use now.", argument=argument),
            remedy=say(
                "Name the store {active!r} for the alias's files, or rename one of the two.", active=alias.active
            ),
        )
    return _configured(alias.active, alias.name)


def refuse_overlap(source: Place, target: Place) -> None:
    """Raise `SettingsError` if one place is, or lies in, the other."""
    if overlap(source.settings, target.settings):
        raise SettingsError(
            say("{place} and {other} overlap.", place=source.store.place, other=target.store.place),
            remedy=say("Name two places of which neither lies in the other."),
        )


def refuse_half_of_a_store_in_use(target: Place) -> None:
    """Raise `SettingsError` if *target* lies in a store in use, or around it.

    There each name means another file than it does to the site, so the rules that guard the store would look away.
    """
    for alias in conf.aliases():
        in_use = conf.store_settings(alias.active)
        if target.configured is None and overlap(target.settings, in_use):
            raise SettingsError(
                say(
                    "{place} overlaps the store {active!r}, which {name!r} uses.",
                    place=target.store.place,
                    active=alias.active,
                    name=alias.name,
                ),
                remedy=say("Name that store and narrow the run with --prefix, or choose a place outside it."),
            )


def refuse_folder_that_cannot_be_written(folder: Path) -> None:
    """Raise `SettingsError` if this user may not write to *folder*, or its disk is read-only."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(
            say("The folder {root} cannot be written to.", root=folder),
            remedy=say("Give this user the right to write there, and check that its disk is not read-only."),
        )


def way_into(outer: conf.StoreSettings, inner: conf.StoreSettings) -> str | None:
    """Return below which prefix of *outer* the files of *inner* lie: "" if both are one place, None if not there."""
    (here, inside_here), (there, inside_there) = _whereabouts(outer), _whereabouts(inner)
    return inside_there.removeprefix(inside_here) if here == there and inside_there.startswith(inside_here) else None


def overlap(one: conf.StoreSettings, other: conf.StoreSettings) -> bool:
    """Return whether one place is, or lies in, the other."""
    (here, inside_here), (there, inside_there) = _whereabouts(one), _whereabouts(other)
    return here == there and (inside_here.startswith(inside_there) or inside_there.startswith(inside_here))


def are_at_one_service(one: conf.StoreSettings, other: conf.StoreSettings) -> bool:
    """Return whether two places are in one bucket, on one server, or both folders here, wherever in there they are."""
    return _whereabouts(one)[0] == _whereabouts(other)[0]


def _configured(name: str, alias: str | None) -> Place:
    if name not in conf.configuration().stores:
        known = sorted({*conf.configuration().aliases, *conf.configuration().stores})
        # A mistyped URL may hold a secret like any other, and is not repeated.
        meant = repr(name) if re.fullmatch(r"[\w.-]+", name) else "What was given"
        raise SettingsError(
            say("{meant} is no alias and no configured store.", meant=meant),
            remedy=say("Known: {known}; or give a URL.", known=", ".join(known)),
        )
    return Place(conf.store_settings(name), conf.store_named(name), alias, name)


def _configured_twin(described: conf.StoreSettings) -> str | None:
    """Return the configured store that is the same place: its rules hold, however the place is written."""
    here = _whereabouts(described)
    return next((name for name, each in conf.configuration().stores.items() if _whereabouts(each) == here), None)


def _whereabouts(described: conf.StoreSettings) -> tuple[tuple[str, ...], str]:
    """Return what is one and the same for a place however it is written: which disk, bucket or server, and where."""
    if isinstance(described, conf.LocalSettings):
        return ("folder",), f"{os.path.realpath(described.root).rstrip('/')}/"
    if isinstance(described, conf.SftpSettings):
        root = posixpath.normpath(described.root)
        return ("sftp", described.host.lower(), str(described.port)), f"{root.rstrip('/')}/"
    if isinstance(described, conf.LibcloudSettings):
        return _of_container(described)
    if isinstance(described, conf.DjangoStorageSettings):
        return _of_django_storage(described)
    if recognise(described.endpoint_url).id == "aws":
        return (AMAZON, described.bucket), described.prefix
    parts = urlsplit(described.endpoint_url or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return ((parts.hostname or "").lower(), str(port), described.bucket), described.prefix


def _of_container(described: conf.LibcloudSettings) -> tuple[tuple[str, ...], str]:
    """Return the place of a container, which may be a bucket or a folder that is known in other words as well."""
    options = described.options
    if described.driver == "local":
        folder = Path(described.key, described.container, described.prefix)
        return ("folder",), f"{os.path.realpath(folder).rstrip('/')}/"
    usual = AMAZON if described.driver == "s3" else described.driver
    host = str(options.get("host") or options.get("ex_force_auth_url") or usual)
    if described.driver == "s3" and host != AMAZON:
        port = options.get("port") or (443 if options.get("secure", True) else 80)
        return (host.lower(), str(port), described.container), described.prefix
    return (host.lower(), described.container), described.prefix


def _of_django_storage(described: conf.DjangoStorageSettings) -> tuple[tuple[str, ...], str]:
    """Return the place of a storage class: two are one where the class and all its options are the same.

    Of Azure's and Google's it is known what their options mean: containers and buckets have a location inside.
    """
    if described.class_path in BLOB_CLASSES:
        options = {name: str(described.options.get(name, "")) for name in ("account_name", *_CONTAINER_OPTIONS)}
        location = str(described.options.get("location", "")).strip("/")
        return ("django", described.class_path, *options.values()), f"{location}/" if location else ""
    given = sorted(f"{name}={value!r}" for name, value in described.options.items())
    return ("django", described.class_path, *given), "/"
