"""Ceph's RADOS Gateway: objects become public through their own ACL."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .absent import ServerAbsent, program_path
from .certificates import Certificates
from .processes import free_ports, listens, new_directory, running
from .s3 import S3Server

ADDED_BY = "apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw"
SCRIPT = Path(__file__).with_name("ceph-rgw")
ACCESS_KEY_ID = "cephaccess"


@contextmanager
def ceph(certificates: Certificates | None = None) -> Iterator[S3Server]:
    """Yield the gateway; with *certificates* it also speaks HTTPS, on ``tls_endpoint_url``."""
    for program in ("ceph-mon", "ceph-osd", "radosgw"):
        program_path(program, added_by=ADDED_BY)
    if os.geteuid() != 0:
        raise ServerAbsent("ceph as root", "sudo, or run the tests as root")
    directory = new_directory("ceph")
    port, tls_port, monitor_port = free_ports(3)
    secret = secrets.token_hex(20)
    command = [str(SCRIPT), "--directory", str(directory), "--port", str(port), "--monitor-port", str(monitor_port)]
    if certificates:
        command += ["--tls-port", str(tls_port)]
        command += ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
    environment = {
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin",
        "CEPH_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "CEPH_SECRET_ACCESS_KEY": secret,
    }
    server = S3Server(
        "Ceph",
        f"http://127.0.0.1:{port}",
        "default",
        ACCESS_KEY_ID,
        secret,
        access_model="acl",
        tls_endpoint_url=f"https://127.0.0.1:{tls_port}" if certificates else None,
    )
    answers = lambda: listens(port)  # noqa: E731
    with running(command, directory=directory, answers=answers, patience=60, environment=environment):
        yield server
