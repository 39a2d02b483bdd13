"""Put a listing of any length into key order with little memory: sorted runs on disk, merged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from typing import Any, TextIO, TypeVar

from ..objects import ObjectInfo, in_key_order

T = TypeVar("T")

# About ten megabytes of memory.
RUN = 20_000


def sorted_by_key(listing: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Yield the entries of a listing in key order; what each carries beside a listing's usual fields is lost."""
    return sorted_on_disk(
        listing,
        order=lambda info: in_key_order(info.key),
        packed=lambda info: [info.key, info.size, info.md5, info.modified, info.etag],
        unpacked=lambda fields: ObjectInfo(*fields),
    )


def sorted_on_disk(
    items: Iterable[T],
    *,
    order: Callable[[T], Any],
    packed: Callable[[T], list[Any]],
    unpacked: Callable[[list[Any]], T],
) -> Iterator[T]:
    """Yield *items* by *order*, however many there are. *packed* turns one into what JSON can hold, *unpacked* back."""
    with ExitStack() as files:
        runs: list[Iterator[T]] = []
        last_run: list[T] = []
        entries = iter(items)
        while batch := list(islice(entries, RUN)):
            if last_run:
                file = files.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))
                _spill(map(packed, last_run), file)
                runs.append(unpacked(json.loads(line)) for line in file)
            last_run = sorted(batch, key=order)
        # A short listing never touches the disk.
        yield from merge(*runs, last_run, key=order)


def _spill(run: Iterable[list[Any]], file: TextIO) -> None:
    """Write the run to the file, ready to be read back."""
    file.writelines(json.dumps(fields) + "\n" for fields in run)
    file.seek(0)
