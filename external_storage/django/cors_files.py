"""What the commands on CORS are told: a file of rules, or the site's own origins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import SettingsError
from ..health import cors
from . import conf


def fonts_alias() -> str:
    """Return the alias of the fonts: that of the static files, if the site keeps those with us."""
    return "staticfiles" if "staticfiles" in conf.configuration().aliases else "default"


def rules_in_file(name: str) -> list[cors.Rule]:
    """Return the rules in the file *name*, or on standard input for "-". Raise `SettingsError` for anything else."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(
            f"{name} cannot be read: {problem}.", remedy="Expected: a file with CORS rules, in UTF-8."
        ) from problem
    return cors.parse(text, called=name)


def site_origins() -> Sequence[str]:
    """Return the origins the site is read at. Raise `SettingsError` if the settings do not name them."""
    if origins := conf.configuration().site_origins:
        return origins
    setting = f'{conf.SETTING}["SITE_ORIGINS"]'
    raise SettingsError(f"{setting} is not set.", setting=setting, remedy="Name the site's origins, or give a FILE.")
