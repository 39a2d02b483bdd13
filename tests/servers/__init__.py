"""Start real servers for tests, on free loopback ports, and leave nothing behind.

Each module gives one context manager that yields a small description of the running server. A program that is not
installed raises `ServerAbsent`, whose text names the command that adds it. Every server runs under `guarded`, so it is
gone, with its files, even when the test process is killed.
"""

from __future__ import annotations

from .absent import ServerAbsent
from .ceph import ceph
from .certificates import Certificates, issue_certificates
from .https_front import MEDIA, SITE, HttpsFront, https_front
from .nginx import Nginx, nginx
from .openssh import OpenSsh, openssh
from .postgres import postgres
from .redis import redis
from .s3 import Bucket, S3Server
from .seaweedfs import seaweedfs

__all__ = [
    "MEDIA",
    "SITE",
    "Bucket",
    "Certificates",
    "HttpsFront",
    "Nginx",
    "OpenSsh",
    "S3Server",
    "ServerAbsent",
    "ceph",
    "https_front",
    "issue_certificates",
    "nginx",
    "openssh",
    "postgres",
    "redis",
    "seaweedfs",
]
