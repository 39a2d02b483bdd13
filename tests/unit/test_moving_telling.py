"""How a journey is shown: on a terminal, in a log, to a program."""

from __future__ import annotations

import io
import json

import pytest

from external_storage.django.moving import telling
from external_storage.django.moving.telling import Copying, Counting, JsonView, PlainView, TerminalView
from external_storage.transfer.report import Outcome, Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second each time somebody looks at it."""
    now = iter(range(10**6))
    monkeypatch.setattr(telling.time, "monotonic", lambda: float(next(now)))


@pytest.mark.parametrize(
    ("stream", "as_json", "kind"),
    [(Terminal(), False, TerminalView), (io.StringIO(), False, PlainView), (Terminal(), True, JsonView)],
)
def test_the_view_suits_the_stream(stream, as_json, kind):
    assert type(telling.for_stream(stream, as_json=as_json)) is kind


def test_a_log_gets_a_line_for_each_chapter_and_one_now_and_then(clock):
    out = io.StringIO()
    view = PlainView(out)
    view.begins("copy", "Copying.")
    for number in range(25):
        view.goes_on("copy", f"{number} files")
    view.says("copy", "held back: 'a.zip'")
    lines = out.getvalue().splitlines()
    assert lines[0] == "copy      Copying."
    assert lines[-1] == "copy      held back: 'a.zip'"
    assert 2 <= sum(line.endswith(" files") for line in lines) <= 3
    assert "\r" not in out.getvalue()


def test_a_terminal_has_one_line_that_is_redrawn_and_taken_away_at_the_end(clock):
    out = Terminal()
    view = TerminalView(out)
    view.begins("copy", "Copying.")
    view.goes_on("copy", "1 of 2 files")
    view.goes_on("copy", "2 of 2 files")
    view.ends()
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\r\x1b[Kcopy      2 of 2 files\r\x1b[K")


def test_a_long_line_does_not_wrap_on_a_terminal(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    TerminalView(out).goes_on("copy", "x" * 100)
    assert len(out.getvalue().removeprefix("\r\x1b[K")) == 39


def test_a_program_gets_one_object_a_line(clock):
    out = io.StringIO()
    view = JsonView(out)
    view.begins("copy", "Copying.")
    view.goes_on("copy", "1 of 3 files", 1 / 3)
    view.says("copy", 'held back: "a\n.zip"')
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"event": "begins", "chapter": "copy", "text": "Copying."},
        {"event": "goes on", "chapter": "copy", "text": "1 of 3 files", "share": 0.3333},
        {"event": "says", "chapter": "copy", "text": 'held back: "a\n.zip"'},
    ]


def test_what_is_counted_shows_its_rate_and_the_time_left(clock):
    out = Terminal()
    assert list(Counting(TerminalView(out), "verify", "compared", 10).over("abc")) == ["a", "b", "c"]
    assert "3 of 10 compared, " in out.getvalue()
    assert " files/s, 0:" in out.getvalue()
    assert " left" in out.getvalue()


def test_a_copy_shows_its_rate_and_names_what_it_could_not_do(clock):
    out = Terminal()
    copying = Copying(TerminalView(out), "copy")
    copying.started(Report())
    copying.advanced(None)
    copying.advanced(Outcome("a.zip", "held back", "It is an archive."))
    assert " files/s" in out.getvalue()
    assert "held back: 'a.zip': It is an archive.\n" in out.getvalue()
