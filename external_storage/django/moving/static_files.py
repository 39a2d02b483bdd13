"""Bring static files to another store: sent first, looked at as strangers see them, and only then linked to.

They are not written by visitors, so nothing has to be marked or compared; every release sends them anew from
``STATIC_ROOT``. Old hashed names stay in every store they were in, for pages that were rendered before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from ...errors import Interrupted, StorageError
from ...health import cors
from ...health.asking import Answer, ask
from ...sentences import joined, say
from .. import conf, looking
from ..bucket_api import cors_rules_if_seen
from ..staticfiles import StaticStorage, is_remote
from . import ladder, requests
from .journey import Blocked, Stage, stage_of
from .ladder import Blocker
from .locks import Lock, only_one
from .state import State, Step, fresh_state_of
from .telling import Recorded, Unseen, View

NOT_READABLE = "static-not-readable"

FONTS = (".woff2", ".woff", ".ttf", ".otf")


def move(
    storage: StaticStorage,
    target: str,
    *,
    view: View | None = None,
    settles: bool = False,
    asked_by: str = "",
    sleep: Callable[[float], object] = time.sleep,
) -> State:
    """Let pages name the static files in the store *target*, and return where the alias is then.

    Call it again after it was stopped: it goes on where the alias is. Raise `Blocked` if strangers cannot read the
    files there, `LockHeld` if another process is at it, and what a store raises.
    """
    with only_one(storage.alias) as lock:
        stage_of(fresh_state_of(storage.alias), target)
        requests.ask(storage.alias, target, asked_by=asked_by, settles=settles, lock=lock)
        try:
            state = _Way(storage, target, Recorded(storage.alias, view or Unseen()), lock, sleep).go(settles=settles)
        except Interrupted:
            raise  # that is nothing in the way; whoever is next goes on
        except StorageError as problem:
            requests.note_problem(storage.alias, str(problem))
            raise
        looking.count_again(storage.alias, target)
        requests.note_finished(storage.alias)
        return state


class _Way:
    def __init__(
        self, storage: StaticStorage, target: str, view: View, lock: Lock, sleep: Callable[[float], object]
    ) -> None:
        self._storage = storage
        self._alias = storage.alias
        self._target = target
        self._view = view
        self._lock = lock
        self._sleep = sleep

    def go(self, *, settles: bool) -> State:
        leave = {
            Stage.APART: self._begin,
            Stage.BEHIND: lambda: self._step(ladder.begin_handover, say("Pages name the site itself from now on.")),
            Stage.HANDED: lambda: self._step(
                ladder.exchange, say("The files are in {store!r}, too.", store=self._target)
            ),
            Stage.TAKEN: self._arrive,
        }
        while (stage := stage_of(fresh_state_of(self._alias), self._target)) in leave:
            leave[stage]()
        if stage is Stage.THERE and settles:
            self._step(ladder.settle, say("Pages rendered before still find their files where they were."))
        return fresh_state_of(self._alias)

    def _begin(self) -> None:
        self._send()
        self._look()
        ladder.begin_mirroring(self._alias, self._target)

    def _arrive(self) -> None:
        self._send()
        self._look()
        self._step(ladder.confirm, say("Pages name {store!r} from now on.", store=self._target))

    def _step(self, up: Callable[[str], State], text: str) -> None:
        """Take the step *up*, or the one back where the target is the store that the files came from."""
        self._view.begins("switch", text)
        ladder.wait_until_complete(self._alias, drain=self._lock.check, sleep=self._sleep)
        state = fresh_state_of(self._alias)
        is_before_the_exchange = state.step in (Step.MIRRORING, Step.HANDOVER)
        (up if is_before_the_exchange is (state.active != self._target) else ladder.cancel)(self._alias)

    def _send(self) -> None:
        if is_remote(self._target):
            self._view.begins(
                "copy", say("Sending the static files to {store!r}, the manifest last.", store=self._target)
            )
            self._storage.send_to(self._target)

    def _look(self) -> None:
        """Read two files as strangers do. Raise `Blocked` if that fails; say so if pages would not get the fonts."""
        if not is_remote(self._target):
            return
        self._view.begins("check", say("Reading them from {store!r} as a browser does.", store=self._target))
        names = sorted(set(self._storage.hashed_files.values()))
        fonts = [name for name in names if name.endswith(FONTS)]
        for name in [*names[:1], *fonts[:1]]:
            answer = ask("GET", self._url(name))
            if not isinstance(answer, Answer) or answer.status != 200:
                seen = say("the status {status}", status=answer.status) if isinstance(answer, Answer) else answer.what
                raise Blocked(
                    [
                        Blocker(
                            NOT_READABLE,
                            say("A stranger asks for {url} and gets {seen}", url=self._url(name), seen=seen),
                            _REMEDY,
                        )
                    ]
                )
        described = conf.store_settings(self._target)
        rules = cors_rules_if_seen(described) if isinstance(described, conf.BucketSettings) else None
        for origin in conf.configuration().site_origins[:1]:
            for font in fonts[:1]:
                shared = cors.judge_shared("cors.font", ask("GET", self._url(font), {"Origin": origin}), origin, rules)
                if shared.remedy:
                    self._view.says("check", joined([shared.seen, shared.remedy], " "))

    def _url(self, name: str) -> str:
        return conf.store_settings(self._target).public_url + quote(name)


_REMEDY = say("Let everybody read the files there: storage_access apply.")
