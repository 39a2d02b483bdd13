"""``storage_plan``: what a copy would do, what it would ask of the stores, and what that costs."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from ....errors import SettingsError
from ....transfer import cost
from ....transfer.bandwidth import read_rate
from ....transfer.forecast import Forecast, forecast
from ....transfer.progress import bytes_in_words, time_in_words
from ... import conf
from ...places import Place, refuse_half_of_a_store_in_use
from ...way_command import WayCommand, stoppable
from ...ways import Way


class Command(WayCommand):
    help = (
        "Say what storage_copy with the same arguments would do, how many requests it would make, and what they cost "
        "in money and time. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--on-conflict", choices=["replace", "keep"], help="What would become of a file that differs in TARGET."
        )
        parser.add_argument("--bandwidth", metavar="RATE", help="Bytes a second to reckon with, such as 2M (12.5M).")
        parser.add_argument(
            "--latency", type=float, metavar="MS", help="Milliseconds for an answer to reckon with (50)."
        )

    def run(self, **options: Any) -> int:
        assumed = _assumed(options)
        way = self.way(options)
        refuse_half_of_a_store_in_use(way.target)
        rules = way.rules_to_copy(on_conflict=options["on_conflict"], **self.scope(options))
        progress = self.progress(as_json=options["json"])
        with stoppable():
            # Reading the beginning of a file costs nothing here, and a request and a connection elsewhere.
            foreseen = forecast(
                way.source.store,
                way.target.store,
                rules,
                look_inside=way.source.is_folder,
                progress=progress,
                state_dir=conf.configuration().state_dir,
            )
        if options["json"]:
            self.tell_json(_as_dict(way, foreseen, assumed))
        else:
            foreseen.report.notes.extend(_in_words(way, foreseen, assumed))
            progress.finished(foreseen.report)
        return foreseen.report.exit_code


def _assumed(options: dict[str, Any]) -> cost.Assumptions:
    usual = cost.Assumptions()
    if options["latency"] is not None and options["latency"] < 0:
        raise SettingsError("--latency is less than nothing.")
    return cost.Assumptions(
        latency=usual.latency if options["latency"] is None else options["latency"] / 1000,
        at_once=options["concurrency"] or usual.at_once,
        bytes_per_second=read_rate(options["bandwidth"]) if options["bandwidth"] else usual.bytes_per_second,
    )


def _asked(place: Place, requests: cost.Requests) -> cost.Requests:
    """Return the requests; a folder is not asked for anything."""
    return cost.Requests() if place.is_folder else requests


def _in_words(way: Way, foreseen: Forecast, assumed: cost.Assumptions) -> Iterator[str]:
    report = foreseen.report
    yield f"Files to copy: {report.copied:,}, {bytes_in_words(report.bytes)}; replacing others: {foreseen.replaced:,}."
    if not way.source.is_folder:
        yield "What the files hold was not looked at; the rule may hold back more than by their names."
    for place, requests in ((way.source, foreseen.source), (way.target, foreseen.target)):
        if place.provider is None:
            continue
        yield f"Requests to {place.store.place}: {requests}."
        charge = cost.bill(requests, place.provider)
        yield f"Money: {charge}" if charge is not None else f"Money: {cost.why_not_priced(place.provider)}"
    seconds = cost.seconds(_asked(way.source, foreseen.source), _asked(way.target, foreseen.target), assumed)
    yield f"Time: about {time_in_words(max(seconds, 1.0))}, with {assumed}."


def _as_dict(way: Way, foreseen: Forecast, assumed: cost.Assumptions) -> dict[str, Any]:
    sides = {}
    for name, place, requests in (("source", way.source, foreseen.source), ("target", way.target, foreseen.target)):
        if place.provider is None:
            continue
        charge = cost.bill(requests, place.provider)
        sides[name] = {
            "puts": requests.puts,
            "gets": requests.gets,
            "lists": requests.lists,
            "bytes_in": requests.bytes_in,
            "bytes_out": requests.bytes_out,
            "bill": charge and charge.as_dict(),
            "not_priced": None if charge else cost.why_not_priced(place.provider),
        }
    seconds = cost.seconds(_asked(way.source, foreseen.source), _asked(way.target, foreseen.target), assumed)
    return foreseen.report.as_dict() | {
        "replaced": foreseen.replaced,
        "requests": sides,
        "expected_seconds": round(seconds, 1),
        "assumed": {
            "latency": assumed.latency,
            "at_once": assumed.at_once,
            "bytes_per_second": assumed.bytes_per_second,
        },
    }
