"""The tests' own site behind `deploy/nginx/bookwyrm.conf`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.integration.test_operate_deploy import on_this_machine
from tests.servers import nginx


@dataclass(frozen=True)
class Front:
    """The site as visitors see it."""

    pool: urllib3.HTTPSConnectionPool

    def get(self, path: str = "/images/covers/a.png", method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        sent = {"Host": "books.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.pool.request(method, path, headers=sent, redirect=False)

    def until(self, status: int, path: str = "/images/covers/a.png") -> float:
        """Ask until the answer has this status; return how many seconds that took."""
        began = time.monotonic()
        while self.get(path).status != status:
            assert time.monotonic() - began < 10
            time.sleep(0.05)
        return time.monotonic() - began


@contextmanager
def behind_nginx(certificates: Any, site_port: int, changed: dict[str, tuple[str, str]]) -> Iterator[Front]:
    """Run nginx before the site; what its file says is *changed*: each value is what stands there, and what instead."""
    text, tls = on_this_machine(certificates, site_port=site_port)
    for written, here in changed.values():
        assert written in text, written
        text = text.replace(written, here)
    pool = urllib3.HTTPSConnectionPool(
        "127.0.0.1", tls, ca_certs=str(certificates.authority), assert_hostname=False, retries=False
    )
    with nginx(text, port=tls), pool:
        yield Front(pool)
