"""Run several clients in turn, A B C A B C, and compare their medians."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from .clients import OURS, Client
from .measure import Cost

Measure = Literal["wall", "cpu", "peak"]


@dataclass(frozen=True)
class Threshold:
    """Ours is to be at most *most* times the lowest of *others* in *measure*."""

    measure: Measure
    most: float
    others: tuple[str, ...]


@dataclass(frozen=True)
class Ceiling:
    """Ours is to be at most *most* in *measure*, whatever the others need."""

    measure: Measure
    most: float


@dataclass(frozen=True)
class Comparison:
    """What each client's runs cost, by the client's name, and what ours is to reach."""

    title: str
    objects: int
    costs: dict[str, list[Cost]]
    thresholds: Sequence[Threshold | Ceiling]

    def median(self, client: str, measure: str) -> float:
        return statistics.median(getattr(cost, measure) for cost in self.costs[client])

    def lines(self) -> Iterator[str]:
        """Yield a table, and one line for each threshold."""
        yield f"{self.title}; medians"
        yield "client     runs   wall s  objects/s    CPU s  server CPU s  peak MB"
        for name, costs in self.costs.items():
            wall = self.median(name, "wall")
            yield (
                f"{name:10} {len(costs):4} {wall:8.2f} {self.objects / wall:10,.0f} {self.median(name, 'cpu'):8.2f} "
                f"{self.median(name, 'server_cpu'):13.2f} {self.median(name, 'peak') / 1e6:8.0f}"
            )
        yield from map(self._verdict, self.thresholds)

    def as_json(self) -> str:
        """Return everything that was measured as one line of JSON."""
        runs = {name: [{**asdict(cost), "output": ""} for cost in costs] for name, costs in self.costs.items()}
        verdicts = list(map(self._verdict, self.thresholds))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return json.dumps({"title": self.title, "at": now, "objects": self.objects, "runs": runs, "verdicts": verdicts})

    def _verdict(self, threshold: Threshold | Ceiling) -> str:
        mine = self.median(OURS, threshold.measure)
        if isinstance(threshold, Ceiling):
            reached = "reached" if mine <= threshold.most else "NOT reached"
            return f"{threshold.measure}: {mine:,.3g}, to reach: at most {threshold.most:,.3g}: {reached}"
        others = [name for name in threshold.others if name in self.costs]
        if not others:
            return f"{threshold.measure}: not measured against {', '.join(threshold.others)}"
        best = min(others, key=lambda name: self.median(name, threshold.measure))
        ratio = mine / self.median(best, threshold.measure)
        reached = "reached" if ratio <= threshold.most else "NOT reached"
        return f"{threshold.measure}: {ratio:.2f} × {best}, to reach: at most {threshold.most:.2f}: {reached}"


def compare(
    title: str,
    clients: Sequence[Client],
    once: Callable[[Client], Cost],
    *,
    objects: int,
    runs: int,
    runs_of: dict[str, int] | None = None,
    thresholds: Sequence[Threshold | Ceiling] = (),
) -> Comparison:
    """Run each client *runs* times (*runs_of* says otherwise for some) and return what it cost."""
    costs: dict[str, list[Cost]] = {}
    for number in range(runs):
        for client in clients:
            if number < (runs_of or {}).get(client.name, runs):
                cost = once(client)
                costs.setdefault(client.name, []).append(cost)
                say(f"  round {number + 1}: {client.name} {cost.wall:.2f} s, CPU {cost.cpu:.2f} s")
    return Comparison(title, objects, costs, thresholds)


def fastest(candidates: Sequence[Client], once: Callable[[Client], Cost]) -> Client:
    """Return the candidate that took least time in one run each."""
    walls = {client: once(client).wall for client in candidates}
    best = min(candidates, key=walls.__getitem__)
    tried = ", ".join(f"{client.concurrency}: {wall:.2f} s" for client, wall in walls.items())
    say(f"  {best.name} is at its best with {best.concurrency} ({tried})")
    return best


def tell(comparison: Comparison, json_path: Path | None) -> None:
    """Print the table, and add the figures to a file as one line of JSON."""
    print("\n".join(comparison.lines()), flush=True)
    if json_path:
        with json_path.open("a") as file:
            file.write(comparison.as_json() + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
