"""Small pieces of pages: the chosen theme, stars, and what forms need to be read aloud."""

from __future__ import annotations

import re

from django import forms, template
from django.forms import BoundField
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_info, ngettext
from django.utils.translation import gettext as _

from ..site.context import current_site
from ..site.models import SiteSettings
from ..themes.theme import AUTOMATIC, COOKIE, DEFAULT, Theme, themes

register = template.Library()

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_STAR = "m12 2.8 2.85 5.9 6.45.9-4.7 4.5 1.15 6.4-5.75-3.1-5.75 3.1 1.15-6.4-4.7-4.5 6.45-.9z"
_FIVE_STARS = " ".join(f"M{24 * place} 0{_STAR}" for place in range(5))


@register.simple_tag(takes_context=True)
def theme_attribute(context: template.Context) -> SafeString:
    """Write ``data-theme="…"`` if the reader chose a theme; without it the page follows the system."""
    chosen = _chosen_theme(context)
    return format_html(' data-theme="{}"', chosen.name) if chosen else SafeString("")


@register.simple_tag(takes_context=True)
def theme_colour_tags(context: template.Context) -> SafeString:
    """Write the colour for the frame that phones draw around the page."""
    if chosen := _chosen_theme(context):
        return format_html('<meta name="theme-color" content="{}">', chosen.colours["page"])
    by_name = {theme.name: theme for theme in themes()}
    return format_html_join(
        "\n  ",
        '<meta name="theme-color" media="(prefers-color-scheme: {})" content="{}">',
        ((scheme, by_name[name].colours["page"]) for scheme, name in DEFAULT.items()),
    )


@register.simple_tag(takes_context=True)
def theme_choices(context: template.Context) -> dict[str, object]:
    """Return ``all`` the choices of the theme menu (name, label, icon, chosen) and the ``chosen_icon``."""
    chosen = _chosen_theme(context)
    automatic = {"name": AUTOMATIC, "label": _("As my system"), "icon": AUTOMATIC, "chosen": chosen is None}
    named = [
        {
            "name": theme.name,
            "label": theme.label(get_language() or "en"),
            "icon": theme.scheme,
            "chosen": theme == chosen,
        }
        for theme in themes()
    ]
    return {"all": [automatic, *named], "chosen_icon": chosen.scheme if chosen else AUTOMATIC}


@register.simple_tag(takes_context=True)
def own_site(context: template.Context) -> SiteSettings:
    """Return the site's settings, where a view of Django's put something else under ``site``."""
    return current_site(context["request"])


@register.simple_tag
def stars(rating: float) -> SafeString:
    """Draw five stars, filled up to *rating*, which is also said in words."""
    words = _("%(rating)s out of 5 stars") % {"rating": number_format(round(rating, 1), use_l10n=True)}
    # A nested <svg> cuts off what lies outside it: the stars beyond the rating.
    return format_html(
        '<svg class="stars" viewBox="0 0 120 24" width="90" height="18" role="img" aria-label="{}" focusable="false">'
        '<path class="star-empty" d="{}"/><svg width="{}" height="24"><path class="star-full" d="{}"/></svg></svg>',
        words,
        _FIVE_STARS,
        round(24 * rating, 1),
        _FIVE_STARS,
    )


@register.simple_tag
def rating_choices(field: BoundField) -> list[dict[str, object]]:
    """Return the ratings a reader may give (value, label, chosen), none first."""
    current = str(field.value() or "")
    given = [
        {"value": str(count), "label": ngettext("%(count)d star", "%(count)d stars", count) % {"count": count}}
        for count in range(1, 6)
    ]
    choices = [{"value": "", "label": _("No rating")}, *given]
    return [choice | {"chosen": choice["value"] == current} for choice in choices]


@register.filter
def is_checkbox(field: BoundField) -> bool:
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.simple_tag
def in_language(code: str) -> SafeString:
    """Write ``lang="…"`` for text in the language of *code*, so that it is read aloud and hyphenated as such."""
    return format_html(' lang="{}"', code) if _LANGUAGE_TAG.fullmatch(code) else SafeString("")


@register.filter
def language_name(code: str) -> str:
    """Return what the language of *code* is called in the reader's own, or *code* itself if it is not one we know."""
    try:
        return get_language_info(code)["name_translated"]
    except KeyError:
        return code


def _chosen_theme(context: template.Context) -> Theme | None:
    request = context.get("request")
    name = request.COOKIES.get(COOKIE) if request else None
    return next((theme for theme in themes() if theme.name == name), None)
