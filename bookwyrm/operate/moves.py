"""Where the site's files are, where ``.env`` wants them, and how a move goes that ``up`` asked for.

Who decides is the database: ``.env`` says where files are to go, and only when it was edited on this host and loaded
with ``up``. A host whose file says something else, or that is started for the first time, changes nothing by that.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any

from bookwyrm.env import BUCKET, DISK, ELSEWHERE
from external_storage.django import conf
from external_storage.django.moving import beginning, locks, marks, requests
from external_storage.django.moving.state import Step, fresh_state_of
from external_storage.django.remedies import as_typed

# Static files move first: pages that name pictures in the bucket come with a policy and a style from there.
# Only a bucket takes static files: through another store's own door they would be slower than from this machine's disk.
STATIC = {DISK: "static-disk", BUCKET: "static-bucket", ELSEWHERE: "static-disk"}
ORDER = ("staticfiles", "default")

HOW_OFTEN_THE_SAME = 10.0
A_NUMBER = "\0"

ASKED_BY = {DISK: "USE_S3=false", BUCKET: "USE_S3=true", ELSEWHERE: "USE_STORAGE_URL=true"}


def begin(*, known: str = "") -> None:
    """See that the database says where the files are. *known* is what a site used that never wrote it down."""
    state = beginning.begin("default", known=known)
    beginning.begin("staticfiles", known=STATIC.get(state.active, ""))


def targets(store: str) -> dict[str, str]:
    """Return for each alias, in the order they move, where it goes when people's pictures go to *store*."""
    return {"staticfiles": STATIC[store], "default": store}


def withdraw_others(store: str) -> list[str]:
    """Let nobody go on with a move to somewhere else once the process that is at it ends; return the aliases."""
    withdrawn = []
    for alias, target in targets(store).items():
        asked = requests.request_for(alias)
        if asked and asked.is_open and asked.target != target:
            requests.withdraw(alias)
            withdrawn.append(alias)
    return withdrawn


def ask_again(aliases: list[str]) -> None:
    """Ask for the moves of *aliases* that were withdrawn."""
    for asked in filter(None, map(requests.request_for, aliases)):
        requests.ask(asked.alias, asked.target, asked_by=asked.asked_by, settles=asked.settles)


def ask(store: str) -> list[str]:
    """Ask for what brings people's pictures to *store*, and what goes with them; return the aliases that will move.

    Raise `LockHeld` if somebody is moving one of them elsewhere at this moment.
    """
    asked_by = f"{ASKED_BY[store]} on {socket.gethostname()}"
    return [alias for alias, target in targets(store).items() if _ask(alias, target, asked_by)]


def _ask(alias: str, target: str, asked_by: str) -> bool:
    state, before = fresh_state_of(alias), requests.request_for(alias)
    is_asked = before is not None and before.is_open
    if state.active == target and not state.is_moving and not is_asked:
        return False
    requests.ask(alias, target, asked_by=asked_by, settles=True)
    return True


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the files of one alias are, and what is going on with them, for people to read."""

    alias: str
    active: str
    step: str
    standby: str
    target: str
    """Where they are asked to go; "" if nowhere."""
    progress: str
    problem: str
    changes_to_carry: int
    mover: str
    """The process that moves them now; "" if there is none."""
    wanted: str
    """Where ``.env`` of this host wants them; "" if they are there, or asked to go there."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """Return it as sentences."""
        said = [f"{self.alias:<12}in {self.active!r}{self._on_the_way()}"]
        if self.progress:
            said.append(self.progress)
        said += self.notes
        if self.changes_to_carry:
            said.append(f"{self.changes_to_carry:,} changes are still to be carried to the other store")
        if self.problem:
            said.append(f"stopped, and tried again from time to time: {self.problem}")
        if self.wanted:
            said.append(
                f".env wants them in {self.wanted!r}, but the database decides. "
                f"To move them: ./bw-dev storage_move {self.alias} {self.wanted}"
            )
        return [said[0], *(f"{'':<12}{line}" for line in said[1:])]

    def _on_the_way(self) -> str:
        if not self.target:
            return "" if self.step == Step.SETTLED else f", kept in step with {self.standby!r} ({self.step})"
        if self.target == self.active:
            return f", just arrived ({self.step})"
        return f", on the way to {self.target!r} ({self.step})"


def whereabouts(store: str) -> list[Whereabouts]:
    """Return where the files of every alias are, and whether that is where `.env` wants them: pictures in *store*."""
    wanted = targets(store)
    return [_of(alias, wanted[alias]) for alias in ORDER if alias in conf.configuration().aliases]


def _of(alias: str, wanted: str) -> Whereabouts:
    state, asked = fresh_state_of(alias), requests.request_for(alias)
    is_asked = asked is not None and asked.is_open
    progress = asked.progress if is_asked else requests.Progress()
    target = asked.target if is_asked else ""
    return Whereabouts(
        alias=alias,
        active=state.active,
        step=str(state.step),
        standby=state.standby,
        target=target,
        progress=f"{progress.chapter}: {as_typed(progress.text)}" if progress.chapter else "",
        problem=as_typed(asked.problem) if is_asked else "",
        changes_to_carry=marks.count_open(alias),
        mover=str(locks.holder_of(alias) or ""),
        wanted="" if wanted in (state.active, target) else wanted,
        notes=tuple(as_typed(str(note)) for note in progress.said),
    )


class News:
    """What somebody who waits has not been told yet: each line once, and new numbers in one of them now and then."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._numbers_are_due = 0.0

    def of(self, seen: Whereabouts) -> list[str]:
        """Return the lines of *seen* that say something new."""
        if (now := time.monotonic()) >= self._numbers_are_due:
            self._told = {gist for gist in self._told if A_NUMBER not in gist}
            self._numbers_are_due = now + HOW_OFTEN_THE_SAME
        fresh = []
        for line in seen.lines():
            is_a_name = line.strip() in (*seen.notes, seen.problem)  # of a file, say, of which numbers are a part
            gist = line if is_a_name else re.sub(r"\d[\d.,]*", A_NUMBER, line)
            if gist not in self._told:
                self._told.add(gist)
                fresh.append(line)
        return fresh
