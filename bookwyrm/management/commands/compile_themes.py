"""Compile the colour themes to one style sheet."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from bookwyrm.themes.theme import STYLE_SHEET, ThemeRefused, style_sheet, themes


class Command(BaseCommand):
    help = "Check the contrast of every theme in bookwyrm/themes/ and write them to static/css/themes.css."
    requires_system_checks = []

    def handle(self, **options) -> None:
        try:
            css = style_sheet(themes())
        except ThemeRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        # An unchanged sheet is left alone, so the tree may be read-only where no theme was touched.
        if not STYLE_SHEET.exists() or STYLE_SHEET.read_text(encoding="utf-8") != css:
            STYLE_SHEET.write_text(css, encoding="utf-8")
        self.stdout.write(f"{len(themes())} themes: {', '.join(theme.name for theme in themes())}.")
