"""A busy site that is moved from store to store: what the acceptance test and the benchmark have in common."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import Bucket, S3Server

from .instance import Instance, new_instance
from .traffic import Counts, Traffic, name_of, people_of
from .visitor import Visitor

LONG = 900.0
"""Seconds that a command may take that makes, or moves, thousands of files."""

# An owner with several buckets describes them in a settings module of his own.
SETTINGS = """
from bookwyrm.settings import *

EXTERNAL_STORAGE["STORES"] |= {stores}
EXTERNAL_STORAGE["ALIASES"]["default"]["STORES"] += {names}
EXTERNAL_STORAGE["DEADLINE"] = {deadline}
"""


@contextmanager
def busy_site(
    buckets: dict[str, tuple[S3Server, Bucket]], *, books: int, database_url: str = "", deadline: float = 10.0
) -> Iterator[Instance]:
    """Yield a running site with books and covers on its disk, four web workers, and *buckets* to be moved to."""
    with new_instance(DJANGO_SETTINGS_MODULE="settings_of_its_owner") as instance:
        stores = {name: _described(*place) for name, place in buckets.items()}
        text = SETTINGS.format(stores=stores, names=list(stores), deadline=deadline)
        (instance.root / "settings_of_its_owner.py").write_text(text)
        instance.write_env()
        instance.set(WEB_WORKERS="4", DATABASE_URL=database_url or None)
        instance.start()
        instance.run(f"./bw-dev demo --books {books}", patience=LONG)
        yield instance


def _described(server: S3Server, bucket: Bucket) -> dict[str, Any]:
    return {
        "KIND": "s3",
        "BUCKET": bucket.name,
        "PREFIX": "images/",
        "REGION": server.region,
        "ENDPOINT_URL": server.endpoint_url,
        "CUSTOM_DOMAIN": bucket.public_url.removeprefix("http://"),
        "USE_HTTPS": False,
        "ACCESS_KEY_ID": server.access_key_id,
        "SECRET_ACCESS_KEY": server.secret_access_key,
        "DEFAULT_ACL": "public-read" if server.access_model == "acl" else "none",
    }


def traffic_at(instance: Instance, *, people: int = 8, **rates: float) -> Traffic:
    """Return the people and readers of a site; they come when the block is entered."""
    visitor = Visitor(instance.url)
    books = [link for link in visitor.get("/").links if "/book/" in link]
    pages = ["/", "/about/", "/search/?q=the", "/search/?q=a", *dict.fromkeys(books)]
    return Traffic(instance.url, people_of(instance, people), pages, known=instance.media_files(), **rates)


def move_to(instance: Instance, store: str, *, settle: bool = True) -> dict[str, Any]:
    """Move the site's pictures with the command, and return what it says it did."""
    command = f"./bw-dev manage storage_move default {store} --json{' --settle' if settle else ''}"
    outcome = instance.run(command, patience=LONG)
    return json.loads(outcome.lines[-1])


def look_back(instance: Instance, traffic: Traffic, buckets: Iterable[Bucket], *, patience: float = 60.0) -> Counts:
    """Count what was lost and what came back once all is quiet, in every store, and return all counts."""
    until = time.monotonic() + patience
    left = [(person, url) for person in traffic.people for url in person.deleted]
    while left and time.monotonic() < until:  # the site removes files in the background
        still_left = [(person, url) for person, url in left if not person.look_for_deleted(url)]
        if len(still_left) < len(left):
            until = time.monotonic() + patience  # on a busy machine it takes long, but it goes on
        left = still_left
        time.sleep(0.5)
    traffic.counts.came_back += [f"{url} was never taken away" for _, url in left]
    for person in traffic.people:
        person.check_cover()
    deleted = {name_of(url) for person in traffic.people for url in person.deleted}
    while (kept := _kept(instance, buckets, deleted)) and time.monotonic() < until:
        time.sleep(0.5)  # stores that were left behind hear of it in the background, too
    traffic.counts.came_back += [f"{key} is kept in a store" for key in kept]
    return traffic.counts


def _kept(instance: Instance, buckets: Iterable[Bucket], names: set[str]) -> list[str]:
    keys = [*instance.media_files(), *(key for bucket in buckets for key in bucket.keys_under("images/"))]
    return [key for key in keys if name_of("/" + key) in names]
