"""SeaweedFS: one binary from a wheel; objects become public through the bucket's policy."""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from .absent import program_path
from .processes import free_ports, new_directory, running
from .s3 import S3Server

ADDED_BY = "pip install --require-hashes -r requirements-test.lock"
ACCESS_KEY_ID = "seaweedaccess"


@contextmanager
def seaweedfs() -> Iterator[S3Server]:
    weed = program_path("weed", added_by=ADDED_BY)
    directory = new_directory("seaweedfs")
    ports = free_ports(8)
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = ports
    secret = secrets.token_hex(20)
    identities = directory / "identities.json"
    identities.write_text(json.dumps(_identities(secret)))
    (directory / "data").mkdir()
    command = [
        weed,
        f"-logdir={directory}",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={directory / 'data'}",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-master.electionTimeout=1s",
        f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}",
        "-volume.max=20000",  # each bucket takes one of its own; with none left a first write is answered with 500
        "-volume.minFreeSpace=100MiB",  # the default, one part in a hundred, is gigabytes on a large disk
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        f"-filer.localSocket={directory / 'filer.sock'}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.allowedOrigins=https://nobody.invalid",  # the default lets every site in where a bucket has no CORS rules
        "-s3.autoCreateBucket=false",  # a missing bucket must stay missing
        f"-s3.localSocket={directory / 's3.sock'}",
        f"-s3.config={identities}",
    ]
    server = S3Server("SeaweedFS", f"http://127.0.0.1:{s3}", "us-east-1", ACCESS_KEY_ID, secret, access_model="policy")
    one_volume_a_bucket = {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}  # the default is seven
    with running(
        command,
        directory=directory,
        answers=lambda: _answers(s3, server),
        stop_signal="SIGKILL",
        environment=one_volume_a_bucket,
    ):
        yield server


def _identities(secret: str) -> dict:
    """Once one identity is configured, SeaweedFS checks every signature and knows no anonymous user."""
    credentials = [{"accessKey": ACCESS_KEY_ID, "secretKey": secret}]
    return {"identities": [{"name": "site", "credentials": credentials, "actions": ["Admin"]}]}


def _answers(port: int, server: S3Server) -> bool:
    """The gateway listens before the filer behind it works, so a bucket must have been made and written to."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
    except urllib.error.HTTPError:
        pass  # 403: it speaks S3
    except OSError:
        return False
    try:
        bucket = server.make_bucket(public=())
        server.client.put_object(Bucket=bucket.name, Key="probe", Body=b"x")
    except (server.client.exceptions.ClientError, OSError):
        return False
    server.client.delete_object(Bucket=bucket.name, Key="probe")
    server.client.delete_bucket(Bucket=bucket.name)
    return True
