"""Collect static files into a bucket on SeaweedFS: ours, Django's own command over django-storages, and collectfasta.

    python -m benchmarks.static_files [--files 3000] [--runs 3]

Each client collects into an empty bucket, and then once more with nothing changed; they take turns. All make hashed
names and a manifest. Beside the whole process the command's own work is timed, without Python's and Django's start.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests import servers
from tests.servers import Bucket, S3Server

CLIENTS = ("ours", "collectfasta", "django")
RUNS = ("first", "unchanged")
TO_REACH = {"django": 10.0, "collectfasta": 2.0}
"""How many times faster ours is to be, both when all files are new and when none is."""

THREADS_OF_COLLECTFASTA = 20
"""What its own documentation shows; more makes it no faster here."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.static_files", description=__doc__)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--clients", default=",".join(CLIENTS), help="which of them, with commas between")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add every measurement to this file")
    parser.add_argument("--collect", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.collect:
        print(json.dumps(asdict(_collect(json.loads(options.collect)))))
        return 0
    with tempfile.TemporaryDirectory(prefix="static-files-", dir=_memory()) as folder, servers.seaweedfs() as server:
        source = Path(folder, "source")
        size = make_files(source, options.files)
        print(f"{options.files} files, {size / 1e6:.1f} MB")
        taken = _measure(options, source, Path(folder), server)
    if options.json:
        with options.json.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in taken)
    return _tell(taken)


def _memory() -> str | None:
    """Return a folder in memory where there is one, so that no disk is timed."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# The files


def make_files(folder: Path, count: int) -> int:
    """Make *count* static files as a site has them: pictures, scripts, style sheets that name them; always the same.

    Return how many bytes they have together.
    """
    chance = random.Random(20_26)
    total = 0
    for number in range(count):
        kind = ("css", "js", "png", "svg", "woff2")[number % 5]
        path = folder / f"part{number % 40:02}" / f"{kind}{number:05}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = chance.randbytes(min(int(chance.lognormvariate(8.6, 1.0)), 400_000))
        if kind == "css":
            named = "".join(f".x{n}{{background:url(png{n:05}.png)}}\n" for n in _pictures_beside(number, count))
            data = (named + f"/* {data.hex()} */\n").encode()
        elif kind == "js":
            data = f"const data = '{data.hex()}';\n".encode()
        path.write_bytes(data)
        total += len(data)
    return total


def _pictures_beside(number: int, count: int) -> list[int]:
    """Return the numbers of a few pictures that are in the folder of file *number*."""
    return [n for n in range(number % 40, count, 40) if n % 5 == 2][:3]


# Measuring


@dataclass(frozen=True, slots=True)
class Work:
    """What the command itself took, in seconds, in a process that had started already."""

    seconds: float


def _measure(options: argparse.Namespace, source: Path, folder: Path, server: S3Server) -> list[dict[str, Any]]:
    taken = []
    for number in range(options.runs):
        for client in options.clients.split(","):
            bucket = server.make_bucket()
            here = folder / f"{client}-{number}"
            for run in RUNS:
                asked = {"client": client, "source": str(source), "folder": str(here)}
                asked |= {"server": _as_told(server), "bucket": bucket.name}
                began = time.perf_counter()
                work = _in_a_process(asked)
                wall = time.perf_counter() - began
                _check(bucket, options.files)
                taken.append({"client": client, "run": run, "files": options.files, "wall": wall, "work": work})
                print(f"{client:<13} {run:<10} {wall:8.2f} s, of which the command {work:8.2f} s", flush=True)
    return taken


def _as_told(server: S3Server) -> dict[str, str]:
    names = ("endpoint_url", "region", "access_key_id", "secret_access_key")
    return {name: getattr(server, name) for name in names}


def _in_a_process(asked: dict[str, Any]) -> float:
    command = [sys.executable, "-m", "benchmarks.static_files", "--collect", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{asked['client']} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


def _check(bucket: Bucket, files: int) -> None:
    """Fail unless the bucket holds every file under its own name and under a hashed one, and the manifest."""
    held = sum(page["KeyCount"] for page in _pages(bucket))
    if held < 2 * files + 1:
        raise SystemExit(f"Only {held} objects arrived of {2 * files + 1}.")


def _pages(bucket: Bucket) -> Iterator[dict[str, Any]]:
    yield from bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)


def _tell(taken: list[dict[str, Any]]) -> int:
    """Print the medians, and how much faster ours was; return 1 if that is not enough."""

    def median(client: str, run: str, what: str) -> float:
        return statistics.median(t[what] for t in taken if (t["client"], t["run"]) == (client, run))

    clients = list(dict.fromkeys(each["client"] for each in taken))
    print("\n| client | run | wall s | the command alone s | slower than ours |\n| --- | --- | --- | --- | --- |")
    is_reached = True
    for run in RUNS:
        for client in clients:
            wall, work = median(client, run, "wall"), median(client, run, "work")
            times = wall / median("ours", run, "wall") if "ours" in clients else 1.0
            alone = work / median("ours", run, "work") if "ours" in clients else 1.0
            print(f"| {client} | {run} | {wall:.2f} | {work:.2f} | {times:.1f} × ({alone:.1f} × alone) |")
            is_reached = is_reached and times >= TO_REACH.get(client, 0.0)
    return 0 if is_reached else 1


# One collection, in a process of its own


def _collect(asked: dict[str, Any]) -> Work:
    with _django_for(asked):
        from django.core.management import call_command

        began = time.perf_counter()
        call_command("collectstatic", interactive=False, verbosity=0)
        return Work(time.perf_counter() - began)


@contextmanager
def _django_for(asked: dict[str, Any]) -> Iterator[None]:
    import django
    from django.conf import settings

    folder, client = Path(asked["folder"]), asked["client"]
    apps = {"ours": ["external_storage.django"], "collectfasta": ["collectfasta"], "django": []}[client]
    settings.configure(
        INSTALLED_APPS=[*apps, "django.contrib.staticfiles"],
        STATICFILES_DIRS=[asked["source"]],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STATIC_URL="/static/",
        STATIC_ROOT=str(folder / "static"),
        USE_TZ=True,
        **(_ours(asked, folder) if client == "ours" else _theirs(asked, folder)),
    )
    folder.mkdir(exist_ok=True)
    django.setup()
    yield


def _ours(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    server = asked["server"]
    bucket = {
        "KIND": "s3",
        "BUCKET": asked["bucket"],
        "PREFIX": "static/",
        "REGION": server["region"],
        "ENDPOINT_URL": server["endpoint_url"],
        "ACCESS_KEY_ID": server["access_key_id"],
        "SECRET_ACCESS_KEY": server["secret_access_key"],
    }
    disk = {"KIND": "local", "ROOT": str(folder / "static"), "PUBLIC_URL": "/static/"}
    return {
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "site.sqlite3")}},
        "STORAGES": {"staticfiles": {"BACKEND": "external_storage.django.backends.StaticStorage"}},
        "EXTERNAL_STORAGE": {
            "STORES": {"bucket": bucket, "disk": disk},
            "ALIASES": {"staticfiles": {"ACTIVE": "bucket", "STORES": ["disk", "bucket"]}},
            "STATE_DIR": str(folder / "state"),
        },
    }


def _theirs(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    server = asked["server"]
    options = {
        "bucket_name": asked["bucket"],
        "location": "static",
        "region_name": server["region"],
        "endpoint_url": server["endpoint_url"],
        "access_key": server["access_key_id"],
        "secret_key": server["secret_access_key"],
        "default_acl": "public-read",
        "querystring_auth": False,
        "object_parameters": {"CacheControl": "public, max-age=300"},
    }
    # collectfasta remembers checksums in the cache, and makes clients of its own from these settings.
    names = {"location": "AWS_LOCATION", "bucket_name": "AWS_STORAGE_BUCKET_NAME", "region_name": "AWS_S3_REGION_NAME"}
    names |= {"endpoint_url": "AWS_S3_ENDPOINT_URL", "access_key": "AWS_ACCESS_KEY_ID"}
    names |= {"secret_key": "AWS_SECRET_ACCESS_KEY", "default_acl": "AWS_DEFAULT_ACL"}
    cache = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(folder / "cache")}
    return {
        **{setting: options[name] for name, setting in names.items()},
        "STORAGES": {"staticfiles": {"BACKEND": "storages.backends.s3.S3ManifestStaticStorage", "OPTIONS": options}},
        "CACHES": {"default": {**cache, "TIMEOUT": None, "OPTIONS": {"MAX_ENTRIES": 100_000}}},
        "DATABASES": {},
        "COLLECTFASTA_STRATEGY": "collectfasta.strategies.boto3.Boto3ManifestMemoryStrategy",
        "COLLECTFASTA_THREADS": THREADS_OF_COLLECTFASTA,
    }


if __name__ == "__main__":
    sys.exit(main())
