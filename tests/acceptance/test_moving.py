"""The mission: a busy site goes from store to store and home again, and nobody notices.

Four web workers; people who upload, replace and delete covers; readers who load what the pages name and compare every
byte. Meanwhile `storage_move`, again and again. `benchmarks/moving.py` does the same in full length, with 2,000 books.
"""

from __future__ import annotations

import time
import uuid

import psycopg
import pytest

from tests.instance.moved import busy_site, look_back, move_to, traffic_at

# How long a request waits for a store at most, and with it how long each step of a move takes.
DEADLINE = 5.0
TRAFFIC_SECONDS = 60.0


JOURNEYS = {"sqlite": ("seaweedfs", "disk"), "postgresql": ("seaweedfs", "ceph", "disk")}


@pytest.fixture(params=JOURNEYS)
def database(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest) -> str:
    if database == "sqlite":
        return ""
    server = request.getfixturevalue("postgres_server")
    name = f"site_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


def test_a_busy_site_moves_away_and_home_and_nobody_notices(database, database_url, request, record_property):
    journey = JOURNEYS[database]
    servers = {name: request.getfixturevalue(name) for name in journey if name != "disk"}
    places = {name: (server, server.make_bucket()) for name, server in servers.items()}
    with (
        busy_site(places, books=100, database_url=database_url, deadline=DEADLINE) as instance,
        traffic_at(instance) as traffic,
    ):
        began = time.monotonic()
        for store in journey:
            arrival = move_to(instance, store)
            assert (arrival["step"], arrival["active"]) == ("settled", store)
        time.sleep(max(0.0, began + TRAFFIC_SECONDS - time.monotonic()))
        traffic.end()
        counts = look_back(instance, traffic, [bucket for _, bucket in places.values()])

    record_property("counts", f"{' → '.join(('disk', *journey))}: {counts}")
    assert traffic.errors == []
    assert dict.fromkeys(counts.faults, 0) == counts.faults, "\n".join(counts.examples)
    assert counts.seconds >= TRAFFIC_SECONDS
    assert min(counts.done[what] for what in ("uploaded", "replaced", "deleted")) >= 20
    assert counts.files >= 500
