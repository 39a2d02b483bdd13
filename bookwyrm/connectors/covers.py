"""Where search results find the covers of this site's own books: the own connector's *Covers url*."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from django.conf import settings

from external_storage.django.conf import public_urls

from ..books.models import Edition
from ..images.urls import picture_url
from .models import Connector

# What may follow the scheme in a Content-Security-Policy; anything else could end a directive and begin another.
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


def foreign_base(covers_url: str, own_urls: Iterable[str]) -> str | None:
    """Answer the address to take covers from, or None for "wherever the storage has them".

    | covers_url | answer |
    | --- | --- |
    | empty | None |
    | one of *own_urls*, whatever its scheme, with or without a slash at the end | None |
    | anything else | itself, without the slash |

    The page has the owner write the bucket's address here, and the next move would break all covers if that were taken
    literally; so each address that is the site's own, old or new, means the same as no address.
    """
    wanted = _comparable(covers_url)
    if not wanted or wanted in map(_comparable, own_urls):
        return None
    return covers_url.strip().rstrip("/")


def own_urls(connector: Connector | None) -> list[str]:
    """Every address at which this site has, or had, its pictures.

    The connector's record still knows the domain that it was made for, so its first value goes on meaning "follow the
    storage" after ``DOMAIN`` was changed; and the address of a bucket that was in use when the owner saved it.
    """
    sites = [settings.SITE_URL, f"https://{settings.DOMAIN}"]
    if connector is not None:
        sites += [connector.base_url, f"https://{connector.identifier}"]
    followed = [connector.followed_url] if connector is not None and connector.followed_url else []
    return [*(f"{site.rstrip('/')}/images" for site in sites), *followed, *public_urls()]


def remember_own_address(connector: Connector) -> None:
    """Note in the own *connector*, before it is saved, that its Covers url is the site's own, if it is.

    The page has the owner save the bucket's address; with the next bucket that one leaves the settings, and would then
    be taken for a foreign one.
    """
    if connector.covers_url and foreign_base(connector.covers_url, own_urls(connector)) is None:
        connector.followed_url = connector.covers_url


class Covers:
    """The addresses of covers, as the own connector's record wants them; made once for each answer."""

    def __init__(self, connector: Connector | None) -> None:
        self.base = foreign_base(connector.covers_url, own_urls(connector)) if connector else None

    def address(self, edition: Edition) -> str:
        """The absolute URL of the edition's cover, "" if it has none."""
        if not edition.cover:
            return ""
        if self.base is None:
            return picture_url(edition, "cover")
        return f"{self.base}/{quote(edition.cover.name)}"

    def place(self, editions: Iterable[Edition]) -> None:
        """Tell each edition its ``foreign_cover``; "" means that its pictures are where its storage says."""
        for edition in editions:
            edition.foreign_cover = self.address(edition) if self.base else ""

    def origins(self) -> list[str]:
        """The host that a page's Content-Security-Policy must let pictures come from, beside the site's own."""
        return [origin_of(self.base)] if self.base else []


def origin_of(url: str) -> str:
    """``https://host[:port]`` of *url*, or "" if it has none or one that cannot stand in a policy."""
    parts = urlsplit(url)
    fits = parts.scheme in ("http", "https") and _HOST_AND_PORT.fullmatch(parts.netloc)
    return f"{parts.scheme}://{parts.netloc}" if fits else ""


def _comparable(url: str) -> str:
    """*url* without what does not matter: the scheme, the host's case, a slash at the end."""
    host, slash, path = url.strip().rpartition("://")[2].partition("/")
    return (host.lower() + slash + path).rstrip("/")
