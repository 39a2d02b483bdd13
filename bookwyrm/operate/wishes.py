"""Notice that ``USE_S3`` was edited on this host: it is compared with what was loaded here the last time.

Not with what the database says: a second host, a restored `.env` or a first start must not move anybody's files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .. import env

LOADED = "use-s3-loaded"


def as_text(use_s3: bool) -> str:
    return "true" if use_s3 else "false"


@dataclass
class Wish:
    """What ``USE_S3`` says now, on the host that keeps its own things in *state*."""

    state: Path
    use_s3: bool

    @cached_property
    def was_edited(self) -> bool:
        """Whether it said something else when it was loaded here the last time. Of a first time nothing is known."""
        try:
            loaded = (self.state / LOADED).read_text().strip()
        except FileNotFoundError:
            before = of_what_runs(self.state)
            return before is not None and before != self.use_s3
        return loaded != as_text(self.use_s3)

    def remember(self) -> None:
        """Take what it says now for loaded."""
        draft = self.state / f"{LOADED}.new"
        draft.write_text(as_text(self.use_s3))
        draft.replace(self.state / LOADED)


def of_what_runs(state: Path) -> bool | None:
    """Return what ``USE_S3`` is for the workers that run now; None if none do, or they do not tell.

    A site that was started before this was remembered has it in the copy of the settings that its workers were given.
    """
    copies = sorted((state / "run").glob("settings-*.env"), key=lambda path: path.stat().st_mtime)
    if not copies:
        return None
    return env.read({"BOOKWYRM_ENV_FILE": str(copies[-1])}).flag("USE_S3")
