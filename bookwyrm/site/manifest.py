"""The web manifest: what a phone needs to know to keep this site as an app."""

from __future__ import annotations

import textwrap

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from ..images.urls import absolute, picture_url
from ..themes.theme import DEFAULT, themes
from .context import current_site
from .models import SiteSettings

# Characters; phones cut longer names off.
SHORT = 12
OUR_ICONS = (
    ("images/icon-192.png", "192x192", "any"),
    ("images/icon-512.png", "512x512", "any"),
    ("images/icon-512.png", "512x512", "maskable"),
)


@require_safe
@vary_on_headers("Accept-Language")
def manifest(request: HttpRequest) -> JsonResponse:
    """Answer the manifest; every picture in it has an absolute URL, wherever the files are kept."""
    site = current_site(request)
    page_colour = next(theme for theme in themes() if theme.name == DEFAULT["light"]).colours["page"]
    return JsonResponse(
        {
            "id": "/",
            "name": site.name,
            "short_name": _short(site.name),
            "description": site.tagline,
            "lang": get_language(),
            "start_url": absolute(reverse("home")),
            "scope": absolute("/"),
            "display": "standalone",
            "theme_color": page_colour,
            "background_color": page_colour,
            "icons": _icons(site),
        },
        content_type="application/manifest+json",
        json_dumps_params={"ensure_ascii": False},
    )


def _short(name: str) -> str:
    """Return as many whole words of *name* as fit under an icon, or its beginning."""
    return textwrap.shorten(name, SHORT, placeholder="") or name[:SHORT]


def _icons(site: SiteSettings) -> list[dict[str, str]]:
    """Return the owner's logo if there is one, before ours, so that a phone prefers it."""
    icons = [
        {"src": absolute(static(path)), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for path, sizes, purpose in OUR_ICONS
    ]
    if site.logo:
        icons.insert(0, {"src": picture_url(site, "logo"), "sizes": f"{site.logo_width}x{site.logo_height}"})
        icons = [icon for icon in icons if icon.get("purpose") != "maskable"]
    return icons
