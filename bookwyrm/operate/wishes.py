"""Notice that it was edited on this host where pictures shall be: that is compared with what was loaded here before.

Not with what the database says: a second host, a restored `.env` or a first start must not move anybody's files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .. import env

LOADED = "use-s3-loaded"

WRITTEN_BEFORE = {"true": env.BUCKET, "false": env.DISK}
"""What is in the file of a site that knew no other store than its bucket."""


@dataclass
class Wish:
    """In which *store* `.env` wants the pictures now, on the host that keeps its own things in *state*."""

    state: Path
    store: str

    @cached_property
    def was_edited(self) -> bool:
        """Whether it said something else when it was loaded here the last time. Of a first time nothing is known."""
        try:
            loaded = (self.state / LOADED).read_text().strip()
        except FileNotFoundError:
            before = of_what_runs(self.state)
            return before is not None and before != self.store
        return WRITTEN_BEFORE.get(loaded, loaded) != self.store

    def remember(self) -> None:
        """Take what it says now for loaded."""
        draft = self.state / f"{LOADED}.new"
        draft.write_text(self.store)
        draft.replace(self.state / LOADED)


def of_what_runs(state: Path) -> str | None:
    """Return the store that the workers which run now were given for pictures; None if none do, or they do not tell.

    A site that was started before this was remembered has it in the copy of the settings that its workers were given.
    """
    copies = sorted((state / "run").glob("settings-*.env"), key=lambda path: path.stat().st_mtime)
    if not copies:
        return None
    return env.media_store(env.read({"BOOKWYRM_ENV_FILE": str(copies[-1])}))
