"""Where a picture is found by browsers and by other sites. Computed from the row; the storage is asked nothing."""

from __future__ import annotations

from urllib.parse import urljoin

from django.conf import settings
from django.db.models import Model

from .thumbnails import thumbnail_key


def absolute(url: str) -> str:
    """Return *url* with this site's address in front if it has none of its own."""
    return urljoin(settings.SITE_URL + "/", url)


def picture_url(instance: Model, field: str) -> str:
    """Return the absolute URL of the original, or "" where there is no picture."""
    picture = getattr(instance, field)
    return absolute(picture.url) if picture else ""


def picture_versions(instance: Model, field: str) -> list[tuple[int, str]]:
    """Return (width in pixels, absolute URL) of what a page may show, narrowest first; [] without a picture.

    The original is among them only where it adds something: when it is hardly wider than its widest thumbnail, or when
    it has none yet.
    """
    picture = getattr(instance, field)
    if not picture:
        return []
    widths = sorted(getattr(instance, f"{field}_widths") or [])
    versions = [(width, absolute(picture.storage.url(thumbnail_key(picture.name, width)))) for width in widths]
    original_width = getattr(instance, f"{field}_width") or 0
    if not versions or original_width < 2 * versions[-1][0]:
        versions.append((original_width, absolute(picture.url)))
    return versions
