"""Say what is typed before a command that a remedy names: ``./bw-dev`` on one site, ``python manage.py`` on another.

Whoever finds something out knows the command alone, and a sentence that is kept may be read under other settings. So
this is put in where a remedy is shown: on a terminal, in JSON and on a page.
"""

from __future__ import annotations

import re

from django.core.management import get_commands

from ..errors import SettingsError
from . import conf

# Of Django's own commands, those that remedies name. A name with an underscore is no word of any language.
WITHOUT_UNDERSCORE = {"collectstatic", "migrate"}


def as_typed(text: str) -> str:
    """Return *text* with what this site types before each command of its own; once, however often it is asked for.

    A name inside quotes, a path or a longer name is somebody's file.
    """
    prefix = _prefix()
    names = "|".join(name for name in sorted(get_commands()) if "_" in name or name in WITHOUT_UNDERSCORE)
    named = rf"(?<!{re.escape(prefix)} )(?<![\w'\"./-])(?:{names})(?![\w/-]|\.\w)"
    return re.sub(named, lambda found: f"{prefix} {found[0]}", text)


def _prefix() -> str:
    try:
        return conf.configuration().command_prefix
    except SettingsError:  # which may be what is told of
        return conf.COMMAND_PREFIX
