"""Tell how a journey goes: to whoever watches it, and to the database, where ``storage_status`` and the page look."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TextIO

from django.db import DatabaseError

from ...sentences import say
from ...transfer.progress import describe, share_of, time_in_words
from ...transfer.report import Outcome, Report
from . import requests


class View(Protocol):
    """Where a journey is watched. The hooks may be called from several threads."""

    def begins(self, chapter: str, text: str) -> None:
        """A chapter of the journey begins, such as ``copy``; *text* says what happens in it."""
        ...

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        """So far it is; *share* of the chapter is done, from 0 to 1, if that is known. Called often."""
        ...

    def says(self, chapter: str, text: str) -> None:
        """Something worth keeping, such as a file that is held back."""
        ...

    def ends(self) -> None:
        """Nothing more is told; what is written now stands below."""
        ...


class Unseen:
    """Show nothing."""

    def begins(self, chapter: str, text: str) -> None:
        pass

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        pass

    def says(self, chapter: str, text: str) -> None:
        pass

    def ends(self) -> None:
        pass


class PlainView:
    """Write a line for each chapter and each thing worth keeping, and now and then how far it is."""

    interval = 10.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = _Pace(self.interval)

    def begins(self, chapter: str, text: str) -> None:
        self._pace.restart()
        self._write(f"{chapter:<9} {text}\n")

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        if self._pace.is_due():
            self._write(f"{chapter:<9} {text}\n")

    def says(self, chapter: str, text: str) -> None:
        self._write(f"{chapter:<9} {text}\n")

    def ends(self) -> None:
        pass

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class TerminalView(PlainView):
    """The same with one line below that is redrawn several times a second."""

    interval = 0.2

    def begins(self, chapter: str, text: str) -> None:
        self._write(f"\r\x1b[K{chapter:<9} {text}\n")

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        if self._pace.is_due():
            line = f"{chapter:<9} {text}"[: shutil.get_terminal_size().columns - 1]
            self._write(f"\r\x1b[K{line}")

    def says(self, chapter: str, text: str) -> None:
        self._write(f"\r\x1b[K{chapter:<9} {text}\n")

    def ends(self) -> None:
        self._write("\r\x1b[K")


class JsonView:
    """Write one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = _Pace(1.0)

    def begins(self, chapter: str, text: str) -> None:
        self._write("begins", chapter, text)

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        if self._pace.is_due():
            self._write("goes on", chapter, text, share)

    def says(self, chapter: str, text: str) -> None:
        self._write("says", chapter, text)

    def ends(self) -> None:
        pass

    def _write(self, event: str, chapter: str, text: str, share: float | None = None) -> None:
        told = {"event": event, "chapter": chapter, "text": text}
        if share is not None:
            told["share"] = round(share, 4)
        self._stream.write(json.dumps(told) + "\n")
        self._stream.flush()


class Recorded:
    """A view that shows what *shown* shows, and also keeps in the database how far the move of *alias* is."""

    MOST_KEPT = 20

    def __init__(self, alias: str, shown: View) -> None:
        self._alias = alias
        self._shown = shown
        self._pace = _Pace(1.0)
        self._said: list[str] = []
        self._share: float | None = None

    def begins(self, chapter: str, text: str) -> None:
        self._shown.begins(chapter, text)
        self._keep(chapter, text)

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        self._shown.goes_on(chapter, text, share)
        if self._pace.is_due():
            self._keep(chapter, text, share)

    def says(self, chapter: str, text: str) -> None:
        self._shown.says(chapter, text)
        others = [said for said in self._said if said != text]  # each pass over the files names the same ones again
        self._said = [*others, text][-self.MOST_KEPT :]
        if self._pace.is_due():
            self._keep(chapter, text, self._share)

    def ends(self) -> None:
        self._shown.ends()

    def _keep(self, chapter: str, text: str, share: float | None = None) -> None:
        self._share = share
        # A database that is away for a moment ends no copy of hours; the next step needs it, and notices.
        with suppress(DatabaseError):
            requests.note_progress(self._alias, requests.Progress(chapter, text, share, tuple(self._said)))


def for_stream(stream: TextIO, *, as_json: bool = False) -> View:
    """Return the view that suits *stream*."""
    if as_json:
        return JsonView(stream)
    return TerminalView(stream) if stream.isatty() else PlainView(stream)


class Copying:
    """The progress of a copy, as a chapter of a journey."""

    wants_totals = True

    def __init__(self, view: View, chapter: str) -> None:
        self._view = view
        self._chapter = chapter
        self._report = Report()

    def started(self, report: Report) -> None:
        self._report = report

    def advanced(self, outcome: Outcome | None) -> None:
        if outcome is None:
            self._view.goes_on(self._chapter, describe(self._report), share_of(self._report))
        else:
            self._view.says(self._chapter, str(outcome))

    def finished(self, report: Report) -> None:
        self._view.goes_on(self._chapter, describe(report), share_of(report))


@dataclass(slots=True)
class Counting:
    """Count what is looked at in a chapter of a journey, and say how fast that goes and how long it will take."""

    view: View
    chapter: str
    doing: str
    total: int | None = None
    count: int = 0
    began: float = 0.0

    def over(self, things: Iterable):
        """Yield *things*, counting them."""
        self.began = time.monotonic()
        for thing in things:
            yield thing
            self.count += 1
            share = min(self.count / self.total, 1.0) if self.total else None
            self.view.goes_on(self.chapter, self._so_far(), share)

    def _so_far(self) -> str:
        rate = self.count / max(time.monotonic() - self.began, 0.001)
        if not self.total:
            return say("{count:,} {doing}, {rate:,.0f} files/s", count=self.count, doing=self.doing, rate=rate)
        return say(
            "{count:,} of {total:,} {doing}, {rate:,.0f} files/s, {time} left",
            count=self.count,
            total=self.total,
            doing=self.doing,
            rate=rate,
            time=time_in_words(max(self.total - self.count, 0) / rate),
        )


class _Pace:
    """Let through a line every *interval* seconds, the first after one."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.restart()

    def restart(self) -> None:
        self._due = time.monotonic() + self._interval

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._interval
        return True
