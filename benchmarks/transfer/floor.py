"""Send a folder with as little work as a client in Python can do, to know what an object must cost at least.

It walks, reads, computes MD5s, signs and sends, from several threads over kept connections. It does not look whether
anything went well beyond the status, does not try again, verify, hold back, or report.

python -m benchmarks.transfer.floor FOLDER URL BUCKET [--threads N]
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import socket
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from urllib.parse import quote, urlsplit

from .published import ACL, CACHE_CONTROL, PREFIX

NAMES = "cache-control;content-md5;content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date"


def walk(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from walk(entry.path)
            else:
                yield entry.path


class Sender:
    """What all threads share: the list of files, and the signing key of the day."""

    def __init__(self, folder: str, url: str, bucket: str) -> None:
        self._cut = len(folder) + 1
        self._paths = walk(folder)
        self._lock = Lock()
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._host = parts.netloc
        self._root = f"/{bucket}/{PREFIX}"
        region, day = os.environ.get("AWS_REGION", "us-east-1"), time.strftime("%Y%m%d", time.gmtime())
        self._scope = f"{day}/{region}/s3/aws4_request"
        self._credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{self._scope}"
        self._key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
        for part in self._scope.split("/"):
            self._key = hmac.digest(self._key, part.encode(), "sha256")

    def send_all(self) -> int:
        """Send files until none is left; return how many."""
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = 0
        while path := self._next():
            self._send(connection, path)
            sent += 1
        return sent

    def _next(self) -> str | None:
        with self._lock:
            return next(self._paths, None)

    def _send(self, connection: socket.socket, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            body = os.read(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
        head = self._head(self._root + quote(path[self._cut :]), body)
        sent = connection.sendmsg([head, body])
        if sent < len(head) + len(body):
            connection.sendall((head + body)[sent:])
        answer = connection.recv(65536)
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode(errors="replace"))

    def _head(self, target: str, body: bytes) -> bytes:
        md5 = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = (
            f"cache-control:{CACHE_CONTROL}\ncontent-md5:{md5}\ncontent-type:image/jpeg\nhost:{self._host}\n"
            f"x-amz-acl:{ACL}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{stamp}\n"
        )
        request = f"PUT\n{target}\n\n{signed}\n{NAMES}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{self._scope}\n{digest}"
        signature = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        lines = signed.replace("\n", "\r\n")
        return (
            f"PUT {target} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n"
            f"authorization: AWS4-HMAC-SHA256 Credential={self._credential}, "
            f"SignedHeaders={NAMES}, Signature={signature}\r\n\r\n"
        ).encode()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("url")
    parser.add_argument("bucket")
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    sender = Sender(options.folder, options.url, options.bucket)
    with ThreadPoolExecutor(options.threads) as pool:
        print(sum(pool.map(lambda _: sender.send_all(), range(options.threads))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
