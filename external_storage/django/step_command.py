"""What the commands share that take an alias a step or a whole way to another store."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .console import SecretFree, StorageCommand, worst
from .moving import telling
from .moving.journey import Arrival, Blocked
from .moving.state import State, Step
from .moving.telling import View
from .remedies import as_typed
from .way_command import stoppable

ALIAS = "The storage alias whose files are meant, such as default."
FORCE = "Go on although this blocker is in the way; it is told all the same. May be given several times."


@contextmanager
def closing_off(view: View) -> Iterator[None]:
    """Let what is written after the block stand below what *view* showed."""
    try:
        yield
    finally:
        view.ends()


def what_next(state: State) -> str:
    """Return what somebody may want to do next where an alias stands, "" if there is nothing."""
    return as_typed(_next(state))


def _next(state: State) -> str:
    alias, active, standby = state.alias, state.active, state.standby
    match state.step:
        case Step.MIRRORING:
            return (
                f"Changes are carried to {standby!r} too. Next: storage_move {alias} {standby}, which copies the rest; "
                f"or stay here: storage_settle {alias}."
            )
        case Step.HANDOVER:
            return f"Next: storage_move {alias} {standby}, which goes on; or back: storage_move {alias} {active}."
        case Step.UNCONFIRMED:
            return f"Next: storage_move {alias} {active}, which goes on; or back: storage_move {alias} {standby}."
        case Step.SWITCHED:
            return (
                f"{standby!r} is kept in step. Next: storage_settle {alias}; or back: storage_move {alias} {standby}."
            )
    if state.retired:
        return f"Left behind: {', '.join(state.retired)}; storage_purge {alias} {state.retired[0]} empties it."
    return ""


class StepCommand(StorageCommand):
    """A command that takes an alias some of the way. A subclass implements `take`, and says where it ended."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("alias", metavar="ALIAS", help=ALIAS)

    def take(self, view: View, **options: Any) -> Arrival:
        raise NotImplementedError

    def run(self, **options: Any) -> int:
        view = telling.for_stream(SecretFree(self.stdout), as_json=options["json"])
        try:
            with stoppable(), closing_off(view):
                arrival = self.take(view, **options)
        except Blocked as blocked:
            return self._tell_blockers(blocked, as_json=options["json"])
        self._tell_arrival(arrival, as_json=options["json"])
        return 0

    def _tell_blockers(self, blocked: Blocked, *, as_json: bool) -> int:
        code = worst(each.exit_code for each in blocked.blockers)
        if as_json:
            told = [
                {"name": each.name, "what": each.what, "remedy": as_typed(each.remedy)} for each in blocked.blockers
            ]
            self.tell_json({"blockers": told, "exit_code": code})
            return code
        for each in blocked.blockers:
            self.tell(f"{'BLOCKED':<9} {each.name}: {each.what}")
            if each.remedy:
                self.tell(f"{'':<9} -> {as_typed(each.remedy)}")
        return code

    def _tell_arrival(self, arrival: Arrival, *, as_json: bool) -> None:
        if as_json:
            self.tell_json(arrival.as_dict() | {"exit_code": 0})
            return
        for key in arrival.lost:
            self.tell(f"{'lost':<9} {key!r} is in neither store, and a row refers to it.")
        state = arrival.state
        self.tell(
            f"{'done':<9} copied {arrival.copied}, bytes {arrival.bytes}, carried over {arrival.delivered}, "
            f"compared {arrival.compared}, asked for {arrival.asked}, mended {len(arrival.mended)}"
        )
        self.tell(f"{'':<9} The files of {state.alias!r} are in {state.active!r}. {what_next(state)}".rstrip())
