"""Read themes, refuse those that are hard to read, and write them as CSS custom properties."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import contrast

FOLDER = Path(__file__).parent
STYLE_SHEET = FOLDER.parent / "static" / "css" / "themes.css"
COOKIE = "theme"
AUTOMATIC = "auto"
DEFAULT = {"light": "light", "dark": "dark"}
"""Which theme a reader gets who chose none, by what their system prefers."""

# (foreground, background, least ratio): every pair that the style sheet puts one on the other.
PAIRS = (
    *(("ink", ground, contrast.TEXT) for ground in ("page", "surface", "sunken")),
    *(("ink-soft", ground, contrast.TEXT) for ground in ("page", "surface", "sunken")),
    *(("link", ground, contrast.TEXT) for ground in ("page", "surface", "sunken")),
    *(("ribbon", ground, contrast.TEXT) for ground in ("page", "surface")),
    ("on-button", "button", contrast.TEXT),
    ("on-button", "button-hover", contrast.TEXT),
    ("on-ribbon", "ribbon", contrast.TEXT),
    ("danger", "page", contrast.TEXT),
    ("danger", "surface", contrast.TEXT),
    ("on-danger", "danger", contrast.TEXT),
    *(("ink", ground, contrast.TEXT) for ground in ("good-ground", "warning-ground", "bad-ground")),
    *(("edge", ground, contrast.SHAPE) for ground in ("page", "surface", "sunken")),
    *(("focus", ground, contrast.SHAPE) for ground in ("page", "surface", "sunken")),
    ("star", "page", contrast.SHAPE),
    ("star", "surface", contrast.SHAPE),
)
# Tokens that no text stands on and that carry no meaning of their own.
ORNAMENTS = ("line", "board", "board-edge", "shade")
TOKENS = frozenset(ORNAMENTS).union(*({front, back} for front, back, _ in PAIRS))


class ThemeRefused(Exception):
    """A theme file is wrong or hard to read; the message names the file and every fault in it."""


@dataclass(frozen=True)
class Theme:
    name: str
    scheme: str
    labels: dict[str, str]
    colours: dict[str, str]

    def label(self, language: str) -> str:
        """Return what people call this theme, in *language* or else in English."""
        return self.labels.get(language, self.labels["en"])


@functools.cache
def themes() -> tuple[Theme, ...]:
    """Return every theme of this site, those that follow the system first."""
    found = {path.stem: read(path) for path in sorted(FOLDER.glob("*.toml"))}
    first = list(DEFAULT.values())
    if missing := [name for name in first if name not in found]:
        raise ThemeRefused(f"{FOLDER} has no {missing[0]}.toml, which readers get who chose no theme")
    return tuple(found[name] for name in [*first, *(name for name in found if name not in first)])


def read(path: Path) -> Theme:
    """Read one theme and refuse it unless it is complete and all that stands on its grounds can be read."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ThemeRefused(f"{path.name}: not TOML: {error}") from error
    theme = Theme(path.stem, data.get("scheme", ""), data.get("label", {}), data.get("colours", {}))
    if faults := [*_faults_of_form(theme)] or [*_faults_of_contrast(theme)]:
        raise ThemeRefused("\n".join(f"{path.name}: {fault}" for fault in faults))
    return theme


def style_sheet(all_themes: tuple[Theme, ...]) -> str:
    """Return CSS that follows the system's preference until the reader has chosen a theme by name."""
    by_name = {theme.name: theme for theme in all_themes}
    light, dark = by_name[DEFAULT["light"]], by_name[DEFAULT["dark"]]
    rules = [
        "/* Made from bookwyrm/themes/*.toml by `manage.py compile_themes`; change those, not this. */",
        _rule(":root", light),
        "@media (prefers-color-scheme: dark) {\n" + _rule(":root:not([data-theme])", dark, indent="  ") + "\n}",
        *(_rule(f':root[data-theme="{theme.name}"]', theme) for theme in all_themes),
    ]
    return "\n\n".join(rules) + "\n"


def _faults_of_form(theme: Theme):
    if theme.scheme not in ("light", "dark"):
        yield f'scheme is {theme.scheme!r}; expected "light" or "dark"'
    if not isinstance(theme.labels, dict) or "en" not in theme.labels:
        yield 'label has no English text; expected label = { en = "…" }'
    if missing := sorted(TOKENS - theme.colours.keys()):
        yield f"colours lacks {', '.join(missing)}"
    if unknown := sorted(theme.colours.keys() - TOKENS):
        yield f"colours has {', '.join(unknown)}, which nothing uses"
    for token, value in theme.colours.items():
        if not contrast.is_colour(value):
            yield f"{token} is {value!r}; expected a colour like #1b2330"


def _faults_of_contrast(theme: Theme):
    for front, back, least in PAIRS:
        found = contrast.ratio(theme.colours[front], theme.colours[back])
        if found < least:
            yield (
                f"{front} ({theme.colours[front]}) on {back} ({theme.colours[back]}) has a contrast of {found:.2f}; "
                f"WCAG AA asks for {least}"
            )


def _rule(selector: str, theme: Theme, indent: str = "") -> str:
    lines = [f"color-scheme: {theme.scheme};"]
    lines += [f"--{token}: {colour};" for token, colour in sorted(theme.colours.items())]
    return "\n".join([f"{indent}{selector} {{", *(f"{indent}  {line}" for line in lines), f"{indent}}}"])
