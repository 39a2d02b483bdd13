"""Tell what a copy would do and what it would ask of the stores. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..errors import StorageError, StoreRefused
from ..objects import HoldBack, ObjectInfo
from ..stores.base import Store, TellsVersions
from ..stores.contents import RecordedDigests, same_content
from ..stores.digests import DigestCache, DigestsKnown
from ..stores.dry_run import DryRunStore
from ..stores.retrying import RetryingStore
from ..stores.s3.multipart import SMALLEST_PART, part_size_for
from .cost import PER_PAGE, Requests, pages
from .plan import Decision, Rules, Verdict, decide
from .progress import Progress, Silence
from .report import Report
from .scan import Pair, scan
from .side_by_side import side_by_side

# As much as a site's rule wants to see of a file, and few enough to be read of every file.
FIRST_BYTES = 4096

THREADS = 8

# Where a run keeps the digests of files, in its state directory.
DIGESTS = "digests.sqlite3"


@dataclass
class Forecast:
    """What a copy would do. *report* counts and names it; the requests are what the copy itself would make."""

    report: Report
    replaced: int = 0
    source: Requests = field(default_factory=Requests)
    target: Requests = field(default_factory=Requests)
    objects_in_source: int = 0
    objects_in_target: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """One pair, what is to be done with it, and what finding that out took."""

    pair: Pair
    decision: Decision
    target_requests: Requests


def forecast(
    source: Store,
    target: Store,
    rules: Rules,
    *,
    look_inside: bool,
    progress: Progress | None = None,
    state_dir: Path | None = None,
) -> Forecast:
    """Return what `external_storage.transfer.copy` would do with the same arguments.

    If it ends early, *progress* is told so; otherwise the caller has yet to say that it is finished, and may add to
    the report before. With *look_inside* the site's rule is shown the first bytes of each file that would be sent, as
    the copy shows it all of them; without, it decides by the name alone, and the copy may hold back some more.
    *state_dir* is that of the copy: what is read for the forecast need not be read again.
    """
    progress = progress or Silence()
    foreseen = Forecast(Report(source.place, target.place, dry_run=True))
    target = RetryingStore(DryRunStore(target))
    progress.started(foreseen.report)
    try:
        with _digests_known(source, state_dir) as source:
            pairs = scan(source, target, prefix=rules.prefix)
            look = partial(_look, source, target, rules, look_inside, RecordedDigests())
            for seen in side_by_side(look, pairs, threads=THREADS):
                _count(foreseen, seen, rules, progress)
    except StorageError as error:
        foreseen.report.finish(error, ())
        progress.finished(foreseen.report)
        error.report = foreseen.report
        raise
    _count_listings(foreseen)
    foreseen.report.finish(None, ())
    return foreseen


@contextmanager
def _digests_known(source: Store, state_dir: Path | None) -> Iterator[Store]:
    """Yield the source, with the digests that earlier runs left in *state_dir*."""
    patient = RetryingStore(source)
    if state_dir is None or not isinstance(source, TellsVersions):
        yield patient
        return
    with closing(DigestCache(state_dir / DIGESTS)) as cache:
        yield DigestsKnown(patient, source, cache)


def _look(
    source: Store, target: Store, rules: Rules, look_inside: bool, recorded: RecordedDigests, pair: Pair
) -> _Seen:
    decision, asked = decide(pair, rules), Requests()
    try:
        if decision.verdict is Verdict.COMPARE:
            same = same_content(source, target, pair.source, pair.target, recorded)
            decision = decide(pair, rules, same=same)
            # A digest in the listing that agrees settles it; otherwise the target is asked about the object.
            asked = Requests(gets=0 if same and pair.target.md5 is not None else 1)
        if decision.verdict is Verdict.COPY and look_inside:
            decision = _held_back_by_content(source, pair.key, rules) or decision
    except StoreRefused:
        raise
    except StorageError as error:
        decision = Decision(Verdict.UNUSABLE, error.what, error.remedy)
    return _Seen(pair, decision, asked)


def _held_back_by_content(source: Store, key: str, rules: Rules) -> Decision | None:
    with source.open(key) as opened:
        answer = rules.publish(key, opened.read(FIRST_BYTES))
    return Decision(Verdict.HOLD_BACK, answer.reason) if isinstance(answer, HoldBack) else None


def _count(foreseen: Forecast, seen: _Seen, rules: Rules, progress: Progress) -> None:
    pair = seen.pair
    foreseen.objects_in_source += isinstance(pair.source, ObjectInfo)
    foreseen.objects_in_target += isinstance(pair.target, ObjectInfo)
    foreseen.target += seen.target_requests
    if seen.decision.verdict is not Verdict.COPY:
        progress.advanced(foreseen.report.count_decision(pair.key, seen.decision))
        return
    size = pair.source.size
    foreseen.replaced += pair.target is not None
    foreseen.source += Requests(gets=1, bytes_out=size)
    # Where nothing may be replaced, the target is asked first whether it has one by now.
    foreseen.target += Requests(puts=_puts(size), gets=int(rules.on_difference == "keep"), bytes_in=size)
    foreseen.report.count_would_copy(size)
    progress.advanced(None)


def _puts(size: int) -> int:
    """Return how many requests it takes to store that many bytes: one, or the parts, a beginning and an end."""
    return 1 if size <= SMALLEST_PART else 2 + -(-size // part_size_for(size))


def _count_listings(foreseen: Forecast) -> None:
    foreseen.source += Requests(lists=pages(foreseen.objects_in_source))
    foreseen.target += Requests(lists=pages(foreseen.objects_in_target))
    to_copy = foreseen.report.copied
    # What was sent is proven by one more listing, or by a HEAD each where those are fewer.
    proving = 1 + (foreseen.objects_in_target + to_copy) // PER_PAGE
    foreseen.target += Requests(lists=proving) if proving <= to_copy else Requests(gets=to_copy)
