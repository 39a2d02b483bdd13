"""Say what a move would do, and change nothing: no store, no row, no link."""

from __future__ import annotations

from collections.abc import Collection

from ... import transfer
from ...transfer.progress import bytes_in_words
from .. import conf
from . import comparing, trying
from .journey import Arrival, Blocked, Stage, stage_of
from .state import fresh_state_of
from .telling import Copying, View

STAGES = {
    Stage.APART: "Every change would be carried to {target!r} too.",
    Stage.BEHIND: "Links would point at the site itself.",
    Stage.HANDED: "New files would go to {target!r}.",
    Stage.TAKEN: "Each file would be asked for as visitors do, and then links would point at {target!r}.",
    Stage.THERE: "The store that is left would be kept in step.",
}


def foresee(alias: str, target: str, *, view: View, settles: bool = False, force: Collection[str] = ()) -> Arrival:
    """Tell what `journey.move` would do from here. Raise `Blocked` if the store cannot be entrusted with anything."""
    state = fresh_state_of(alias)
    stage = stage_of(state, target)
    arrival = Arrival(alias, target, state)
    if stage is Stage.HERE:
        return arrival
    view.begins("check", f"Looking at the store {target!r}, without writing to it.")
    if found := [each for each in trying.try_target(alias, target, write=False) if each.name not in force]:
        raise Blocked(found)
    if stage in (Stage.APART, Stage.BEHIND, Stage.HANDED):
        _foresee_copy(arrival, next(name for name in (*state.in_use, state.active) if name != target), view)
    for each in list(Stage)[list(Stage).index(stage) :]:
        if each in STAGES:
            view.begins("would", STAGES[each].format(target=target))
    if settles:
        view.begins("would", "It would then be left behind.")
    return arrival


def _foresee_copy(arrival: Arrival, source: str, view: View) -> None:
    report = transfer.copy(
        conf.store_named(source),
        conf.store_named(arrival.target),
        comparing.copying_rules(arrival.alias, arrival.target),
        progress=Copying(view, "copy"),
        dry_run=True,
        state_dir=conf.configuration().state_dir,
    )
    arrival.would_copy = report.copied
    view.begins("would", f"Files that would be copied: {report.copied:,}, {bytes_in_words(report.bytes)}.")
