"""Keep the doctor's last report, for the page to watch the storage on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..health.findings import Finding, Verdict
from ..sentences import packed, unpacked
from . import conf
from .console import without_secrets

if TYPE_CHECKING:
    from .looking import Count

FILE = "last-checkup.json"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and when (seconds since 1970); what was counted then, if anything was."""

    made_at: float
    findings: list[Finding]
    counted: list[dict[str, Any]]


def keep(findings: Sequence[Finding], *, counted: Sequence[Count] = ()) -> None:
    """Remember the findings, where the site has a folder for such things; it may be thrown away at any time."""
    before = last()
    known = [count.as_dict() for count in counted] or (before.counted if before else [])
    _write(Report(time.time(), list(findings), known))


def keep_count(count: Count) -> None:
    """Remember what is in one store now, beside a report of before; nothing if there is none."""
    if (before := last()) is None:
        return
    others = [each for each in before.counted if (each["alias"], each["store"]) != (count.alias, count.store)]
    _write(Report(before.made_at, before.findings, [*others, count.as_dict()]))


def _write(report: Report) -> None:
    folder = conf.configuration().state_dir
    if folder is None:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {
        "made_at": report.made_at,
        "findings": [_as_kept(finding) for finding in report.findings],
        "counted": report.counted,
    }
    # Written beside and renamed: a reader sees the old report or the new one.
    draft = folder / f"{FILE}.{os.getpid()}"
    draft.write_text(without_secrets(json.dumps(told)), encoding="utf-8")
    draft.replace(folder / FILE)


def last() -> Report | None:
    """Return the last report, None if there is none that can be read."""
    folder = conf.configuration().state_dir
    if folder is None:
        return None
    try:
        told = json.loads(Path(folder / FILE).read_text("utf-8"))
        return Report(float(told["made_at"]), [_finding(each) for each in told["findings"]], list(told["counted"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _as_kept(finding: Finding) -> dict[str, Any]:
    # Whoever reads the report may read another language than whoever asked for it.
    return finding.as_json() | {"seen": packed(finding.seen), "remedy": packed(finding.remedy)}


def _finding(told: dict[str, Any]) -> Finding:
    return Finding(told["id"], Verdict(told["verdict"]), unpacked(told["seen"]), unpacked(told.get("remedy", "")))
