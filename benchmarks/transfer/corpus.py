"""Make a folder of files that resemble a library's covers, the same ones each time."""

from __future__ import annotations

import math
import random
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEAN_BYTES = 60_000
MOST_BYTES = 5_000_000

# How wide the sizes scatter: with 1.1, one cover in a hundred is above half a megabyte.
SCATTER = 1.1

JPEG_BEGINS = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"

# Memory, if there is some: what is timed is the transfer, not this machine's disk.
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Corpus:
    """A folder, and what it holds."""

    root: Path
    files: int
    size: int


@contextmanager
def covers(files: int, *, mean: int = MEAN_BYTES) -> Iterator[Corpus]:
    """Yield a folder with *files* covers of *mean* bytes on average, for as long as the block lasts."""
    with scratch("covers") as root:
        yield Corpus(root, files, _write_covers(root, files, mean))


@contextmanager
def one_large_file(size: int) -> Iterator[Corpus]:
    """Yield a folder with one file of *size* bytes."""
    with scratch("large") as root:
        _write_one(root / "export.tar", size, random.Random(size))
        yield Corpus(root, 1, size)


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Yield an empty folder in memory; it goes away with the block."""
    directory = Path(tempfile.mkdtemp(prefix=f"benchmark-{name}-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _write_covers(root: Path, files: int, mean: int) -> int:
    chance = random.Random(files)
    folder = root / "covers"
    folder.mkdir()
    centre = math.log(mean) - SCATTER**2 / 2
    total = 0
    for _ in range(files):
        size = max(len(JPEG_BEGINS), min(int(chance.lognormvariate(centre, SCATTER)), MOST_BYTES))
        name = uuid.UUID(int=chance.getrandbits(128), version=4)
        (folder / f"{name}.jpg").write_bytes(JPEG_BEGINS + chance.randbytes(size - len(JPEG_BEGINS)))
        total += size
    return total


def _write_one(path: Path, size: int, chance: random.Random) -> None:
    with path.open("wb") as file:
        for start in range(0, size, 1 << 24):
            file.write(chance.randbytes(min(1 << 24, size - start)))
