"""What the doctor may mend by itself: steps that take nothing from anybody, each shown before it is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..health import cors
from ..health.findings import Finding, Verdict
from ..sentences import say
from . import checks, checkup, conf, opening
from .bucket_api import BucketApi


@dataclass(frozen=True, slots=True)
class MendingStep:
    """One change: the *finding* it is for, *what* it does in a sentence, and what it would set, as text to read."""

    finding: str
    what: str
    shown: str
    take: Callable[[], None]


def steps_for(subject: checkup.Subject, findings: Iterable[Finding]) -> list[MendingStep]:
    """Return the steps that would mend what was found; none for what needs its owner's judgement."""
    wrong = {finding.id for finding in findings if finding.verdict in (Verdict.FAILURE, Verdict.WARNING)}
    return [*_close_secret_files(wrong), *_open_files(subject, wrong), *_allow_pages(subject, wrong)]


def _close_secret_files(wrong: set[str]) -> Iterator[MendingStep]:
    if "secrets.file" not in wrong:
        return
    for path in filter(checks.readable_by_others, conf.configuration().secret_files):
        yield MendingStep(
            "secrets.file", say("Let only its owner read {path} (chmod 600).", path=path), "", _close(path)
        )


def _close(path: Path) -> Callable[[], None]:
    return lambda: path.chmod(0o600)


def _open_files(subject: checkup.Subject, wrong: set[str]) -> Iterator[MendingStep]:
    needs_policy = {"access.public", "access.acl"} & wrong
    if not needs_policy or not isinstance(subject.media, conf.BucketSettings) or "domain.leads-here" in wrong:
        return
    change = opening.change_for(subject.media)
    if change.is_needed:
        yield MendingStep(
            min(needs_policy),
            say("Let the policy of the bucket {name!r} open the site's files to readers.", name=subject.media.bucket),
            change.as_text,
            change.make,
        )


def _allow_pages(subject: checkup.Subject, wrong: set[str]) -> Iterator[MendingStep]:
    if not {"cors.preflight", "cors.font"} & wrong or not isinstance(subject.static, conf.BucketSettings):
        return
    api = BucketApi(subject.static)
    rules = cors.merged(cors.right_rules(subject.origins), api.cors_rules(), subject.origins)
    yield MendingStep(
        "cors.font",
        say("Give the bucket {name!r} these CORS rules (those of others are kept).", name=subject.static.bucket),
        json.dumps({"CORSRules": rules}, indent=2),
        lambda: api.set_cors_rules(rules),
    )
