"""Open the site's files in a bucket to readers, by the bucket's policy, and keep everything else as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from ..health import access
from ..sentences import say
from . import checks, conf
from .bucket_api import BucketApi


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The policy that a bucket has, and the one that would open the site's files in it."""

    api: BucketApi
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def is_needed(self) -> bool:
        return self.before != self.after

    @property
    def as_text(self) -> str:
        return access.to_paste(self.after)

    @property
    def remarks(self) -> list[str]:
        """What the statements of others allow everybody: it is kept, and said."""
        return access.too_open(self.before)

    def make(self) -> None:
        self.api.set_policy(self.after)


def change_for(bucket: conf.BucketSettings) -> PolicyChange:
    """Return the change that opens the public files in *bucket*. Raise `StorageError` if its policy cannot be seen."""
    prefixes = public_prefixes(bucket)
    api = BucketApi(bucket)
    before = api.policy()
    return PolicyChange(api, before, access.opened(before, bucket.bucket, prefixes))


def public_prefixes(bucket: conf.BucketSettings) -> list[str]:
    """Return the prefixes in *bucket* below which lie files for everybody.

    Raise `SettingsError` if private files share the bucket: then nothing in it is opened.
    """
    configuration = conf.configuration()
    prefixes = set()
    for alias in configuration.aliases.values():
        stores = [configuration.stores[name] for name in alias.stores]
        here = [each for each in stores if isinstance(each, conf.BucketSettings) and checks.same_bucket(each, bucket)]
        if here and alias.private:
            raise SettingsError(
                say(
                    "The private files of {name!r} are in the bucket {bucket!r}; it is not opened.",
                    name=alias.name,
                    bucket=bucket.bucket,
                ),
                remedy=say("Give them a bucket of their own first."),
            )
        prefixes |= {each.prefix for each in here}
    return sorted(prefixes)
