"""Send an alias's files from this machine's folder to its bucket, by rules that depend on which of them is in use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import quote

from .. import transfer
from ..errors import KeyRefused, ObjectMissing, SettingsError
from ..health.access import judge_public, least_privilege_policy
from ..health.asking import Ask, ask
from ..health.findings import Finding, Verdict
from ..objects import ObjectInfo
from ..stores import Store
from ..transfer.progress import Progress
from . import conf
from .moving.state import fresh_state_of
from .moving.watching import watched
from .references import References

SAMPLES = 3


@dataclass(frozen=True)
class Route:
    """From which store to which an alias's files are sent."""

    alias: conf.Alias
    folder: conf.LocalSettings
    bucket: conf.BucketSettings

    @cached_property
    def references(self) -> References:
        """What the database refers to, read once."""
        return References(self.alias.name)

    @property
    def bucket_is_in_use(self) -> bool:
        """Whether visitors already upload to the bucket, which may then be newer than the folder."""
        return self.alias.active == self.bucket.name


def route_of(alias_name: str) -> Route:
    """Return the way from the alias's folder to its bucket. Raise `SettingsError` where one of them is missing."""
    alias = conf.alias_named(alias_name)
    described = [conf.store_settings(name) for name in alias.stores]
    folder = next((store for store in described if store.is_on_this_machine), None)
    if folder is None:
        raise SettingsError(
            f"The alias {alias.name!r} has no local store to send files from.",
            setting=f'{conf.SETTING}["ALIASES"]["{alias.name}"]["STORES"]',
        )
    return Route(alias, folder, bucket_of(alias_name))


def bucket_of(alias_name: str) -> conf.BucketSettings:
    """Return the bucket among the alias's stores. Raise `SettingsError`, naming what to set, if there is none."""
    alias = conf.alias_named(alias_name)
    for store in map(conf.store_settings, alias.stores):
        if isinstance(store, conf.BucketSettings):
            return store
    setting = conf.configuration().known_as("BUCKET")
    raise SettingsError(
        f"No bucket is configured: {setting} is not set.",
        setting=setting,
        remedy="Set the bucket's name, region and access key first.",
    )


def send(route: Route, progress: Progress, *, dry_run: bool = False) -> transfer.Report:
    """Send what the bucket lacks or holds differently; once the bucket is in use, only what it lacks and a row needs.

    ===================  =========================  ===============================================
    key in the bucket    bucket not in use yet      bucket in use
    ===================  =========================  ===============================================
    the same             nothing to do              nothing to do
    different            replaced                   kept, and named
    missing              sent                       sent if a row, or what it is made from, needs it
    ===================  =========================  ===============================================
    """
    rules = transfer.Rules(
        publish=route.alias.rule,
        on_difference="keep" if route.bucket_is_in_use else "replace",
        may_send=route.references.__contains__ if route.bucket_is_in_use else None,
    )
    source, target = conf.store_named(route.folder.name), _bucket_to_send_to(route)
    state_dir = conf.configuration().state_dir
    return transfer.copy(source, target, rules, progress=progress, dry_run=dry_run, state_dir=state_dir)


def _bucket_to_send_to(route: Route) -> Store:
    """Return the bucket, which minds what the site does meanwhile if the alias has other stores to keep right."""
    if fresh_state_of(route.alias.name).is_alone:
        return conf.store_named(route.bucket.name)
    return watched(route.alias.name, route.bucket.name)


def lost_files(route: Route) -> list[str]:
    """Return the keys that rows refer to and neither store holds: already lost before anything was copied."""
    bucket = conf.store_named(route.bucket.name)
    missing = (key for key in route.references.originals if not (route.folder.root / key).is_file())
    return sorted(key for key in missing if not _holds(bucket, key))


def unreadable_samples(route: Route, public_url: str, ask: Ask = ask) -> list[Finding]:
    """Ask below *public_url* for a few files that rows refer to, as a visitor does; return what is wrong with them."""
    judged = (
        judge_public("media.picture", ask("GET", public_url + quote(info.key)), what="a picture", size=info.size)
        for info in samples(route.alias.name, conf.store_named(route.bucket.name))
    )
    return [finding for finding in judged if finding.verdict is not Verdict.OK]


def samples(alias: str, store: Store, count: int = SAMPLES) -> list[ObjectInfo]:
    """Return up to *count* objects of *store* that rows of *alias* refer to."""
    held = (_described(store, key) for key in sorted(References(alias).originals)[: 10 * count])
    return list(islice((info for info in held if info is not None), count))


def prefixes_in(bucket: conf.BucketSettings) -> list[str]:
    """Return the prefix of every store in the same bucket: what one policy for it has to name."""
    return sorted({store.prefix for store in _stores_in(bucket)})


def least_policy_for(bucket: conf.BucketSettings) -> dict[str, Any]:
    """Return the policy with all that the site's access key needs in this bucket, whichever of its stores does it."""
    sends_acls = any(store.acl for store in _stores_in(bucket))
    return least_privilege_policy(bucket.bucket, prefixes_in(bucket), sends_acls=sends_acls)


def _stores_in(bucket: conf.BucketSettings) -> list[conf.BucketSettings]:
    configured = conf.configuration().stores.values()
    buckets = (store for store in configured if isinstance(store, conf.BucketSettings))
    return [bucket, *(store for store in buckets if store.bucket == bucket.bucket)]


def _holds(store: Store, key: str) -> bool:
    return _described(store, key) is not None


def _described(store: Store, key: str) -> ObjectInfo | None:
    try:
        return store.describe(key)
    except (ObjectMissing, KeyRefused):
        return None


def check_folder(route: Route) -> None:
    """Raise `SettingsError` for a folder that cannot be the site's: not there, or empty while rows refer to files.

    An unmounted disk looks exactly like an empty media folder; copying it would end with "all done".
    """
    root, references = route.folder.root, route.references
    if not root.is_dir():
        raise SettingsError(f"The media folder {root} does not exist.", remedy="Check its path and that it is mounted.")
    if not os.access(root, os.R_OK | os.X_OK):
        raise SettingsError(
            f"The media folder {root} cannot be read.", remedy="Give this user the right to read and enter it."
        )
    if route.bucket_is_in_use or not len(references):
        return
    if not any((root / key).is_file() for key in references.originals):
        raise SettingsError(
            f"0 of the files the database refers to are in {root}; it refers to {len(references)}.",
            remedy="This looks like a wrong folder or a disk that is not mounted. Nothing was copied.",
        )
