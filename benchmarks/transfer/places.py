"""Where the clients send: a fresh server for each run, and a look at what arrived there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from external_storage.stores import S3Store
from tests.servers import S3Server, ceph, seaweedfs

from .published import ACL, PREFIX
from .sink import BUCKET, sink

SERVERS = ("sink", "seaweedfs", "ceph")


class Incomplete(Exception):
    """A client said that all is well, and not all of it arrived."""


@dataclass(frozen=True)
class Place:
    """A bucket to send to, with what a client has to know of it."""

    server: str
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    bucket: str
    what_arrived: Callable[[], tuple[int, int]]
    """Return how many objects the bucket holds below ``images/``, and their bytes."""

    @property
    def lists(self) -> bool:
        return self.server != "sink"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that every client is run with."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def expect(self, files: int, size: int) -> None:
        """Raise `Incomplete` unless this is what arrived."""
        arrived = self.what_arrived()
        if arrived != (files, size):
            raise Incomplete(f"{arrived[0]} objects with {arrived[1]} bytes arrived instead of {files} with {size}.")


@contextmanager
def place(server: str, *, delay: float = 0.0) -> Iterator[Place]:
    """Start the server called *server* and yield an empty bucket on it."""
    if server == "sink":
        with sink(delay) as (url, folder):
            yield Place("sink", url, "us-east-1", "sink", "sink", BUCKET, lambda: _files_in(folder))
        return
    if delay:
        raise ValueError("Only the sink can delay its answers.")
    with {"seaweedfs": seaweedfs, "ceph": ceph}[server]() as started:
        yield _bucket_on(server, started)


def store_of(place: Place) -> S3Store:
    """Return our store for the place's bucket."""
    return S3Store(
        "bucket",
        bucket=place.bucket,
        prefix=PREFIX,
        region=place.region,
        endpoint_url=place.endpoint_url,
        access_key_id=place.access_key_id,
        secret_access_key=place.secret_access_key,
        acl=ACL,
    )


def _bucket_on(server: str, started: S3Server) -> Place:
    bucket = started.make_bucket()
    made = Place(
        server,
        started.endpoint_url,
        started.region,
        started.access_key_id,
        started.secret_access_key,
        bucket.name,
        lambda: _objects_in(store_of(made)),
    )
    return made


def _files_in(folder: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _objects_in(store: S3Store) -> tuple[int, int]:
    sizes = [info.size for info in store.list()]
    return len(sizes), sum(sizes)
