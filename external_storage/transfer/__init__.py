"""Move objects from one store to another: scan → plan → copy → verify.

Two sorted listings are the truth. There is no record of what was copied that could go stale, so a run may be killed at
any instant and simply started again.
"""

from __future__ import annotations

from pathlib import Path

from ..stores.base import Store
from .engine import Engine
from .plan import Decision, Rules, Verdict, decide
from .progress import JsonProgress, PlainProgress, Progress, Silence, TerminalProgress
from .report import Outcome, Report
from .scan import Pair, scan
from .verify import Line, verify

__all__ = [
    "Decision",
    "JsonProgress",
    "Line",
    "Outcome",
    "Pair",
    "PlainProgress",
    "Progress",
    "Report",
    "Rules",
    "TerminalProgress",
    "Verdict",
    "copy",
    "decide",
    "scan",
    "verify",
]


def copy(
    source: Store,
    target: Store,
    rules: Rules,
    *,
    concurrency: int | None = None,
    progress: Progress | None = None,
    dry_run: bool = False,
    state_dir: Path | None = None,
) -> Report:
    """Bring to *target* what it lacks or holds differently, prove that it is there, and report.

    *state_dir* is where runs leave what makes the next one quicker: which uploads are unfinished, and the MD5s of files
    by device, inode, size and times. It may be removed whenever no run is under way.

    Trouble with one object is an outcome in the report. What ends the whole run is raised after what was in flight has
    finished: `StoreRefused`, `SlowDown`, `Interrupted`; the error's ``report`` then says what was done until then.
    """
    progress = progress or Silence()
    with Engine(
        source, target, rules, progress=progress, concurrency=concurrency, dry_run=dry_run, state_dir=state_dir
    ) as engine:
        for pair in scan(engine.source, engine.target, prefix=rules.prefix):
            engine.carry_out(pair, decide(pair, rules))
        engine.settle()
    return engine.report
