"""Run the engine the way its commands do, as a process of its own that can be timed.

python -m benchmarks.transfer.ours copy FOLDER BUCKET --endpoint-url URL [--concurrency N] [--unproven]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from external_storage import transfer
from external_storage.objects import Headers, ObjectInfo, Publish, in_key_order
from external_storage.stores import LocalStore, S3Store
from external_storage.stores.base import Sending, Source
from external_storage.transfer import Rules

from .published import ACL, CACHE_CONTROL, PREFIX

CONTENT_TYPES = {"jpg": "image/jpeg", "tar": "application/x-tar"}


def publish(key: str, first_bytes: bytes | None) -> Publish:
    """Publish everything with the type its name tells, as the other clients do."""
    return Publish(Headers(CONTENT_TYPES[key.rpartition(".")[2]], CACHE_CONTROL, public=True))


class UnprovenStore:
    """A bucket on a server without a listing: it lists what it was sent, so the copying alone is timed."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self.name = store.name
        self.place = store.place
        self.describe, self.open, self.delete = store.describe, store.open, store.delete
        self._put, self._begin_put = store.put, store.begin_put
        self._sent: list[ObjectInfo] = []

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        stored = self._put(key, source, headers, replace=replace)
        self._sent.append(stored)
        return stored

    @property
    def is_ready(self) -> bool:
        return self._store.is_ready

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> Sending:
        return _Unproven(self._begin_put(key, data, md5, headers), self._sent)

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        if until is None:
            return  # the bucket as it was when the copy began
        yield from sorted((each for each in self._sent if after < each.key <= until), key=lambda i: in_key_order(i.key))


class _Unproven:
    """An object on its way to an `UnprovenStore`."""

    def __init__(self, sending: Sending, sent: list[ObjectInfo]) -> None:
        self._sending = sending
        self._sent = sent
        self.fileno, self.advance = sending.fileno, sending.advance

    @property
    def waits_to_send(self) -> bool:
        return self._sending.waits_to_send

    def finish(self) -> ObjectInfo:
        stored = self._sending.finish()
        self._sent.append(stored)
        return stored


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    copying = verbs.add_parser("copy")
    copying.add_argument("folder", type=Path)
    copying.add_argument("bucket")
    copying.add_argument("--concurrency", type=int)
    copying.add_argument("--unproven", action="store_true")
    copying.add_argument("--state-dir", type=Path)
    copying.set_defaults(do=copy)
    listing = verbs.add_parser("list")
    listing.add_argument("bucket")
    listing.set_defaults(do=count)
    planning = verbs.add_parser("plan")
    planning.add_argument("source")
    planning.add_argument("bucket")
    planning.set_defaults(do=plan)
    for verb in (copying, listing, planning):
        verb.add_argument("--endpoint-url", required=True)
    options = parser.parse_args()
    return options.do(options)


def copy(options: argparse.Namespace) -> int:
    target = _bucket(options.bucket, options)
    report = transfer.copy(
        LocalStore("folder", options.folder),
        UnprovenStore(target) if options.unproven else target,
        Rules(publish=publish),
        concurrency=options.concurrency,
        state_dir=options.state_dir,
    )
    print(report.last_line())
    return report.exit_code


def count(options: argparse.Namespace) -> int:
    print(sum(1 for _ in _bucket(options.bucket, options).list()))
    return 0


def plan(options: argparse.Namespace) -> int:
    source, target = _bucket(options.source, options), _bucket(options.bucket, options)
    report = transfer.copy(source, target, Rules(publish=publish), dry_run=True)
    print(report.last_line())
    return report.exit_code


def _bucket(name: str, options: argparse.Namespace) -> S3Store:
    return S3Store(
        name,
        bucket=name,
        prefix=PREFIX,
        region=os.environ.get("AWS_REGION", "us-east-1"),
        endpoint_url=options.endpoint_url,
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        acl=ACL,
    )


if __name__ == "__main__":
    sys.exit(main())
