"""What every page knows: the site's name, its pictures, and whether a stranger may join."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.functional import SimpleLazyObject

from ..images.urls import absolute, picture_versions
from .models import SiteSettings


def current_site(request: HttpRequest) -> SiteSettings:
    """Return the site's settings, read from the database at most once per request."""
    if not hasattr(request, "_site_settings"):
        request._site_settings = SiteSettings.current()
    return request._site_settings


def site(request: HttpRequest) -> dict[str, object]:
    """Give the global context. Everything is lazy: a page that shows nothing of it asks the database nothing."""
    found = SimpleLazyObject(lambda: current_site(request))
    return {
        "site": found,
        "site_url": settings.SITE_URL,
        "logo_url": SimpleLazyObject(lambda: _picture_or_static(found, "logo", "images/logo.png")),
        "favicon_url": SimpleLazyObject(lambda: _picture_or_static(found, "favicon", "images/favicon.png")),
        "may_sign_up": SimpleLazyObject(lambda: found.registration == SiteSettings.Registration.OPEN),
    }


def _picture_or_static(found: SiteSettings, field: str, path: str) -> str:
    versions = picture_versions(found, field)
    return versions[-1][1] if versions else absolute(static(path))
