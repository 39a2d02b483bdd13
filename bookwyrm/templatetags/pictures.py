"""Show a picture of a row, in the sizes that are stored, or the picture that stands for a missing one."""

from __future__ import annotations

from django import template
from django.db.models import Model
from django.forms.utils import flatatt
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..images.urls import picture_url as absolute_picture_url
from ..images.urls import picture_versions

register = template.Library()

# path, width, height
STANDING_IN = {
    "cover": ("images/default_cover.png", 400, 600),
    "avatar": ("images/default_avatar.png", 320, 320),
    "logo": ("images/logo.png", 512, 512),
    "favicon": ("images/favicon.png", 64, 64),
}


@register.simple_tag
def picture(instance: Model, field: str, *, sizes: str = "", alt: str | None = None, **attributes: str) -> SafeString:
    """Write ``<img>``: ``{% picture book "cover" sizes="10rem" class="cover" %}``.

    Further arguments become attributes (``_`` for ``-``). ``alt=""`` where the text beside it says the same.
    """
    versions = picture_versions(instance, field)
    width, height = getattr(instance, f"{field}_width"), getattr(instance, f"{field}_height")
    shown = {"src": versions[-1][1], "width": width, "height": height} if versions else _standing_in(field)
    if len(versions) > 1:
        shown |= {"srcset": ", ".join(f"{url} {pixels}w" for pixels, url in versions), "sizes": sizes or "auto, 100vw"}
    shown |= {"alt": _description(instance, field) if alt is None else alt, "loading": "lazy", "decoding": "async"}
    shown |= {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return format_html("<img{}>", flatatt({name: value for name, value in shown.items() if value is not None}))


@register.simple_tag
def picture_url(instance: Model, field: str) -> str:
    """Write the absolute URL of the original, or nothing."""
    return absolute_picture_url(instance, field)


def _standing_in(field: str) -> dict[str, object]:
    path, width, height = STANDING_IN[field]
    return {"src": static(path), "width": width, "height": height}


def _description(instance: Model, field: str) -> str:
    if field == "cover":
        return _("Cover of “%(title)s”") % {"title": instance}
    if field == "avatar":
        return _("Picture of %(name)s") % {"name": instance.shown_name}
    return str(instance)
