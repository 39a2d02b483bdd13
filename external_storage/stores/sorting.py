"""Put a listing of any length into key order with little memory: sorted runs on disk, merged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from typing import TextIO

from ..objects import ObjectInfo, in_key_order

# About ten megabytes of memory.
RUN = 20_000


def sorted_by_key(listing: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Yield the entries of a listing in key order; what each carries beside a listing's usual fields is lost."""
    with ExitStack() as files:
        runs: list[Iterator[ObjectInfo]] = []
        last_run: list[ObjectInfo] = []
        entries = iter(listing)
        while batch := list(islice(entries, RUN)):
            if last_run:
                file = files.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))
                runs.append(_spill(last_run, file))
            last_run = sorted(batch, key=_order)
        # A short listing never touches the disk.
        yield from merge(*runs, last_run, key=_order)


def _order(info: ObjectInfo) -> bytes:
    return in_key_order(info.key)


def _spill(run: list[ObjectInfo], file: TextIO) -> Iterator[ObjectInfo]:
    """Write the run to the file and return how to read it back."""
    file.writelines(json.dumps([i.key, i.size, i.md5, i.modified, i.etag]) + "\n" for i in run)
    file.seek(0)
    return (ObjectInfo(*json.loads(line)) for line in file)
