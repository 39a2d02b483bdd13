"""A process of a plain site that does what the lines on its input ask, and answers each with a line.

``pause`` makes its next write say "at the store" when everything is done but the write itself, and wait a moment: long
enough for the test to stop or kill it there.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.files.base import ContentFile  # noqa: E402 — Django first
from django.core.files.storage import default_storage, storages  # noqa: E402

from external_storage.django import conf, live  # noqa: E402
from external_storage.django.moving import database, ladder, marks, state  # noqa: E402

PAUSE_SECONDS = 0.5


def save(name: str, text: str) -> str:
    return default_storage.save(name, ContentFile(text.encode()))


def replace(name: str, text: str) -> None:
    with default_storage.open(name, "wb") as file:
        file.write(text.encode())


def read(name: str) -> str | None:
    try:
        with default_storage.open(name) as file:
            return file.read().decode()
    except FileNotFoundError:
        return None


def held(store: str) -> dict[str, str]:
    opened = conf.store_named(store)
    contents = {}
    for info in opened.list():
        with opened.open(info.key) as source:
            contents[info.key] = source.read().decode(errors="replace")
    return contents


def climb(step: str, *target: str) -> str:
    """Take a step as if the time it has to wait for had passed."""
    marks.drain("default")
    database.run("UPDATE external_storage_aliasstate SET since = since - 60")
    return str(getattr(ladder, step)("default", *target).step)


def time_passes() -> None:
    database.run("UPDATE external_storage_mark SET writing_until = 0, claimed_until = 0, next_try_at = 0")


def believe_for_ever() -> None:
    """Go by what is known now, however old that gets: a process that has heard of no step since."""
    state.REFRESHED_SECONDS = state.TRUSTED_SECONDS = 1e9
    state.fresh_state_of("default")


def pause() -> None:
    for name in conf.configuration().stores:
        store = live.storage_named(name)
        for method in ("put", "delete"):
            setattr(store, method, _pausing(getattr(store, method)))


def save_in_a_fork(name: str, text: str) -> int:
    """Save in a child process, as a server does that loads the site before it forks; return the child's exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        save(name, text)
    except BaseException:  # noqa: BLE001 — nothing of the parent's may run in the child
        os._exit(1)
    os._exit(0)


def _pausing(method: Callable) -> Callable:
    def pausing(*args: Any, **kwargs: Any) -> Any:
        tell("at the store")
        time.sleep(PAUSE_SECONDS)
        return method(*args, **kwargs)

    return pausing


DOES: dict[str, Callable[..., Any]] = {
    "save": save,
    "replace": replace,
    "read": read,
    "delete": lambda name: storages["default"].delete(name),
    "held": held,
    "climb": climb,
    "drain": lambda: marks.drain("default").delivered,
    "open_marks": lambda: sorted({mark.key for mark in marks.open_marks("default")}),
    "time_passes": time_passes,
    "believe_for_ever": believe_for_ever,
    "pause": pause,
    "save_in_a_fork": save_in_a_fork,
}


def tell(answer: Any) -> None:
    print(json.dumps({"answer": answer}), flush=True)


for line in sys.stdin:
    what, *arguments = json.loads(line)
    try:
        tell(DOES[what](*arguments))
    except Exception:  # noqa: BLE001 — the test is told, and raises it
        print(json.dumps({"error": traceback.format_exc()}), flush=True)
