"""What a service asks for requests, for data that leaves it and for keeping things, and where that is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    remark: str = ""
    """What the figures leave out, in a sentence for the owner."""


def prices_in(values: Mapping[str, Any]) -> Prices | None:
    """Return the prices in a service's file, None where it has none."""
    table = values.get("prices")
    return None if table is None else Prices(**table)
