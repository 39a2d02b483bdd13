"""Themes: complete, readable, and compiled as committed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bookwyrm.themes import contrast, theme

LIGHT = (theme.FOLDER / "light.toml").read_text(encoding="utf-8")


def a_theme(folder: Path, text: str, name: str = "odd.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#777777", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
    ],
)
def test_the_contrast_is_the_one_that_wcag_defines(one: str, other: str, expected: float) -> None:
    assert contrast.ratio(one, other) == pytest.approx(expected, abs=0.005)


def test_a_theme_that_is_hard_to_read_is_refused_with_the_pair_and_its_ratio(tmp_path: Path) -> None:
    pale = re.sub(r"^ink-soft = .*$", 'ink-soft = "#9aa4aa"', LIGHT, flags=re.MULTILINE)

    with pytest.raises(theme.ThemeRefused) as refused:
        theme.read(a_theme(tmp_path, pale))

    assert "odd.toml: ink-soft (#9aa4aa) on page (#f5f7f6) has a contrast of 2.36; WCAG AA asks for 4.5" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('scheme = "light"', 'scheme = "sepia"'), 'scheme is \'sepia\'; expected "light" or "dark"'),
        (('ink = "#18222b"\n', ""), "colours lacks ink"),
        (('link = "#175676"', 'link = "blue"'), "link is 'blue'; expected a colour like #1b2330"),
        (('focus = "', 'glow = "#ffffff"\nfocus = "'), "colours has glow, which nothing uses"),
        (('label = { en = "Light"', 'label = { de = "Hell"'), "label has no English text"),
        (("[colours]", "[colours"), "not TOML"),
    ],
)
def test_a_wrong_theme_file_is_refused_by_name(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    wrong = LIGHT.replace(*change)
    assert wrong != LIGHT

    with pytest.raises(theme.ThemeRefused) as refused:
        theme.read(a_theme(tmp_path, wrong))

    assert f"odd.toml: {complaint}" in str(refused.value)


def test_the_committed_style_sheet_is_what_the_themes_compile_to() -> None:
    assert theme.STYLE_SHEET.read_text(encoding="utf-8") == theme.style_sheet(theme.themes())


def test_the_style_sheet_follows_the_system_until_a_theme_is_chosen() -> None:
    css = theme.style_sheet(theme.themes())

    assert "@media (prefers-color-scheme: dark) {\n  :root:not([data-theme]) {\n    color-scheme: dark;" in css
    assert ':root[data-theme="light"] {\n  color-scheme: light;' in css
    assert ':root[data-theme="dark"] {\n  color-scheme: dark;' in css


def test_every_colour_that_the_style_sheets_use_is_a_token_of_the_themes() -> None:
    sheets = [theme.STYLE_SHEET.with_name(name).read_text(encoding="utf-8") for name in ("site.css", "print.css")]
    used = {name for sheet in sheets for name in re.findall(r"var\(--([a-z-]+)", sheet)}
    declared = {name for name in re.findall(r"--([a-z-]+):", sheets[0])}

    assert used - declared == theme.TOKENS & used
    assert used >= theme.TOKENS


@pytest.fixture
def own_themes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of themes that is this test's own; at first it holds the two of the site."""
    for name in ("light.toml", "dark.toml"):
        a_theme(tmp_path, (theme.FOLDER / name).read_text(encoding="utf-8"), name)
    monkeypatch.setattr(theme, "FOLDER", tmp_path)
    theme.themes.cache_clear()
    yield tmp_path
    theme.themes.cache_clear()


def test_a_new_theme_is_one_new_file(own_themes: Path) -> None:
    a_theme(own_themes, LIGHT.replace("Light", "Mist"), "a-mist.toml")

    assert [found.name for found in theme.themes()] == ["light", "dark", "a-mist"]
    assert ':root[data-theme="a-mist"]' in theme.style_sheet(theme.themes())
    assert theme.themes()[2].label("de") == "Mist"


def test_without_the_dark_theme_nothing_is_compiled(own_themes: Path) -> None:
    (own_themes / "dark.toml").unlink()

    with pytest.raises(theme.ThemeRefused, match=r"has no dark\.toml"):
        theme.themes()


def test_the_command_changes_nothing_when_a_theme_is_refused(own_themes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = own_themes / "themes.css"
    committed = theme.STYLE_SHEET.read_text(encoding="utf-8")
    monkeypatch.setattr("bookwyrm.management.commands.compile_themes.STYLE_SHEET", sheet)
    mist = a_theme(own_themes, LIGHT.replace('ink = "#18222b"', 'ink = "#f0f0f0"'), "mist.toml")

    with pytest.raises(CommandError, match=r"mist\.toml: ink \(#f0f0f0\) on page"):
        call_command("compile_themes", stdout=StringIO())
    assert not sheet.exists()

    mist.unlink()
    call_command("compile_themes", stdout=StringIO())
    assert sheet.read_text(encoding="utf-8") == committed
