"""The stores of the settings, without the one object in them that is ours: no walk meets it."""

from __future__ import annotations

from collections.abc import Iterator

from ..objects import ObjectInfo, PassedOver
from ..stores import LocalStore, S3Store
from .names import GUARD_KEY


class SiteFolder(LocalStore):
    """A folder of the site."""

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        return (each for each in super().survey(prefix, after=after, until=until) if each.key != GUARD_KEY)


class SiteBucket(S3Store):
    """A bucket of the site, or the part of one under a prefix."""

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return (each for each in super().list(prefix, after=after, until=until) if each.key != GUARD_KEY)
