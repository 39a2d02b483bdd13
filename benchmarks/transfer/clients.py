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

PROJECT = Path(__file__).parents[2]

ADDED_BY = "pip install --require-hashes -r requirements-benchmarks.lock"


class ClientAbsent(Exception):
    """A program to compare with is not installed."""


@dataclass(frozen=True)
class Client:
    """A way to bring the content of a folder into a bucket; *command* gives its command line."""

    name: str
    command: Callable[[Path, Place], Sequence[str]]
    """Give the command line that copies all of a folder below ``images/``."""

    concurrency: int | None = None


def ours(concurrency: int | None = None) -> Client:
    """`external_storage.transfer.copy`; on the sink, which has no listing, without the proof."""

    def command(folder: Path, place: Place) -> list[str]:
        line = [sys.executable, "-m", "benchmarks.transfer.ours", "copy", str(folder), place.bucket]
        line += ["--endpoint-url", place.endpoint_url]
        line += ["--concurrency", str(concurrency)] if concurrency else []
        return line if place.lists else [*line, "--unproven"]

    return Client("ours", command, concurrency)


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
        line = [_program("s5cmd"), "--log", "error", "--numworkers", str(workers)]
        line += ["--endpoint-url", place.endpoint_url, verb, *headers]
        return [*line, f"{folder}/", f"s3://{place.bucket}/{PREFIX}"]

    return Client("s5cmd", command, workers)


def rclone(transfers: int = 64) -> Client:
    """rclone, told to ask nothing about the bucket and to look at no object after sending it."""

    def command(folder: Path, place: Place) -> list[str]:
        remote = f":s3,provider=Other,env_auth=true,force_path_style=true,list_version=2,no_check_bucket=true,acl={ACL}"
        options = ["--transfers", str(transfers), "--checkers", str(transfers), "--fast-list", "--s3-no-head"]
        headers = ["--header-upload", f"Cache-Control: {CACHE_CONTROL}"]
        line = [_program("rclone"), "--config", "", "copy", *options, *headers]
        return [*line, str(folder), f"{remote},endpoint='{place.endpoint_url}':{place.bucket}/{PREFIX}"]

    return Client("rclone", command, transfers)


def aws(*, verb: str = "cp") -> Client:
    """The AWS CLI as it comes."""

    def command(folder: Path, place: Place) -> list[str]:
        line = [_program("aws"), "--endpoint-url", place.endpoint_url, "s3", verb, "--only-show-errors"]
        line += ["--acl", ACL, "--cache-control", CACHE_CONTROL]
        line += ["--recursive"] if verb == "cp" else []
        return [*line, str(folder), f"s3://{place.bucket}/{PREFIX}"]

    return Client("aws", command)


def _program(name: str) -> str:
    """Return the path of the program itself: a wrapper in Python around it would be timed too."""
    wheel = find_spec(name)
    if wheel is not None and wheel.origin and (inside := Path(wheel.origin).parent / "bin" / name).exists():
        return str(inside)
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise ClientAbsent(f"{name} is not installed; add it with: {ADDED_BY}")
    return found
