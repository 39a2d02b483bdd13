"""Show how a run goes: live on a terminal, a plain line now and then elsewhere, or JSON lines for programs."""

from __future__ import annotations

import json
import shutil
import threading
from time import monotonic
from typing import Protocol, TextIO

from ..sentences import Sentence, joined, say
from .report import Outcome, Report


class Progress(Protocol):
    """What a run tells while it goes on. The hooks are called from several threads."""

    wants_totals: bool
    """Whether the source is to be counted beforehand, to tell how much is left."""

    def started(self, report: Report) -> None:
        """The run begins; *report* is kept up to date from now on and may be read at any time."""
        ...

    def advanced(self, outcome: Outcome | None) -> None:
        """One more object is done with; *outcome* is set where there is something to tell of it."""
        ...

    def finished(self, report: Report) -> None:
        """The run has ended, well or not; *report* will not change any more."""
        ...


class Silence:
    """Show nothing."""

    wants_totals = False

    def started(self, report: Report) -> None:
        pass

    def advanced(self, outcome: Outcome | None) -> None:
        pass

    def finished(self, report: Report) -> None:
        pass


class _Written:
    """What the shown kinds of progress share: a stream, and one writer at a time."""

    wants_totals = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._report = Report()

    def started(self, report: Report) -> None:
        self._report = report

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class PlainProgress(_Written):
    """Write each outcome, a line every *interval* seconds, and the report's lines at the end."""

    def __init__(self, stream: TextIO, *, interval: float = 10.0) -> None:
        super().__init__(stream)
        self._interval = interval
        self._next_line = monotonic() + interval

    def advanced(self, outcome: Outcome | None) -> None:
        if outcome is None and monotonic() < self._next_line:
            return
        with self._lock:
            if outcome is not None:
                self._write(f"{outcome}\n")
            if monotonic() >= self._next_line:
                self._next_line = monotonic() + self._interval
                self._write(f"{describe(self._report)}\n")

    def finished(self, report: Report) -> None:
        with self._lock:
            self._write("".join(f"{line}\n" for line in report.lines()))


class JsonProgress(_Written):
    """Write one JSON object a line: each outcome, and the report as the last."""

    def advanced(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        fields = {"key": outcome.key, "verdict": str(outcome.verdict), "reason": outcome.reason}
        with self._lock:
            self._write(json.dumps(fields | {"remedy": outcome.remedy}) + "\n")

    def finished(self, report: Report) -> None:
        with self._lock:
            self._write(report.as_json() + "\n")


class TerminalProgress(_Written):
    """Redraw one line several times a second; outcomes scroll by above it."""

    wants_totals = True

    def __init__(self, stream: TextIO, *, interval: float = 0.2) -> None:
        super().__init__(stream)
        self._interval = interval
        self._over = threading.Event()
        self._painter = threading.Thread(target=self._paint, name="progress", daemon=True)

    def started(self, report: Report) -> None:
        super().started(report)
        self._painter.start()

    def advanced(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            with self._lock:
                self._write(f"\r\x1b[K{outcome}\n")

    def finished(self, report: Report) -> None:
        self._over.set()
        self._painter.join()
        with self._lock:
            self._write("\r\x1b[K" + "".join(f"{line}\n" for line in report.lines()))

    def _paint(self) -> None:
        while not self._over.wait(self._interval):
            width = shutil.get_terminal_size().columns - 1
            with self._lock:
                self._write(f"\r\x1b[K{describe(self._report, newest_key=True)[:width]}")


def for_stream(stream: TextIO, *, as_json: bool = False) -> Progress:
    """Return the progress that suits *stream*."""
    if as_json:
        return JsonProgress(stream)
    return TerminalProgress(stream) if stream.isatty() else PlainProgress(stream)


def describe(report: Report, *, newest_key: bool = False) -> str:
    """Return one line on where the run stands."""
    seconds = max(monotonic() - report.began, 0.001)
    parts = [
        _files_so_far(report),
        say("sent {count:,} ({size})", count=report.sent, size=bytes_in_words(report.bytes)),
        say("{rate:,.0f} files/s", rate=report.sent / seconds),
        say("{rate}/s", rate=bytes_in_words(report.bytes / seconds)),
    ]
    left = _seconds_left(report, seconds)
    if left is not None:
        parts.append(say("{time} left", time=time_in_words(left)))
    parts.append(say("{count} in flight", count=len(report.in_flight)))
    if report.retries:
        parts.append(say("tried again {count}", count=report.retries))
    if report.failed:
        parts.append(say("{count} failed", count=report.failed))
    if newest_key and (key := next(iter(tuple(report.in_flight)), None)) is not None:
        parts.append(repr(key))
    return joined(parts)


def share_of(report: Report) -> float | None:
    """Return how much of the source was dealt with so far, from 0 to 1; None while nobody knows how much there is."""
    return min(report.seen / report.expected_objects, 1.0) if report.expected_objects else None


def _files_so_far(report: Report) -> str:
    if report.expected_objects is None:
        return say("files: {count:,}", count=report.seen)
    return say("files: {count:,} of {total:,}", count=report.seen, total=report.expected_objects)


def _seconds_left(report: Report, seconds: float) -> float | None:
    if not report.expected_objects or not report.seen:
        return None
    return seconds * max(report.expected_objects - report.seen, 0) / report.seen


def time_in_words(seconds: float) -> str:
    """Return a time as people read it: ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def bytes_in_words(count: float) -> str:
    """Return an amount of bytes as people read it: ``999 B``, ``1.2 MB``."""
    if count < 1000:
        return say("{count:,.0f} B", count=count)
    for told in (say("{count:,.1f} KB"), say("{count:,.1f} MB"), say("{count:,.1f} GB")):
        count /= 1000
        if count < 1000:
            return Sentence(told, count=count)
    return say("{count:,.1f} TB", count=count / 1000)
