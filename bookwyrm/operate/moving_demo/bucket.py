"""An S3 server on this machine's own address, with one bucket that everybody may read."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NAME = "books"
KEY_ID = "demonstration"

START_SECONDS = 60.0


class NoServer(Exception):
    """The server is not there, or did not come up."""


@dataclass(frozen=True, slots=True)
class DemoBucket:
    """How to reach the bucket."""

    port: int
    secret: str = field(repr=False)

    def settings(self) -> dict[str, str]:
        """Return the lines of ``.env`` that describe it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_STORAGE_BUCKET_NAME": NAME,
            "AWS_S3_REGION_NAME": "us-east-1",
            "AWS_S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_S3_CUSTOM_DOMAIN": f"127.0.0.1:{self.port}/{NAME}",
            "AWS_DEFAULT_ACL": "none",
        }


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
        return ports


@contextmanager
def running_bucket(folder: Path) -> Iterator[DemoBucket]:
    """Run the server for the length of the block, with its files in *folder*. Raise `NoServer` if it does not come."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        raise NoServer("The program weed (SeaweedFS) is not installed; ./bw-dev demo --move installs it.")
    folder.mkdir(mode=0o700, parents=True)
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = free_ports(8)
    bucket = DemoBucket(s3, secrets.token_hex(20))
    identities = folder / "identities.json"
    identities.write_text(json.dumps(_identities(bucket.secret)))
    identities.chmod(0o600)
    command = [
        *(weed, f"-logdir={folder}", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"),
        *(f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false"),
        *("-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s", "-volume.max=50", "-volume.preStopSeconds=0"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
        *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={folder}/filer"),
        *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-s3.localSocket={folder}/s3", f"-s3.config={identities}"),
    ]
    with (folder / "output").open("wb") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)  # noqa: S603
    try:
        _make_bucket(server, filer, s3)
        yield bucket
    finally:
        server.kill()
        server.wait()


def _identities(secret: str) -> dict:
    """One identity for the site, and what a stranger may do: read what he knows the name of."""
    return {
        "identities": [
            {"name": "site", "credentials": [{"accessKey": KEY_ID, "secretKey": secret}], "actions": ["Admin"]},
            {"name": "anonymous", "actions": [f"Read:{NAME}"]},
        ]
    }


def _make_bucket(server: subprocess.Popen[bytes], filer: int, s3: int) -> None:
    """Make the bucket, which is a folder of the filer, as soon as all parts of the server work together."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        made = _answer("POST", f"http://127.0.0.1:{filer}/buckets/{NAME}/")
        is_there = made in (201, 409)  # 409: it was made the last time, when another part was not ready yet
        if is_there and _answer("GET", f"http://127.0.0.1:{s3}/{NAME}/nothing") == 404:
            return
        time.sleep(0.3)
    raise NoServer("The S3 server for the demonstration did not start.")


def _answer(method: str, url: str) -> int:
    """Return the status of the answer; 0 if there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=3) as answer:  # noqa: S310 - ours
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return 0
