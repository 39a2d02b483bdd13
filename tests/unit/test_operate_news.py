"""What ``./bw-dev status --wait`` says while it waits: all that is new, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from bookwyrm import env
from bookwyrm.operate import moves


def underway(progress: str, *notes: str, step: str = "mirroring") -> moves.Whereabouts:
    return moves.Whereabouts(
        alias="default",
        active="disk",
        step=step,
        standby="bucket",
        target="bucket",
        progress=progress,
        problem="",
        changes_to_carry=0,
        mover="",
        wanted="",
        notes=notes,
    )


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(moves.time, "monotonic", lambda: now[0])
    return now


def test_a_countdown_is_one_line_and_another_one_ten_seconds_later(clock):
    news = moves.News()
    assert len(news.of(underway("mirror: 11 s to wait; changes to carry over: 0."))) == 2
    assert news.of(underway("mirror: 9 s to wait; changes to carry over: 0.")) == []
    clock[0] += 10
    assert news.of(underway("mirror: 1 s to wait; changes to carry over: 0.")) == [
        "            mirror: 1 s to wait; changes to carry over: 0."
    ]


def test_a_new_step_is_told_and_what_stands_below_it_is_not_told_again(clock):
    news = moves.News()
    news.of(underway("copy: Copying.", "held back: 'a1.zip'"))
    clock[0] += 60
    told = news.of(underway("copy: Copying.", "held back: 'a1.zip'", "held back: 'a2.zip'", step="handover"))
    assert told == [
        "default     in 'disk', on the way to 'bucket' (handover)",
        "            held back: 'a2.zip'",
    ]


def test_what_has_arrived_is_not_on_the_way_any_more():
    arrived = replace(underway("watch: Seeing that everything goes well.", step="switched"), active="bucket")
    assert arrived.lines()[0] == "default     in 'bucket', just arrived (switched)"


def test_whoever_stops_waiting_sees_no_traceback():
    command = [
        sys.executable,
        str(env.CHECKOUT / "manage.py"),
        "shell",
        "--no-imports",
        "-c",
        "raise KeyboardInterrupt",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
