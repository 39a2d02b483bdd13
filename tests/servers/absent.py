"""Find a server's program, or say which command adds it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# Debian keeps daemons where an ordinary user's PATH does not look, and pip's programs stand beside the interpreter.
MORE_PLACES = [str(Path(sys.executable).parent), "/usr/sbin", "/usr/bin"]


class ServerAbsent(Exception):
    """A program the tests need is not installed; *added_by* is the command that installs it."""

    def __init__(self, program: str, added_by: str) -> None:
        self.program = program
        self.added_by = added_by
        super().__init__(f"{program} is not installed; add it with: {added_by}")


def program_path(program: str, *, added_by: str, places: list[str] | None = None) -> str:
    """Return where *program* is, or raise `ServerAbsent` naming *added_by*."""
    found = shutil.which(program)
    for place in (places or []) + MORE_PLACES:
        found = found or shutil.which(program, path=place)
    if not found:
        raise ServerAbsent(program, added_by)
    return found
