"""What a run costs: arithmetic on prices that are data."""

from __future__ import annotations

import re

import pytest

from external_storage.providers import providers
from external_storage.providers.prices import Prices
from external_storage.transfer.cost import Assumptions, Requests, bill, pages, seconds, why_not_priced

PRICED = [provider for provider in providers().values() if provider.prices is not None]


def test_what_people_run_themselves_has_no_price_and_every_service_has_one():
    assert {each.id for each in PRICED} == {each.id for each in providers().values() if not each.software}


@pytest.mark.parametrize("prices", [each.prices for each in PRICED], ids=[each.id for each in PRICED])
def test_every_price_has_a_source_and_a_date(prices: Prices):
    assert prices.source.startswith("https://")
    assert re.fullmatch(r"20\d\d(-[01]\d)?", prices.date)
    assert prices.currency in ("USD", "EUR")
    assert min(prices.put, prices.listing, prices.get, prices.out, prices.month, prices.base) >= 0
    assert prices.month > 0


@pytest.mark.parametrize(
    ("service", "requests", "once", "monthly"),
    [
        # 20,000 covers of 60 KB: 20 thousand PUTs at 0.005
        ("aws", Requests(puts=20_000, lists=21, bytes_in=1_200_000_000), 0.100105, 0.0276),
        ("aws", Requests(gets=20_000, lists=20, bytes_out=1_200_000_000), 0.0081 + 0.108, 0.0),
        ("cloudflare-r2", Requests(puts=1_000_000), 4.5, 0.0),
        ("cloudflare-r2", Requests(gets=1_000_000, bytes_out=10**12), 0.36, 0.0),
        ("backblaze-b2", Requests(puts=1_000_000, lists=1000), 0.004, 0.0),
        ("scaleway", Requests(puts=1_000_000, gets=1_000_000, bytes_in=100 * 10**9), 0.0, 1.46),
        ("digitalocean", Requests(bytes_out=100 * 10**9), 1.0, 0.0),
    ],
)
def test_requests_traffic_and_keeping_are_multiplied_by_their_prices(service, requests, once, monthly):
    charge = bill(requests, providers()[service])
    assert charge.once == pytest.approx(once)
    assert charge.monthly == pytest.approx(monthly)


def test_a_bill_tells_where_its_prices_are_from():
    charge = bill(Requests(puts=20_000, bytes_in=10**9), providers()["aws"])
    assert "0.10 USD once, and 0.02 USD a month" in str(charge)
    assert "https://aws.amazon.com/s3/pricing/" in str(charge)
    assert "us-east-1" in str(charge)


def test_a_bill_says_when_its_prices_are_not_confirmed():
    assert "not all of it is confirmed" in str(bill(Requests(puts=1), providers()["ovh"]))
    assert "confirmed" not in str(bill(Requests(puts=1), providers()["aws"]))


def test_a_little_money_is_not_called_none():
    assert "less than 0.01 USD once" in str(bill(Requests(puts=1), providers()["aws"]))


@pytest.mark.parametrize("service", ["generic", "ceph", "minio", "seaweedfs"])
def test_what_has_no_list_price_is_said_to_be_not_priced(service):
    assert bill(Requests(puts=1000), providers()[service]) is None
    assert "not priced" in why_not_priced(providers()[service]).lower()


@pytest.mark.parametrize(("objects", "expected"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (120_000, 120)])
def test_a_listing_has_a_thousand_objects_a_page(objects, expected):
    assert pages(objects) == expected


def test_time_is_that_of_waiting_or_that_of_sending_whichever_is_longer():
    assumed = Assumptions(latency=0.1, at_once=10, bytes_per_second=1e6)
    many_small = Requests(puts=1000, lists=20, bytes_in=1_000_000)
    few_large = Requests(puts=10, lists=1, bytes_in=100_000_000)
    assert seconds(Requests(), many_small, assumed) == pytest.approx(20 * 0.1 + 1000 * 0.1 / 10)
    assert seconds(Requests(), few_large, assumed) == pytest.approx(100)


def test_requests_add_up():
    total = Requests(1, 2, 3, 4, 5) + Requests(10, 20, 30, 40, 50)
    assert total == Requests(11, 22, 33, 44, 55)
    assert total.count == 66
