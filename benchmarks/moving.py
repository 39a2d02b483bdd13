"""A busy site is moved, and its visitors are counted and timed.

    python -m benchmarks.moving journey     to SeaweedFS, on to Ceph, and home; nothing may go wrong
    python -m benchmarks.moving standby     the store it is moving to is dead for a minute; nobody may wait for it

The site runs from a copy of the checkout, with four web workers. People change covers ten times a second, readers ask
for fifty pages and files a second and compare every byte.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from tests import servers
from tests.instance import Instance
from tests.instance.instance import CommandFailed
from tests.instance.moved import busy_site, look_back, move_to, traffic_at
from tests.servers import Bucket, S3Server
from tests.servers.relay import relay

LONGEST_RATIO = 1.5
"""By how much the slowest of a hundred answers may take longer while the other store is dead."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.moving", description=__doc__)
    parser.add_argument("what", choices=["journey", "standby"])
    parser.add_argument("--books", type=int, default=2000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--runs", type=int, default=5, help="how often the store dies")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long it is dead")
    options = parser.parse_args(arguments)
    try:
        with database(options.database) as url:
            if options.what == "journey":
                return journey(options.books, url)
            return standby(options.books, url, options.runs, options.seconds)
    except (CommandFailed, subprocess.TimeoutExpired) as failure:
        say(f"FAILED: {failure}")
        return 1


@contextmanager
def database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with servers.postgres() as url:
        yield url


def journey(books: int, database_url: str) -> int:
    """Move the site three times; return 0 if nobody noticed."""
    say(f"Starting SeaweedFS, Ceph, and a site with {books:,} books; that takes some minutes.")
    with servers.seaweedfs() as seaweedfs, servers.ceph() as ceph:
        places = {server.name.lower(): (server, server.make_bucket()) for server in (seaweedfs, ceph)}
        buckets = [bucket for _, bucket in places.values()]
        with busy_site(places, books=books, database_url=database_url) as site, traffic_at(site) as traffic:
            for store in (*places, "disk"):
                say(f"To {store}, while people come and go.")
                arrival = move_to(site, store)
                say(f"in {store} after {arrival['seconds']:.0f} s, {arrival['copied']} files copied")
                time.sleep(10)
            traffic.end()
            say("Looking back at all that was uploaded and deleted.")
            counts = look_back(site, traffic, buckets, patience=300)
    say(str(counts))
    for line in counts.examples:
        say(f"  {line}")
    return 1 if traffic.errors or any(counts.faults.values()) else 0


def standby(books: int, database_url: str, runs: int, seconds: float) -> int:
    """Kill the store that the site is moving to, again and again; return 0 if nobody had to wait for it."""
    say(f"Starting SeaweedFS and a site with {books:,} books; that takes some minutes.")
    with servers.seaweedfs() as server, relay(urlsplit(server.endpoint_url).port) as way:
        bucket = server.make_bucket()
        place = (server, bucket)
        with busy_site({"bucket": through(way.port, *place)}, books=books, database_url=database_url) as site:
            site.run("./bw-dev manage storage_mirror default bucket")
            with traffic_at(site) as traffic:
                ratios = []
                for run in range(runs):
                    say(f"{run + 1} of {runs}: {seconds:.0f} s with the store, {seconds:.0f} s without.")
                    began = time.monotonic()
                    time.sleep(seconds)
                    way.cut()
                    cut = time.monotonic()
                    time.sleep(seconds)
                    mended = time.monotonic()
                    left = open_marks(site)
                    way.mend()
                    before, during = (p99(traffic.counts.between(*span)) for span in ((began, cut), (cut, mended)))
                    ratios.append(during / before)
                    say(
                        f"99 % within {before * 1000:.0f} ms before, {during * 1000:.0f} ms meanwhile "
                        f"({ratios[-1]:.2f} ×); {left} changes waited, carried over after {until_carried(site):.0f} s"
                    )
            counts = look_back(site, traffic, [bucket], patience=300)
    say(f"median {statistics.median(ratios):.2f} × (to reach: {LONGEST_RATIO} ×); {counts}")
    went_well = not traffic.errors and not any(counts.faults.values())
    return 0 if went_well and statistics.median(ratios) <= LONGEST_RATIO else 1


def through(port: int, server: S3Server, bucket: Bucket) -> tuple[S3Server, Bucket]:
    """Return the place as the site is to see it: by a way that can be cut."""

    def led(url: str) -> str:
        return urlunsplit(urlsplit(url)._replace(netloc=f"127.0.0.1:{port}"))

    seen = S3Server(
        server.name,
        led(server.endpoint_url),
        server.region,
        server.access_key_id,
        server.secret_access_key,
        access_model=server.access_model,
    )
    return seen, Bucket(bucket.name, led(bucket.public_url), bucket.client)


def p99(took: list[float]) -> float:
    return statistics.quantiles(took, n=100)[98]


def open_marks(site: Instance) -> int:
    """Return how many changes have not reached their store."""
    outcome = site.run("./bw-dev manage storage_status --json", expect=None)
    told = [json.loads(line) for line in outcome.lines if line.startswith("{")]
    return next(each["open_marks"] for each in told if each.get("alias") == "default")


def until_carried(site: Instance, patience: float = 300.0) -> float:
    """Return how many seconds it takes until hardly a change waits; there is always one that was made just now."""
    began = time.monotonic()
    while open_marks(site) > 20 and time.monotonic() - began < patience:
        time.sleep(1)
    return time.monotonic() - began


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
