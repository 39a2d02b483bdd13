"""``storage_status``: where each alias stands, what is under way, which stores it has and what each promises."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from ....errors import StorageError, StoreRefused
from ....stores.retrying import RetryingStore
from ... import conf
from ...console import StorageCommand
from ...moving import locks, marks, requests
from ...moving.state import State, fresh_state_of
from ...remedies import as_typed
from ...step_command import what_next

MOST_MARKS_NAMED = 20

ACCESS = {
    "acl": "each object's own ACL decides who may read it",
    "policy": "the bucket's policy decides who may read",
    "console": "the service's console decides who may read",
}


class Command(StorageCommand):
    help = (
        "Show where each storage alias stands, what has not reached its store yet and why, what to do next, and what "
        "each store guarantees. Asks no store but with --check."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="Ask each store whether it answers.")

    def run(self, **options: Any) -> int:
        answers = _answers() if options["check"] else {}
        code = StoreRefused.exit_code if any(answers.values()) else 0
        for alias in conf.aliases():
            if options["json"]:
                self.tell_json(_alias_as_dict(alias, answers))
            else:
                self._tell_alias(alias, answers)
        if options["json"]:
            self.tell_json({"checked": options["check"], "exit_code": code})
        return code

    def _tell_alias(self, alias: conf.Alias, answers: dict[str, str]) -> None:
        state = fresh_state_of(alias.name)
        self.tell(f"{alias.name}: uses {alias.active!r}")
        if state.epoch:
            self.tell(f"    step {state.step}, since {_when(state.since)}. {what_next(state)}".rstrip())
        self._tell_move(alias.name)
        self._tell_marks(alias.name)
        for name in alias.stores:
            described = conf.store_settings(name)
            role = _role(state, name)
            self.tell(f"  {'*' if name == alias.active else ' '} {name}: {conf.store_named(name).place}{role}")
            self.tell(f"      read {_read_at(alias, described)}")
            self.tell(f"      {'; '.join(guarantees(described))}")
            if name in answers:
                self.tell(f"      {as_typed(answers[name]) or 'It answers.'}")

    def _tell_move(self, alias: str) -> None:
        request, holder = requests.request_for(alias), locks.holder_of(alias)
        if request is not None and request.is_open:
            self.tell(f"    on its way to {request.target!r}, asked for by {request.asked_by or 'somebody'}")
            if request.progress.chapter:
                self.tell(f"      {request.progress.chapter}: {request.progress.text}")
            if request.problem:
                self.tell(f"      stopped by: {as_typed(request.problem)}")
        if holder is not None:
            self.tell(f"      at work: {holder}")

    def _tell_marks(self, alias: str) -> None:
        behind = marks.count_open(alias)
        if behind:
            self.tell(f"    Changes that have not reached their store yet: {behind}")
        for mark in marks.open_marks(alias, at_most=MOST_MARKS_NAMED):
            why = as_typed(mark.last_error) or "not tried yet"
            self.tell(f"      {mark.key!r} -> {mark.target} (tries so far: {mark.attempts}): {why}")
        if behind > MOST_MARKS_NAMED:
            self.tell(f"      and {behind - MOST_MARKS_NAMED} more")


def _when(since: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since)) if since else "the beginning"


def _role(state: State, store: str) -> str:
    if store == state.standby:
        return " (kept in step)"
    return " (left behind)" if store in state.retired else ""


def _read_at(alias: conf.Alias, described: conf.StoreSettings) -> str:
    if alias.private:
        return "by nobody but the site"
    if alias.serving == conf.PROXY or not described.public_url:
        return f"through the site at {conf.served_at(alias.name)}"
    return f"at {described.public_url}"


def guarantees(described: conf.StoreSettings) -> list[str]:
    """Return what holds for files in this store, in words."""
    if described.is_on_this_machine:
        return [
            "a file appears whole or not at all",
            "two writers never overwrite each other unseen",
            "it keeps no headers: the web server decides them and who may read",
        ]
    if described.abilities is not None:
        return described.abilities.in_words()
    provider = described.service
    acl = "no ACL is sent; " if described.acl is None else ""
    return [
        f"{provider.name}",
        "an object appears whole or not at all",
        "the store checks a digest of each upload",
        "it keeps type and cache header",
        f"{acl}{ACCESS[provider.access]}",
    ]


def _answers() -> dict[str, str]:
    """Ask every store for the beginning of a listing; return what is wrong with each, "" if nothing is."""
    answers = {}
    for name in conf.configuration().stores:
        try:
            next(iter(RetryingStore(conf.store_named(name)).list()), None)
            answers[name] = ""
        except StorageError as problem:
            answers[name] = str(problem)
    return answers


def _alias_as_dict(alias: conf.Alias, answers: dict[str, str]) -> dict[str, Any]:
    stores = []
    for name in alias.stores:
        described = conf.store_settings(name)
        stores.append(
            {
                "name": name,
                "active": name == alias.active,
                "place": conf.store_named(name).place,
                "public_url": described.public_url,
                "guarantees": guarantees(described),
                "answers": None if name not in answers else not answers[name],
                "problem": answers.get(name) or None,
            }
        )
    told = {"alias": alias.name, "active": alias.active, "serving": conf.serving_of(alias.name), "stores": stores}
    return told | _moving_as_dict(alias.name)


def _moving_as_dict(alias: str) -> dict[str, Any]:
    state = fresh_state_of(alias)
    request, holder = requests.request_for(alias), locks.holder_of(alias)
    return {
        "step": str(state.step),
        "since": state.since,
        "epoch": state.epoch,
        "standby": state.standby,
        "retired": list(state.retired),
        "open_marks": marks.count_open(alias),
        "marks": [
            {"key": mark.key, "target": mark.target, "attempts": mark.attempts, "reason": mark.last_error}
            for mark in marks.open_marks(alias, at_most=MOST_MARKS_NAMED)
        ],
        "move": asdict(request) if request is not None and request.is_open else None,
        "at_work": str(holder) if holder is not None else None,
        "next": what_next(state),
    }
