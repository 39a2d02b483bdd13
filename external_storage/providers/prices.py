"""What a service asks for requests, for data that leaves it and for keeping things, and where that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AMOUNTS = ("base", "month", "out", "put", "listing", "get")


@dataclass(frozen=True, slots=True)
class Prices:
    """A list price before any free allowance. It changes, and differs between regions, so its *source* and *date* stay
    with it.
    """

    currency: str
    put: float
    """A thousand requests that write: PUT, POST, COPY."""
    listing: float
    """A thousand pages of a listing."""
    get: float
    """A thousand requests that read: GET, HEAD."""
    out: float
    """A GB that leaves the service for the internet."""
    month: float
    """A GB kept for a month."""
    source: str
    date: str
    """When the price was valid: a year and a month, or a year."""
    listed_remark: str = ""
    """What the figures leave out, in a sentence for the owner."""
    base: float = 0.0
    """What a month costs at least, however little is kept."""
    unconfirmed: tuple[str, ...] = ()
    """Which of the amounts were not found at the source."""

    @property
    def remark(self) -> str:
        """What to mind about the figures, in sentences for the owner."""
        doubt = "Look again: not all of it is confirmed." if self.unconfirmed else ""
        return " ".join(filter(None, (self.listed_remark, doubt)))


def prices_in(values: Mapping[str, Any], unconfirmed: Sequence[str] = ()) -> Prices | None:
    """Return the prices in a service's file, None where it has none."""
    table = values.get("prices")
    if table is None:
        return None
    listed = {"listed_remark" if key == "remark" else key: value for key, value in table.items()}
    return Prices(**listed, unconfirmed=tuple(name for name in AMOUNTS if f"prices.{name}" in unconfirmed))
