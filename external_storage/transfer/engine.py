"""Carry out decisions side by side, prove the results, and stop in time when going on is of no use."""

from __future__ import annotations

import resource
import signal
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from ..errors import (
    AlreadyExists,
    ContentRefused,
    DigestMismatch,
    Interrupted,
    ObjectMissing,
    SlowDown,
    StorageError,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
    VerificationFailed,
)
from ..objects import Headers, ObjectInfo, in_key_order
from ..sentences import say
from ..stores.base import (
    LeavesUnfinished,
    Noted,
    ReadsWhole,
    RemembersUploads,
    RetriesItself,
    SendsAhead,
    Store,
    TellsVersions,
)
from ..stores.contents import RecordedDigests, remember, same_content
from ..stores.digests import DigestCache, DigestsKnown, TargetDigestsKnown
from ..stores.dry_run import DryRunStore
from ..stores.retrying import LONGEST_WAIT_ASKED_FOR, Patience, RetryingStore
from .collisions import Collisions
from .copy import LARGEST_AHEAD, copy_object, read_to_copy
from .flight import Flight
from .hashing import Hashing
from .jobs import Jobs
from .pace import Pace
from .plan import Decision, Rules, Verdict, decide
from .progress import Progress
from .report import Report
from .scan import Pair
from .signals import SignalsRaise
from .verify import Stretch, find_unproven

# How many objects are in flight at most; `Pace` decides how many are. Sixteen keep a near store busy, one 20 ms away
# takes four times as many, one 100 ms away all of them; see docs/decisions/s3-client.md.
MOST_AT_ONCE = 256

# Small objects are sent by the thread that walks the listings, many at once: several threads would only fight over the
# interpreter. Unless reading takes so long on average, for then the disk wants to be asked by several threads at a
# time; of READ_TO_SEE objects, one is read by that thread nevertheless, to see whether it still is so.
SLOW_READ_SECONDS = 0.002
READS_REMEMBERED = 64
READ_TO_SEE = 16

# A worker has a file and a connection open; this many are left to the rest of the process.
FILES_FOR_OTHERS = 40

# So many failures in a row that are the store's doing: it is gone, and grinding on would only take longer.
HOPELESS_STREAK = 20

# An object that the store puts off is tried again for as long as others get through, and for so long after the last.
STORM_SECONDS = 30.0

# So many objects are sent before the listing that proves them; what is known of them is kept in memory until then.
WAVE = 5_000

# After a signal, what is in flight has this long to finish.
GRACE_SECONDS = 4.0


class Engine:
    """What carries out a run's decisions. Used as a context; leaving it waits for the work and raises what ended it."""

    def __init__(
        self,
        source: Store,
        target: Store,
        rules: Rules,
        *,
        progress: Progress,
        concurrency: int | None = None,
        dry_run: bool = False,
        patience: Patience | None = None,
        state_dir: Path | None = None,
    ) -> None:
        self.report = Report(source.place, target.place, dry_run=dry_run)
        self._stop_asked = threading.Event()
        self._noted = [store for store in (source, target) if isinstance(store, Noted)]
        if state_dir is not None and isinstance(target, RemembersUploads):
            target.remember_uploads_in(state_dir / "uploads")
        if isinstance(target, RetriesItself):
            target.tell_of_retries(self._on_retry)
        self._leftovers = target if isinstance(target, LeavesUnfinished) else None
        self.source: Store = self._patient(source, patience)
        self.target: RetryingStore | TargetDigestsKnown = self._patient(
            DryRunStore(target) if dry_run else target, patience
        )
        self._digests: DigestCache | None = None
        if state_dir is not None and (isinstance(source, TellsVersions) or isinstance(target, TellsVersions)):
            self._digests = DigestCache(state_dir / "digests.sqlite3")
        if self._digests is not None and isinstance(source, TellsVersions):
            self.source = DigestsKnown(self.source, source, self._digests)
            self._noted.append(self.source)
        if self._digests is not None and isinstance(target, TellsVersions):
            self.target = TargetDigestsKnown(self.target, target, self._digests)
        self._recorded = RecordedDigests()
        self._collisions = Collisions(self.source, self.target, rules.prefix)
        self._rules = rules
        self._progress = progress
        self._signals = SignalsRaise()
        threads = concurrency or _most_at_once()
        self._pace = Pace(threads, fixed=concurrency is not None)
        self._ahead: SendsAhead | None = None
        if isinstance(source, ReadsWhole) and isinstance(target, SendsAhead) and rules.on_difference == "replace":
            self._ahead = target
        self._jobs: Jobs[_Job | _Wave] = Jobs(2 * min(threads, 32), meanwhile=self._look_around)
        self._workers: list[threading.Thread] = []
        self._hashing: Hashing[_Read] = Hashing()
        self._flight: Flight[_Read] = Flight()
        self._seconds_to_read = 0.0
        self._slow_reads = 0
        self._hiring = threading.Lock()
        self._last_key = ""
        self._wave = _Wave(after="")
        self._open_waves = 1
        self._settled = threading.Condition()
        self._failures_in_a_row = 0
        self._last_success_at = -STORM_SECONDS
        self._stopped_by: BaseException | None = None

    def _patient(self, store: Store, patience: Patience | None) -> RetryingStore:
        return RetryingStore(store, patience, on_retry=self._on_retry, sleep=self._stop_asked.wait)

    # What a run asks for

    def carry_out(self, pair: Pair, decision: Decision) -> None:
        """Do what was decided about the next pair; pairs come in key order."""
        self._raise_if_stopped()
        self._wave.targets_seen += isinstance(pair.target, ObjectInfo)
        if decision.verdict is Verdict.COPY and not self.report.dry_run:
            decision = self._collisions.judged(pair, decision)
        if decision.verdict is not Verdict.UNUSABLE:
            self._last_key = pair.key
        if decision.verdict is Verdict.COMPARE or (decision.verdict is Verdict.COPY and not self.report.dry_run):
            self._wave.begin_job()
            self._give(_Job(pair, decision, self._wave))
            if self._wave.jobs_begun >= WAVE:
                self._close_wave()
        else:
            self._conclude(pair, decision)

    def settle(self) -> None:
        """Wait until everything asked for is done and proven."""
        self._close_wave(last=True)
        for read, data, md5 in self._hashing.rest():
            self._launch(read, data, md5)
        self._jobs.hand_out()
        while self._flight:
            self._look_around()
        with self._settled:
            self._settled.wait_for(lambda: not self._open_waves or self._stop_asked.is_set())
        self._raise_if_stopped()
        if self._leftovers and not self.report.dry_run:
            self._leftovers.clear_unfinished()

    # The context

    def __enter__(self) -> Engine:
        self._signals.begin()
        self._progress.started(self.report)
        if self._progress.wants_totals:
            threading.Thread(target=self._count_source, name="transfer-census", daemon=True).start()
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._signals.ignore()
        if error is not None:
            self._stop(error)
        self._dismiss_workers()
        if self._digests is not None:
            self._digests.close()
        if isinstance(self._stopped_by, KeyboardInterrupt):
            self._stopped_by = Interrupted(signal.SIGINT)
        stopped = self._stopped_by
        notes = tuple(dict.fromkeys(note for store in self._noted for note in store.notes))
        self.report.finish(stopped if isinstance(stopped, StorageError) else None, notes)
        try:
            self._progress.finished(self.report)
        finally:
            self._signals.end()
        if isinstance(stopped, StorageError):
            stopped.report = self.report
        if stopped is not None and stopped is not error:
            raise stopped

    def _dismiss_workers(self) -> None:
        """Let the workers finish what they are at; after a stop, what waits is thrown away and patience is short."""
        stopping = self._stop_asked.is_set()
        patience_ends = monotonic() + GRACE_SECONDS
        self._hashing.close()
        self._jobs.close(throw_away=stopping)
        while self._flight and monotonic() < patience_ends:
            with suppress(StorageError):  # the run has ended; what it ended with is told
                self._land()
        for worker in self._workers:
            worker.join(max(0.0, patience_ends - monotonic()) if stopping else None)

    def _look_around(self) -> None:
        """Do what must go on while a job cannot be handed over yet."""
        self._raise_if_stopped()
        if self._flight:
            self._land()

    def _give(self, job: _Job) -> None:
        """Do the job, or hand it over."""
        if self._goes_ahead(job):
            self._read(job)
            for read, data, md5 in self._hashing.finished():
                self._launch(read, data, md5)
        else:
            self._hand_over(job)

    def _hand_over(self, job: _Job) -> None:
        self._hire_if_wanted()
        self._jobs.give(job)

    def _goes_ahead(self, job: _Job) -> bool:
        """Return whether the object is sent from here: a small one, if that means no waiting but for its answer."""
        if self._ahead is None or job.decision.verdict is not Verdict.COPY or job.pair.source.size > LARGEST_AHEAD:
            return False
        if self._jobs.is_full or not self._ahead.is_ready:
            return False
        if self._seconds_to_read < SLOW_READ_SECONDS:
            return True
        self._slow_reads += 1
        return self._slow_reads % READ_TO_SEE == 0

    # The workers: each does one job at a time

    def _hire_if_wanted(self) -> None:
        """Let there be one worker more if so many may be at work, and this machine allows it."""
        with self._hiring:
            if self._jobs.idle_takers or len(self._workers) >= self._pace.limit:
                return
            worker = threading.Thread(target=self._work, name=f"transfer-{len(self._workers)}", daemon=True)
            try:
                worker.start()
            except RuntimeError:
                if not self._workers:
                    raise
                self._pace.rise_no_further(len(self._workers))
                return
            self._workers.append(worker)

    def _work(self) -> None:
        while (batch := self._jobs.take()) is not None:
            # Who waits for a batch must not keep another, who has one, from going on with it.
            self._pace.begin()
            for job in batch:
                self._pace.pause()
                if self._stop_asked.is_set():
                    break
                self._run(job)
            self._pace.end()

    def _run(self, job: _Job | _Wave) -> None:
        try:
            if isinstance(job, _Wave):
                self._prove(job)
                return
            self.report.in_flight[job.pair.key] = monotonic()
            try:
                is_put_off = self._do(job)
            finally:
                self.report.in_flight.pop(job.pair.key, None)
            if not is_put_off:
                self._end(job)
        except BaseException as error:  # noqa: BLE001 — kept, and raised again where the run is waited for
            self._stop(error)

    def _do(self, job: _Job) -> bool:
        """Do the job, or put it off; return whether it is put off."""
        try:
            target = self.target if job.trouble is None else self.target.after_one_try(job.trouble)
            decision = self._look_closer(job)
            if decision.verdict is Verdict.COPY and not self.report.dry_run:
                self._has_sent(job, copy_object(self.source, target, job.pair.key, self._rules))
            else:
                self._conclude(job.pair, decision)
        except StorageError as error:
            if isinstance(error, SlowDown) and monotonic() < self._last_success_at + STORM_SECONDS:
                self._try_again(job, error)
                return True
            self._went_badly(job, error)
        return False

    # What is sent ahead: many small objects on their way at once, all from the thread that walks the listings

    def _read(self, job: _Job) -> None:
        key, began = job.pair.key, monotonic()
        try:
            read = read_to_copy(self.source, key, self._rules)
        except TransientStoreError as error:
            self._try_again(job, error)
        except StorageError as error:
            self._went_badly(job, error)
            self._end(job)
        else:
            self._seconds_to_read += (monotonic() - began - self._seconds_to_read) / READS_REMEMBERED
            if read is None:
                self._hand_over(job)
            else:
                info, data, headers = read
                self._hashing.add(_Read(job, info, headers), data)

    def _launch(self, read: _Read, data: bytes, md5: bytes) -> None:
        job, info, headers = read
        if not self._ahead.is_ready or not self._make_room():
            self._hand_over(job)
            return
        # Whoever left that room may have learned that the store refuses everything.
        self._raise_if_stopped()
        self.report.in_flight[info.key] = monotonic()
        try:
            self._flight.add(read, self.target.begin_put(info.key, data, md5, headers), info.size)
        except TransientStoreError as error:
            self._try_again(job, error)
            self._is_down(job)
        except StorageError as error:
            self._went_badly(job, error)
            self._is_down(job)
            self._end(job)

    def _make_room(self) -> bool:
        """Return when one more may be on its way, or False if the workers are all that may be at work."""
        while self._flight.is_heavy or not self._pace.may_begin():
            if not self._flight:
                return False
            self._look_around()
        return True

    def _land(self) -> None:
        for (job, info, _), sending in self._flight.landed():
            try:
                stored = sending.finish()
            except (TransientStoreError, DigestMismatch) as error:
                self._try_again(job, error)
                self._is_down(job)
            except StorageError as error:
                self._went_badly(job, error)
                self._is_down(job)
                self._end(job)
            else:
                self._is_down(job)
                remember(self.source, info, stored.md5)
                self._has_sent(job, stored)
                self._end(job)

    def _is_down(self, job: _Job) -> None:
        """Make room for the next. What ends the run is known before: none may begin then."""
        self._pace.end()
        self.report.in_flight.pop(job.pair.key, None)

    def _try_again(self, job: _Job, error: StorageError) -> None:
        """Leave the object to a worker, who can wait before the next try while others go on."""
        job.trouble = error
        self._hire_if_wanted()
        self._jobs.give_at_once(job)

    # What comes of a job

    def _end(self, job: _Job) -> None:
        if job.wave.end_job():
            self._have_proven(job.wave)

    def _has_sent(self, job: _Job, stored: ObjectInfo) -> None:
        job.wave.sent.append(stored)
        self._went_well()
        self.report.count_sent(stored.size)
        self._progress.advanced(None)

    def _went_badly(self, job: _Job, error: StorageError) -> None:
        """Tell what became of the object; raise what ends the run."""
        key = job.pair.key
        match error:
            case StoreRefused() | Interrupted():
                raise error
            case ContentRefused():
                self._conclude(job.pair, Decision(Verdict.HOLD_BACK, error.what, error.remedy))
            case AlreadyExists():
                # Somebody stored it since the listing, and differences are to be kept.
                self._conclude(
                    job.pair, Decision(Verdict.CONFLICT, say("The target has got one meanwhile; it was kept."))
                )
            case ObjectMissing():
                self._progress.advanced(self.report.count_gone(key))
            case _:
                self._fail(key, error)

    def _look_closer(self, job: _Job) -> Decision:
        if job.decision.verdict is not Verdict.COMPARE:
            return job.decision
        same = same_content(self.source, self.target, job.pair.source, job.pair.target, self._recorded)
        return decide(job.pair, self._rules, same=same)

    def _conclude(self, pair: Pair, decision: Decision) -> None:
        if decision.verdict is Verdict.COPY:
            self.report.count_would_copy(pair.source.size)
            return
        self._progress.advanced(self.report.count_decision(pair.key, decision))

    # Proof

    def _close_wave(self, *, last: bool = False) -> None:
        """End the current wave: it is proven as soon as its jobs are done, while the next one is under way."""
        self._jobs.hand_out()
        wave = self._wave
        if not last:
            self._open_waves_changed(+1)
            self._wave = _Wave(after=self._last_key)
        if wave.close(until=self._last_key):
            self._have_proven(wave)

    def _open_waves_changed(self, by: int) -> None:
        with self._settled:
            self._open_waves += by
            self._settled.notify_all()

    def _have_proven(self, wave: _Wave) -> None:
        """Let a worker prove the wave: a listing may take long, and what is on its way wants to be looked after."""
        self._hire_if_wanted()
        self._jobs.give_at_once(wave)

    def _prove(self, wave: _Wave) -> None:
        """Count as copied what other requests show; what they do not is sent again, once, unless that is hopeless."""
        stretch = Stretch(self._rules.prefix, wave.after, wave.until, wave.targets_seen)
        sent = sorted(wave.sent, key=lambda each: in_key_order(each.key))
        unproven = self._find_unproven(sent, stretch)
        if 0 < len(unproven) < HOPELESS_STREAK:
            unproven = self._send_again(unproven)
        for each in sent:
            if each.key in unproven:
                error = VerificationFailed(unproven[each.key], key=each.key, remedy=say("Run it again."))
                self._fail(each.key, error, was_sent=True)
            else:
                remember(self.target, each, each.md5)
                self.report.count_copied()
        self._open_waves_changed(-1)

    def _find_unproven(self, sent: list[ObjectInfo], stretch: Stretch) -> dict[str, str]:
        try:
            return find_unproven(self.target, sent, stretch, recorded=self._recorded, sleep=self._stop_asked.wait)
        except StoreRefused:
            raise
        except StorageError as error:
            return {each.key: f"It could not be verified: {error.what}" for each in sent}

    def _send_again(self, unproven: dict[str, str]) -> dict[str, str]:
        """Send the objects once more; return those that the target still does not show, and why."""
        sent, failed = [], {}
        for key in unproven:
            try:
                sent.append(copy_object(self.source, self.target, key, self._rules))
            except StoreRefused:
                raise
            except StorageError as error:
                failed[key] = error.what
        return failed | self._find_unproven(sent, Stretch.without_listing())

    # Trouble

    def _on_retry(self, error: StorageError) -> None:
        self.report.count_retry(error)
        if isinstance(error, SlowDown):
            self._pace.slow_down(min(error.retry_after or 0.0, LONGEST_WAIT_ASKED_FOR))

    def _went_well(self) -> None:
        self._failures_in_a_row = 0
        self._last_success_at = monotonic()
        self._pace.go_on()

    def _fail(self, key: str, error: StorageError, *, was_sent: bool = False) -> None:
        self._progress.advanced(self.report.count_failure(key, error, was_sent=was_sent))
        if isinstance(error, TransientStoreError | DigestMismatch | VerificationFailed):
            self._failures_in_a_row += 1
        if self._failures_in_a_row < HOPELESS_STREAK:
            return
        if isinstance(error, SlowDown):
            raise error
        raise StoreUnreachable(
            say(
                "{count} objects in a row could not be copied. The last: {what}",
                count=HOPELESS_STREAK,
                what=error.what,
            ),
            remedy=say("Nothing is lost: run the same command again when the store answers."),
        ) from error

    def _stop(self, error: BaseException) -> None:
        """End the run because of *error*, unless something else has ended it before."""
        with self._settled:
            if self._stopped_by is None:
                self._stopped_by = error
            self._stop_asked.set()
            self._settled.notify_all()
        self._pace.stop()

    def _raise_if_stopped(self) -> None:
        self._signals.raise_what_was_lost()
        if self._stopped_by is not None:
            raise self._stopped_by

    def _count_source(self) -> None:
        """Count the source for the progress view; what goes wrong here goes wrong in the run too, and is told there."""
        objects = size = 0
        try:
            for info in self.source.list(self._rules.prefix):
                objects, size = objects + 1, size + info.size
                if self._stop_asked.is_set():
                    return
        except StorageError:
            return
        self.report.expected_objects, self.report.expected_bytes = objects, size


def _most_at_once() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return MOST_AT_ONCE
    return max(1, min(MOST_AT_ONCE, (allowed - FILES_FOR_OTHERS) // 2))


class _Wave:
    """A stretch of the key space whose objects are proven together, with one listing."""

    def __init__(self, after: str) -> None:
        self.after = after
        self.until = after
        self.targets_seen = 0
        self.jobs_begun = 0
        self.sent: list[ObjectInfo] = []
        self._jobs_ended = 0
        self._closed = False
        self._lock = threading.Lock()

    def begin_job(self) -> None:
        # Only the thread that closes the wave begins its jobs, so nobody compares this number before it is final.
        self.jobs_begun += 1

    def end_job(self) -> bool:
        """Return whether this was the last job, so that the caller is the one to prove the wave."""
        with self._lock:
            self._jobs_ended += 1
            return self._is_over()

    def close(self, *, until: str) -> bool:
        """Let no more jobs begin; return whether none is under way, so that the caller is the one to prove the wave."""
        with self._lock:
            self.until = until
            self._closed = True
            return self._is_over()

    def _is_over(self) -> bool:
        return self._closed and self._jobs_ended == self.jobs_begun


class _Job:
    """One pair that needs a worker."""

    __slots__ = ("decision", "pair", "trouble", "wave")

    def __init__(self, pair: Pair, decision: Decision, wave: _Wave) -> None:
        self.pair = pair
        self.decision = decision
        self.wave = wave
        self.trouble: StorageError | None = None


class _Read(NamedTuple):
    """A job whose object has been read: which version that was, and how it is to be published."""

    job: _Job
    info: ObjectInfo
    headers: Headers
