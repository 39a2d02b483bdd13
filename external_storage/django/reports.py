"""Keep the doctor's last report, for the page to watch the storage on."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..health.findings import Finding, Verdict
from . import conf
from .console import without_secrets

FILE = "last-checkup.json"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and when (seconds since the epoch)."""

    made_at: float
    findings: list[Finding]


def keep(findings: list[Finding]) -> None:
    """Remember the findings, where the site has a folder for such things; it may be thrown away at any time."""
    folder = conf.configuration().state_dir
    if folder is None:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {"made_at": time.time(), "findings": [finding.as_json() for finding in findings]}
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
        return Report(float(told["made_at"]), [_finding(each) for each in told["findings"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finding(told: dict[str, Any]) -> Finding:
    return Finding(told["id"], Verdict(told["verdict"]), told["seen"], told.get("remedy", ""))
