"""Tell what a run costs: the requests it makes, the money they are at the list price, and about how long it takes.

Only arithmetic: no store is asked. What is assumed stands in `Assumptions`, and is told with the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..providers import GENERIC, Provider
from ..providers.prices import Prices

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
PER_PAGE = 1000

GB = 10**9


@dataclass(frozen=True, slots=True)
class Requests:
    """What is asked of one store. *puts* are PUT, POST and COPY, *gets* are GET and HEAD, *lists* are pages."""

    puts: int = 0
    gets: int = 0
    lists: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def __add__(self, other: Requests) -> Requests:
        return Requests(
            self.puts + other.puts,
            self.gets + other.gets,
            self.lists + other.lists,
            self.bytes_in + other.bytes_in,
            self.bytes_out + other.bytes_out,
        )

    @property
    def count(self) -> int:
        return self.puts + self.gets + self.lists

    def __str__(self) -> str:
        return f"{self.puts:,} PUT, {self.gets:,} GET or HEAD, {self.lists:,} pages of listings"


@dataclass(frozen=True, slots=True)
class Bill:
    """What a service asks for some requests, and then each month for what was stored, at its *prices*."""

    service: str
    prices: Prices
    once: float
    monthly: float

    def __str__(self) -> str:
        once, monthly = (_money(amount, self.prices.currency) for amount in (self.once, self.monthly))
        return (
            f"{once} once, and {monthly} a month for what is added ({self.service}, list price of {self.prices.date}, "
            f"{self.prices.source}). {self.prices.remark}"
        ).rstrip()

    def as_dict(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "currency": self.prices.currency,
            "once": round(self.once, 6),
            "monthly": round(self.monthly, 6),
            "source": self.prices.source,
            "date": self.prices.date,
        }


def pages(objects: int) -> int:
    """Return how many pages the listing of *objects* has; an empty listing is a page too."""
    return max(1, -(-objects // PER_PAGE))


def bill(requests: Requests, provider: Provider) -> Bill | None:
    """Return what *provider* asks for *requests*; None where no price of it is known."""
    prices = provider.prices
    if prices is None:
        return None
    thousands = requests.puts * prices.put + requests.gets * prices.get + requests.lists * prices.listing
    once = thousands / 1000 + requests.bytes_out / GB * prices.out
    return Bill(provider.name, prices, once, requests.bytes_in / GB * prices.month)


def why_not_priced(provider: Provider) -> str:
    """Return why there is no `bill` from *provider*, for the owner."""
    if provider.id == GENERIC:
        return "Unknown provider: not priced."
    return f"Not priced: no list price of {provider.name} is known; who runs it may ask for something."


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the time is reckoned with: seconds an answer takes, requests at once, bytes a second."""

    latency: float = 0.05
    at_once: int = 16
    bytes_per_second: float = 12.5e6

    def __str__(self) -> str:
        return (
            f"{self.latency * 1000:,.0f} ms for an answer, {self.at_once} requests at once, "
            f"{self.bytes_per_second / 1e6:,.1f} MB a second"
        )


def seconds(source: Requests, target: Requests, assumed: Assumptions) -> float:
    """Return about how long it takes to make these requests.

    A listing is a chain: each page must be there before the next is asked for. The two listings go side by side, the
    other requests several at a time, and waiting overlaps with sending.
    """
    listing = max(source.lists, target.lists) * assumed.latency
    waiting = (source.puts + source.gets + target.puts + target.gets) * assumed.latency / assumed.at_once
    moved = sum(each.bytes_in + each.bytes_out for each in (source, target))
    return max(listing + waiting, moved / assumed.bytes_per_second)


def _money(amount: float, currency: str) -> str:
    if 0 < amount < 0.01:
        return f"less than 0.01 {currency}"
    return f"{amount:,.2f} {currency}"
