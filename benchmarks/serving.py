"""Ask for pictures that are in a bucket through the site's own domain, and for the same ones on nginx's own disk.

    python -m benchmarks.serving

The part of deploy/nginx/bookwyrm.conf that answers for pictures runs as it stands, before the site with two workers,
before SeaweedFS. wrk asks for one picture after the other over connections that stay open; all ways take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from bookwyrm.env import CHECKOUT, VARIABLES
from tests import servers
from tests.servers import Bucket, S3Server
from tests.servers.absent import program_path
from tests.servers.processes import free_ports, listens, new_directory, running

from .transfer.corpus import Corpus, covers

MOST_TIMES_THE_DISK = 1.2
"""How much longer than from nginx's own disk a picture from its warm cache may take, at the median."""

FRONT = """
    sendfile on;
    tcp_nopush on;
    types {{ image/jpeg jpg; }}
    proxy_cache_path {cache} levels=1:2 keys_zone=bookwyrm_files:10m max_size=2g inactive=30d use_temp_path=off;
    upstream bookwyrm {{
        server 127.0.0.1:{site};
        keepalive 16;
        keepalive_timeout 15s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        proxy_http_version 1.1;
        location /disk/ {{
            alias {files}/;
            add_header Cache-Control "public, max-age=31536000, immutable";
            add_header X-Content-Type-Options nosniff always;
        }}
        {images}
    }}
"""

# wrk's own report rounds; this one is read by a program.
ASK_FOR_ALL = """
local paths, at = {}, 0
for path in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = path end
function request()
    at = at % #paths + 1
    return wrk.format("GET", os.getenv("BELOW") .. paths[at], {Host = "localhost"})
end
function done(summary, latency)
    local failed = summary.errors.status + summary.errors.read + summary.errors.timeout + summary.errors.connect
    io.write(string.format("\\nSEEN %d %d %d %d\\n",
        latency:percentile(50), latency:percentile(99), summary.requests * 1e6 / summary.duration, failed))
end
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """How long answers took, in milliseconds, and how many came in a second."""

    median: float
    slow: float
    rate: int

    def __str__(self) -> str:
        return f"p50 {self.median:.2f} ms, p99 {self.slow:.2f} ms, {self.rate} a second"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the pictures: the port that is asked, and what their addresses begin with."""

    name: str
    port: int
    below: str


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=1, help="for how long each way is asked, in each run")
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--json", type=Path, help="a file to which every single measurement is added")
    options = parser.parse_args(arguments)
    program_path("wrk", added_by="apt-get install -y wrk")
    with covers(options.files) as corpus, servers.seaweedfs() as store:
        bucket = store.make_bucket()
        for path in sorted(corpus.root.rglob("*.jpg")):
            key = f"images/{path.relative_to(corpus.root).as_posix()}"
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=path.read_bytes(), ContentType="image/jpeg")
        with (
            site(store, bucket) as keeping,
            site(store, bucket, STORAGE_CACHE_MB="0") as passing_on,
            front(corpus, keeping) as port,
        ):
            ways = [
                Way("nginx, its own disk", port, "/disk/"),
                Way("nginx, warm cache", port, "/images/"),
                Way("Python, copies kept", keeping, "/images/"),
                Way("Python, nothing kept", passing_on, "/images/"),
            ]
            return compared(ways, corpus, options)


def compared(ways: list[Way], corpus: Corpus, options: argparse.Namespace) -> int:
    """Let the ways take turns; return 0 if the second takes at most so much longer than the first as is wanted."""
    paths = corpus.root / "paths"
    paths.write_text("".join(f"{path.relative_to(corpus.root).as_posix()}\n" for path in corpus.root.rglob("*.jpg")))
    script = corpus.root / "ask.lua"
    script.write_text(ASK_FOR_ALL)
    print(f"Python, first time of each: {first_time(ways[2], paths)}")
    for way in ways:
        asked(way, options, script, paths, seconds=3)  # warms up
    seen: dict[str, list[Seen]] = {way.name: [] for way in ways}
    for number in range(options.runs):
        for way in ways:
            seen[way.name].append(each := asked(way, options, script, paths, seconds=options.seconds))
            if options.json:
                line = {"run": number, "way": way.name, "p50_ms": each.median, "p99_ms": each.slow, "rate": each.rate}
                with options.json.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    for name, results in seen.items():
        print(f"{name}: {middle(results)}")
    disk, cache = (seen[way.name] for way in ways[:2])
    ratio = statistics.median(ours.median / own.median for own, ours in zip(disk, cache, strict=True))
    print(f"nginx's warm cache takes {ratio:.2f} × its own disk at the median; wanted: {MOST_TIMES_THE_DISK} ×")
    return 0 if ratio <= MOST_TIMES_THE_DISK else 1


def middle(results: list[Seen]) -> Seen:
    return Seen(
        statistics.median(each.median for each in results),
        statistics.median(each.slow for each in results),
        int(statistics.median(each.rate for each in results)),
    )


def asked(way: Way, options: argparse.Namespace, script: Path, paths: Path, *, seconds: int) -> Seen:
    """Let wrk ask for the pictures in turn. Raise `RuntimeError` if one answer was wrong."""
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{seconds}s", "-s", str(script)]
    finished = subprocess.run(
        [*command, f"http://127.0.0.1:{way.port}/"],
        env={**os.environ, "PATHS": str(paths), "BELOW": way.below},
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"^SEEN (\d+) (\d+) (\d+) (\d+)$", finished.stdout, flags=re.MULTILINE)
    if found is None or int(found[4]):
        raise RuntimeError(f"{way.name}: {finished.stdout}")
    return Seen(int(found[1]) / 1000, int(found[2]) / 1000, int(found[3]))


def first_time(way: Way, paths: Path) -> Seen:
    """Ask for each picture once, one after the other: each is fetched from the store, and kept."""
    took = []
    with urllib3.HTTPConnectionPool("127.0.0.1", way.port) as pool:
        for path in paths.read_text().split():
            began = time.perf_counter()
            answer = pool.request("GET", way.below + path, headers={"Host": "localhost"})
            took.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
    return Seen(statistics.median(took), statistics.quantiles(took, n=100)[98], int(1000 * len(took) / sum(took)))


@contextmanager
def front(corpus: Corpus, site_port: int) -> Iterator[int]:
    """Run nginx before the site, with what the file in deploy/ says of pictures; yield its port."""
    written = (CHECKOUT / "deploy" / "nginx" / "bookwyrm.conf").read_text()
    images = re.search(r"^    location /images/ \{.*?^    \}", written, flags=re.DOTALL | re.MULTILINE)
    (port,) = free_ports(1)
    corpus.root.chmod(0o755)
    cache = corpus.root / "nginx-cache"
    servers_block = FRONT.format(cache=cache, files=corpus.root, images=images[0], port=port, site=site_port)
    with servers.nginx(servers_block, port=port):
        yield port


@contextmanager
def site(store: S3Server, bucket: Bucket, **settings: str) -> Iterator[int]:
    """Run the site, which serves what is in the bucket itself; yield its port."""
    directory = new_directory("serving")
    (port,) = free_ports(1)
    values = {
        "DOMAIN": "localhost",
        "PORT": port,
        "SECRET_KEY": "a-key-for-benchmarks-that-protects-nothing",
        "USE_S3": "true",
        "AWS_ACCESS_KEY_ID": store.access_key_id,
        "AWS_SECRET_ACCESS_KEY": store.secret_access_key,
        "AWS_STORAGE_BUCKET_NAME": bucket.name,
        "AWS_S3_REGION_NAME": store.region,
        "AWS_S3_CUSTOM_DOMAIN": bucket.public_url.removeprefix("http://"),
        "AWS_S3_ENDPOINT_URL": store.endpoint_url,
        "STORAGE_SERVING": "proxy",
        **settings,
    }
    env_file = directory / "env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {
        "DJANGO_SETTINGS_MODULE": "bookwyrm.settings",
        "BOOKWYRM_ENV_FILE": str(env_file),
        "BOOKWYRM_STATE_DIR": str(directory / "state"),
        "BOOKWYRM_LISTEN": f"127.0.0.1:{port}",
        "MEDIA_ROOT": str(directory / "images"),
    }
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=CHECKOUT, env=environment, check=True)
    gunicorn = ["gunicorn", "--config", "python:bookwyrm.operate.gunicorn_settings", "--chdir", str(CHECKOUT)]
    with running(
        [sys.executable, "-m", *gunicorn, "bookwyrm.wsgi:application"],
        directory=directory,
        answers=lambda: listens(port),
        environment={**environment, "PYTHONPATH": str(CHECKOUT)},
    ):
        yield port


if __name__ == "__main__":
    sys.exit(main())
