"""What a check found: a verdict, what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from ..sentences import in_language, say

EXPLAINED_IN = {"en": "docs/operate/en/troubleshoot.md", "fr": "docs/operate/fr/troubleshoot.md"}


class Verdict(StrEnum):
    """The four answers. A check that could not be made has its own: it is neither fine nor broken."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "could not tell"


GRAVEST_FIRST = (Verdict.FAILURE, Verdict.UNKNOWN, Verdict.WARNING, Verdict.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """One answered question. *id* is stable, e.g. ``cors.font``; *remedy* is empty where nothing needs doing."""

    id: str
    verdict: Verdict
    seen: str
    remedy: str = ""

    @property
    def link(self) -> str:
        """Where the page for owners explains this finding."""
        return self.link_in("en")

    def link_in(self, language: str) -> str:
        """Return where it is explained in *language*, or else in English."""
        return f"{EXPLAINED_IN.get(language, EXPLAINED_IN['en'])}#{self.id.replace('.', '')}"

    def said_in(self, language: str) -> Finding:
        """Return the finding with its sentences in *language*, as far as they are known in it."""
        return replace(self, seen=in_language(self.seen, language), remedy=in_language(self.remedy, language))

    def as_json(self) -> dict[str, str]:
        """Return it as plain values, in English: programs look for what does not change with a language."""
        return {**asdict(self), "verdict": self.verdict.value, "link": self.link}


def ok(identifier: str, seen: str) -> Finding:
    return Finding(identifier, Verdict.OK, seen)


def warning(identifier: str, seen: str, remedy: str) -> Finding:
    return Finding(identifier, Verdict.WARNING, seen, remedy)


def failure(identifier: str, seen: str, remedy: str) -> Finding:
    return Finding(identifier, Verdict.FAILURE, seen, remedy)


def unknown(identifier: str, seen: str, remedy: str = "") -> Finding:
    return Finding(identifier, Verdict.UNKNOWN, seen, remedy)


def not_known_before(step: str, identifier: str) -> Finding:
    """Return the finding for a question that lies behind another, which was not answered well."""
    return unknown(identifier, say("Not known before {step} is mended.", step=step))


def gravest(findings: Iterable[Finding]) -> Finding:
    """Return the finding that says most; of several answers to one question it is the one that counts."""
    return min(findings, key=lambda finding: GRAVEST_FIRST.index(finding.verdict))


def gathered(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return *findings*, each by itself, but those that could not be told for one and the same reason together.

    They are in the order in which they came, or their first did.
    """
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for each in findings:
        reason = (each.seen, each.remedy) if each.verdict is Verdict.UNKNOWN else (each.id, each.verdict, each.seen)
        groups.setdefault(reason, []).append(each)
    return list(groups.values())


def exit_code(findings: Iterable[Finding], *, accepted: Iterable[str] = ()) -> int:
    """Return 0 only if every question was answered and no answer is a failure; 5 otherwise, and for no answers at all.

    A warning alone is no reason to fail a script; a question that stayed open is. Findings whose ids are *accepted* do
    not count: their owner knows of them.
    """
    seen = list(findings)
    verdicts = {finding.verdict for finding in seen if finding.id not in set(accepted)}
    return 0 if seen and verdicts <= {Verdict.OK, Verdict.WARNING} else 5
