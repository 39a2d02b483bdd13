"""The command lines that are compared, each as good as we could make it.

All send the same headers: type, cache header, ACL and a digest of the content that the server can check. What each
client does beside that is left on where it is its default and costs a request of its own only if it cannot be left out.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .places import Place
from .published import ACL, CACHE_CONTROL, PREFIX

ADDED_BY = "pip install --require-hashes -r requirements-benchmarks.lock"


OURS = "ours"


class ClientAbsent(Exception):
    """A program to compare with is not installed."""


@dataclass(frozen=True)
class Client:
    """A way to bring the content of a folder into a bucket."""

    name: str
    command: Callable[[Path, Place], Sequence[str]]
    """Give the command line that copies all of a folder below ``images/``."""

    concurrency: int | None = None


def ours(concurrency: int | None = None, *, name: str = OURS, state_dir: Path | None = None) -> Client:
    """`external_storage.transfer.copy`; on the sink, which has no listing, without the proof.

    With *state_dir* it remembers there the digests of what it reads, as the commands of a site do.
    """

    def command(folder: Path, place: Place) -> list[str]:
        line = [*_ours("copy", place), str(folder), place.bucket]
        line += ["--concurrency", str(concurrency)] if concurrency else []
        line += ["--state-dir", str(state_dir)] if state_dir else []
        return line if place.lists else [*line, "--unproven"]

    return Client(name, command, concurrency)


def floor(threads: int | None = None) -> Client:
    """The least that a client in Python can do, see `floor`."""

    def command(folder: Path, place: Place) -> list[str]:
        line = [sys.executable, "-m", "benchmarks.transfer.floor", str(folder), place.endpoint_url, place.bucket]
        return [*line, "--threads", str(threads)] if threads else line

    return Client("floor", command, threads)


def s5cmd(workers: int = 32, *, verb: str = "cp") -> Client:
    """s5cmd; it guesses the type from the name, and its SDK sends Content-MD5 by itself."""

    def command(folder: Path, place: Place) -> list[str]:
        headers = ["--acl", ACL, "--cache-control", CACHE_CONTROL]
        line = [*_s5cmd(place), "--numworkers", str(workers), verb, *headers]
        return [*line, f"{folder}/", f"s3://{place.bucket}/{PREFIX}"]

    return Client("s5cmd", command, workers)


def rclone(transfers: int = 64, *, name: str = "rclone", options: Sequence[str] = ()) -> Client:
    """rclone, told to ask nothing about the bucket and to look at no object after sending it."""

    def command(folder: Path, place: Place) -> list[str]:
        pace = ["--transfers", str(transfers), "--checkers", str(transfers), "--fast-list", "--s3-no-head"]
        headers = ["--header-upload", f"Cache-Control: {CACHE_CONTROL}"]
        return [*_rclone("copy"), *pace, *headers, *options, str(folder), _remote(place, place.bucket)]

    return Client(name, command, transfers)


# rclone's fastest way to see that there is nothing to do, where nobody else changes the bucket: it believes the time of
# the upload. As it comes it asks for each object's own time with a HEAD.
SERVER_TIME = ("--update", "--use-server-modtime")


def aws(*, verb: str = "cp") -> Client:
    """The AWS CLI as it comes."""

    def command(folder: Path, place: Place) -> list[str]:
        line = [program("aws"), "--endpoint-url", place.endpoint_url, "s3", verb, "--only-show-errors"]
        line += ["--acl", ACL, "--cache-control", CACHE_CONTROL]
        line += ["--recursive"] if verb == "cp" else []
        return [*line, str(folder), f"s3://{place.bucket}/{PREFIX}"]

    return Client("aws", command)


# Listing and planning: no folder is involved.


def listing() -> list[Client]:
    """Return the ways to list a bucket, ETags included."""
    return [
        Client(OURS, lambda _, place: [*_ours("list", place), place.bucket]),
        Client("s5cmd", lambda _, place: [*_s5cmd(place), "ls", "--etag", f"s3://{place.bucket}/{PREFIX}*"]),
        Client("rclone", lambda _, place: [*_rclone("lsf"), *_WHOLE_LISTING, _remote(place, place.bucket)]),
    ]


def planning(source: str, target: str) -> list[Client]:
    """Return the ways to find out what a copy from one bucket to another would do."""
    return [
        Client(OURS, lambda _, place: [*_ours("plan", place), source, target]),
        Client(
            "s5cmd",
            lambda _, place: [
                *(*_s5cmd(place), "--dry-run", "sync", "--size-only"),
                *(f"s3://{source}/{PREFIX}*", f"s3://{target}/{PREFIX}"),
            ],
        ),
        Client(
            "rclone",
            lambda _, place: [
                *(*_rclone("copy"), "--dry-run", "--log-level", "ERROR", "--checksum", "--fast-list"),
                *(_remote(place, source), _remote(place, target)),
            ],
        ),
    ]


_WHOLE_LISTING = ("--recursive", "--fast-list", "--files-only", "--format", "ps")


def _ours(verb: str, place: Place) -> list[str]:
    return [sys.executable, "-m", "benchmarks.transfer.ours", verb, "--endpoint-url", place.endpoint_url]


def _s5cmd(place: Place) -> list[str]:
    return [program("s5cmd"), "--log", "error", "--endpoint-url", place.endpoint_url]


def _rclone(verb: str) -> list[str]:
    return [program("rclone"), "--config", "", verb]


def _remote(place: Place, bucket: str) -> str:
    remote = f":s3,provider=Other,env_auth=true,force_path_style=true,list_version=2,no_check_bucket=true,acl={ACL}"
    return f"{remote},endpoint='{place.endpoint_url}':{bucket}/{PREFIX}"


def program(name: str) -> str:
    """Return the path of the program itself: a wrapper in Python around it would be timed too."""
    wheel = find_spec(name)
    if wheel is not None and wheel.origin and (inside := Path(wheel.origin).parent / "bin" / name).exists():
        return str(inside)
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise ClientAbsent(f"{name} is not installed; add it with: {ADDED_BY}")
    return found
