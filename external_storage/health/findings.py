"""What a check found: a verdict, what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The four answers. A check that could not be made has its own: it is neither fine nor broken."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "could not tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answered question. *id* is stable, e.g. ``cors.font``; *remedy* is empty where nothing needs doing."""

    id: str
    verdict: Verdict
    seen: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        return {**asdict(self), "verdict": self.verdict.value}


def ok(identifier: str, seen: str) -> Finding:
    return Finding(identifier, Verdict.OK, seen)


def warning(identifier: str, seen: str, remedy: str) -> Finding:
    return Finding(identifier, Verdict.WARNING, seen, remedy)


def failure(identifier: str, seen: str, remedy: str) -> Finding:
    return Finding(identifier, Verdict.FAILURE, seen, remedy)


def unknown(identifier: str, seen: str, remedy: str = "") -> Finding:
    return Finding(identifier, Verdict.UNKNOWN, seen, remedy)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 only if every question was answered and no answer is a failure; 5 otherwise, and for no answers at all.

    A warning alone is no reason to fail a script; a question that stayed open is.
    """
    verdicts = {finding.verdict for finding in findings}
    return 0 if verdicts and verdicts <= {Verdict.OK, Verdict.WARNING} else 5
