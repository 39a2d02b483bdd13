"""The demonstration itself: make a site, fill it, let it move to a bucket and back, and count failed requests."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ... import env, env_file
from .bucket import DemoBucket, NoServer, free_ports, running_bucket
from .prober import LOADED, Prober

PAGES = ("/", "/about/", "/search/?q=the", "/user/demo/")

MOST_SHOWN = 5


class Broken(Exception):
    """A command of the site failed; what it printed stands above."""


class DemoSite:
    """A site in a folder of its own: nothing of the checkout's own site is read or touched."""

    def __init__(self, folder: Path, bucket: DemoBucket) -> None:
        (port,) = free_ports(1)
        self.url = f"http://localhost:{port}"
        self._file = folder / "env"
        self._file.touch(mode=0o600)
        self.set({"SECRET_KEY": secrets.token_urlsafe(48), "PORT": str(port), "USE_S3": "false"} | bucket.settings())
        # A step waits until nobody can be in the middle of what came before; everything here answers at once.
        self.set({"STORAGE_DEADLINE": "1"})
        (folder / "images").mkdir()
        own = {"BOOKWYRM_ENV_FILE": self._file, "BOOKWYRM_STATE_DIR": folder / "state", "MEDIA_ROOT": folder / "images"}
        inherited = {name: value for name, value in os.environ.items() if name not in env.VARIABLES}
        self._environment = inherited | {name: str(value) for name, value in own.items()}

    def set(self, values: Mapping[str, str]) -> None:
        """Edit the site's ``.env``."""
        env_file.change(self._file, values)

    def operate(self, *arguments: str, aloud: bool = False) -> None:
        """Give one of the commands that ``./bw-dev`` has for the site as a whole."""
        self._run(["-m", "bookwyrm.operate", *arguments], aloud=aloud)

    def manage(self, *arguments: str) -> None:
        self._run([str(env.CHECKOUT / "manage.py"), *arguments])

    def _run(self, arguments: list[str], *, aloud: bool = False) -> None:
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, *arguments],
            cwd=env.CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=None if aloud else subprocess.PIPE,
            stderr=None if aloud else subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            say((done.stdout or b"").decode("utf-8", "replace"))
            raise Broken(f"{' '.join(arguments)} ended with {done.returncode}.")

    def a_cover(self) -> str:
        """Return where the home page of this moment shows a cover."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/", timeout=20) as answer:
            shown = LOADED.findall(answer.read().decode())
        return next((address for address in shown if "covers/" in address), "no cover")


@contextmanager
def a_site(folder: Path, bucket: DemoBucket) -> Iterator[DemoSite]:
    """Yield a running site; stop it afterwards."""
    site = DemoSite(folder, bucket)
    try:
        site.operate("up", "-d")
        yield site
    finally:
        site.operate("down")


def tell(books: int) -> int:
    """Tell the story; return 0 if no request failed on the way, else 1."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bw-demo-"))
    try:
        say("Starting an S3 server and a site on this machine …")
        with running_bucket(folder / "bucket") as bucket, a_site(folder, bucket) as site:
            say(f"Filling the site with {books} books …")
            site.manage("demo", "--books", str(books))
            say(f"Have a look while it lasts: {site.url}/\n")
            with Prober(site.url + page for page in PAGES) as prober:
                say("A visitor opens pages and fetches all that they show, some 15 requests a second, until the end.")
                show_where(site)
                travel(site, "true", "To the bucket: USE_S3=true in .env, and ./bw-dev up -d")
                travel(site, "false", "And home again: USE_S3=false in .env, and ./bw-dev up -d")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return conclude(prober, time.monotonic() - began)


def travel(site: DemoSite, use_s3: str, title: str) -> None:
    say(f"\n{title}")
    site.set({"USE_S3": use_s3})
    site.operate("up", "-d")
    site.operate("status", "--wait", aloud=True)
    show_where(site)


def show_where(site: DemoSite) -> None:
    say(f"A cover is at {site.a_cover()}")


def conclude(prober: Prober, seconds: float) -> int:
    say(f"\nRequests answered: {prober.answered:,}. Requests that failed: {len(prober.failed)}. ({seconds:.0f} s)")
    for failure in prober.failed[:MOST_SHOWN]:
        say(f"  {failure}")
    say("The site of the demonstration is gone again. Your own moves the same way: docs/operate/en/external-storage.md")
    return 1 if prober.failed or not prober.answered else 0


def say(text: str) -> None:
    print(text, flush=True)


def at_least_one(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d*", text):
        raise ValueError
    return int(text)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bw-dev demo --move", description="Watch a site move to a bucket and back.")
    parser.add_argument("--move", action="store_true", help="what you asked for")
    parser.add_argument("--books", type=at_least_one, default=60, metavar="N", help="how many books it has (60)")
    try:
        return tell(parser.parse_args(arguments).books)
    except (Broken, NoServer) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
