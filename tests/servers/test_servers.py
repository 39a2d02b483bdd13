"""The servers the tests lean on: they answer, they check signatures, and they leave nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.servers import S3Server, issue_certificates, nginx
from tests.servers.processes import free_ports, listens

PROJECT = Path(__file__).parents[2]

START_AND_DIE = """
import os, signal, sys
from tests.servers.processes import free_ports, listens, new_directory, running
directory = new_directory("orphan")
(port,) = free_ports(1)
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
with running(command, directory=directory, answers=lambda: listens(port)):
    print(port, directory, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_and_its_directory_are_gone_after_the_test_process_is_killed():
    died = subprocess.run([sys.executable, "-c", START_AND_DIE], cwd=PROJECT, capture_output=True, text=True)
    port, directory = died.stdout.split()
    deadline = time.monotonic() + 10
    while (listens(int(port)) or Path(directory).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert died.returncode == -9
    assert not listens(int(port))
    assert not Path(directory).exists()


def test_a_wrong_secret_is_refused(s3_server: S3Server):
    stranger = replace(s3_server, secret_access_key="not-the-secret")
    with pytest.raises(ClientError) as refusal:
        stranger.client.list_buckets()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_public_object_is_readable_by_anybody_and_a_private_one_is_not(s3_server: S3Server):
    bucket = s3_server.make_bucket()
    bucket.client.put_object(Bucket=bucket.name, Key="images/shown", Body=b"shown", ACL="public-read")
    bucket.client.put_object(Bucket=bucket.name, Key="hidden", Body=b"hidden")
    assert urllib.request.urlopen(f"{bucket.public_url}/images/shown").read() == b"shown"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{bucket.public_url}/hidden")


def test_a_missing_bucket_stays_missing(s3_server: S3Server):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3_server.client.put_object(Bucket="nobody-made-this", Key="a", Body=b"a")


def test_redis_answers(redis_server: str):
    port = int(redis_server.rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(16) == b"+PONG\r\n"


def test_postgres_lets_its_user_make_databases(postgres_server: str):
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE another")
        assert connection.execute("SELECT count(*) FROM pg_database WHERE datname = 'another'").fetchone() == (1,)


def test_nginx_shows_a_certificate_that_the_test_authority_vouches_for(certificates, tmp_path, nginx_program):
    import ssl

    (port,) = free_ports(1)
    block = f"""
        server {{
            listen 127.0.0.1:{port} ssl;
            ssl_certificate {certificates.certificate};
            ssl_certificate_key {certificates.key};
            return 200 "hello";
        }}"""
    with nginx(block, port=port):
        trusting = ssl.create_default_context(cafile=str(certificates.authority))
        assert urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=trusting).read() == b"hello"
        stranger = issue_certificates(tmp_path, "books.test")
        doubting = ssl.create_default_context(cafile=str(stranger.authority))
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=doubting)
