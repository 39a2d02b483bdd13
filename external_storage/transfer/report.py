"""Keep count of a run, and tell what came of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from ..errors import Interrupted, StorageError, StoreRefused
from ..sentences import joined, say
from .plan import Decision, Verdict

# A report stays small however much goes wrong; progress shows each outcome as it comes.
NAMED_OUTCOMES = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one key that was not simply copied or already there."""

    key: str
    verdict: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        told = joined(filter(None, (self.reason, self.remedy)), " ")
        return say("{verdict}: {key!r}: {told}", verdict=_IN_WORDS[self.verdict], key=self.key, told=told)


_IN_WORDS = {
    Verdict.HOLD_BACK: say("held back"),
    Verdict.CONFLICT: say("conflict"),
    Verdict.LEAVE_OUT: say("left out"),
    Verdict.UNUSABLE: say("passed over"),
    "gone": say("gone"),
    "failed": say("failed"),
}


class Report:
    """The counts of a run, while it goes on and afterwards. Every method may be called from any thread.

    *copied* counts objects that a later request found whole in the target; *already_there* those that were the same
    before; *verified* is the sum of both. *failed* counts objects that could not be copied, *passed_over* those of them
    whose fault is the source's own (unreadable, unsafe, changing all the time).
    """

    def __init__(self, source: str = "", target: str = "", *, dry_run: bool = False) -> None:
        self.source = source
        self.target = target
        self.dry_run = dry_run
        self.copied = 0
        self.already_there = 0
        self.held_back = 0
        self.conflicts = 0
        self.left_out = 0
        self.only_in_target = 0
        self.failed = 0
        self.passed_over = 0
        self.removed = 0
        self.bytes = 0
        self.verified = 0
        self.retries = 0
        self.sent = 0
        self._sent_in_vain = 0
        self.stopped: StorageError | None = None
        self.outcomes: list[Outcome] = []
        self.notes: list[str] = []
        self.in_flight: dict[str, float] = {}
        self.expected_objects: int | None = None
        self.expected_bytes: int | None = None
        self.began = monotonic()
        self.seconds = 0.0
        self._lock = threading.Lock()

    # What happens

    def count_retry(self, _error: StorageError) -> None:
        with self._lock:
            self.retries += 1

    def count_sent(self, size: int) -> None:
        """Count an object that the store has taken, and that is still to be verified."""
        with self._lock:
            self.sent += 1
            self.bytes += size

    def count_copied(self) -> None:
        with self._lock:
            self.copied += 1
            self.verified += 1

    def count_decision(self, key: str, decision: Decision) -> Outcome | None:
        """Count a decision that sends nothing; return what is to be told of it."""
        with self._lock:
            match decision.verdict:
                case Verdict.ALREADY_THERE:
                    self.already_there += 1
                    self.verified += 1
                    return None
                case Verdict.OUT_OF_SCOPE:
                    return None
                case Verdict.ONLY_IN_TARGET:
                    self.only_in_target += 1
                    return None
                case Verdict.HOLD_BACK:
                    self.held_back += 1
                case Verdict.CONFLICT:
                    self.conflicts += 1
                case Verdict.LEAVE_OUT:
                    self.left_out += 1
                case Verdict.UNUSABLE:
                    self.failed += 1
                    self.passed_over += 1
                case verdict:
                    raise AssertionError(f"{verdict} is a step on the way, not the end of it")
            return self._name(Outcome(key, decision.verdict, decision.reason, decision.remedy))

    def count_would_copy(self, size: int) -> None:
        """Count an object that a real run would send."""
        with self._lock:
            self.copied += 1
            self.bytes += size

    def count_gone(self, key: str) -> Outcome:
        """Name an object that was removed from the source before its turn came."""
        with self._lock:
            return self._name(Outcome(key, "gone", say("It was removed from the source meanwhile.")))

    def count_failure(self, key: str, error: StorageError, *, was_sent: bool = False) -> Outcome:
        """Count an object that could not be copied; *was_sent* if the store has taken it and does not show it."""
        with self._lock:
            self.failed += 1
            self._sent_in_vain += was_sent
            self.passed_over += error.exit_code == 4
            return self._name(Outcome(key, "failed", error.what, error.remedy))

    def _name(self, outcome: Outcome) -> Outcome:
        if len(self.outcomes) < NAMED_OUTCOMES:
            self.outcomes.append(outcome)
        return outcome

    def finish(self, stopped: StorageError | None, notes: tuple[str, ...]) -> None:
        """Close the books; *stopped* is what ended the run early, if anything did."""
        self.stopped = stopped
        self.notes.extend(notes)
        self.seconds = monotonic() - self.began

    # What came of it

    @property
    def seen(self) -> int:
        """How many source objects were dealt with so far."""
        sent = self.sent - self._sent_in_vain
        return self.already_there + self.held_back + self.conflicts + self.left_out + self.failed + sent

    @property
    def exit_code(self) -> int:
        """What a command should return: a signal before 3 before 1 before 4 before 0."""
        if isinstance(self.stopped, Interrupted | StoreRefused):
            return self.stopped.exit_code
        if self.failed > self.passed_over or self.stopped is not None:
            return 1
        return 4 if self.passed_over else 0

    def last_line(self) -> str:
        """Return the line every run ends with."""
        return (
            f"{'would copy' if self.dry_run else 'copied'} {self.copied}, already there {self.already_there}, "
            f"held back {self.held_back}, failed {self.failed}, bytes {self.bytes}, verified {self.verified}"
        )

    def lines(self) -> Iterator[str]:
        """Yield what is to be told at the end but for the outcomes: notes, why it stopped, and the last line."""
        yield from self.notes
        if self.conflicts:
            yield f"{self.conflicts} differ in the target and were kept."
        if self.left_out:
            yield f"{self.left_out} were left out, because nothing refers to them."
        unnamed = self.held_back + self.conflicts + self.left_out + self.failed - len(self.outcomes)
        if unnamed > 0:
            yield f"{unnamed} more are not named here."
        if self.stopped is not None:
            yield str(self.stopped)
        yield self.last_line()

    def as_json(self) -> str:
        """Return the report as one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=True)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        counts = (
            "source target dry_run copied already_there held_back failed bytes verified conflicts left_out "
            "only_in_target removed retries exit_code notes"
        )
        return {name: getattr(self, name) for name in counts.split()} | {
            "seconds": round(self.seconds, 3),
            "stopped": None if self.stopped is None else str(self.stopped),
            "outcomes": [
                {"key": each.key, "verdict": str(each.verdict), "reason": each.reason, "remedy": each.remedy}
                for each in self.outcomes
            ],
        }
