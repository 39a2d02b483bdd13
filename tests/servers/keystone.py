"""The two logins of OpenStack's Keystone, answered as its API's documentation shows, for a Swift that is a real one.

Keystone itself takes a database and a web server to start; what a client makes of its answers, it makes of these.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from .swift import SwiftServer
from .web import Web, answering, response

REGION = "GRA"
_NO_MORE = "2099-01-01T00:00:00.000000Z"


@contextmanager
def keystone(swift: SwiftServer) -> Iterator[Web]:
    """Let the user ``books`` of the project ``site``, whose password is Swift's key, in to *swift*."""
    headers = {"X-Auth-User": swift.user, "X-Auth-Key": swift.key}
    login = urllib3.request("GET", f"{swift.auth_url}/v1.0", headers=headers).headers
    token, url = login["X-Auth-Token"], login["X-Storage-Url"]
    told = {"/v3/auth/tokens": _third(url), "/v2.0/tokens": _second(url, token)}

    def answer(peer: socket.socket, head: bytes) -> None:
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < length:
            body += peer.recv(4096)
        path = head.split(b" ")[1].decode()
        if path not in told:
            peer.sendall(response(status="404 Not Found"))
        elif f'"{swift.key}"'.encode() not in body:
            refused = {"error": {"code": 401, "message": "The request you have made requires authentication."}}
            peer.sendall(_json(refused, status="401 Unauthorized"))
        else:
            status = "201 Created" if path.startswith("/v3") else "200 OK"
            peer.sendall(_json(told[path], status=status, X_Subject_Token=token))

    with answering(answer) as web:
        yield web


def _third(url: str) -> dict[str, Any]:
    own = {"id": "1", "name": "books", "domain": {"id": "default", "name": "Default"}}
    endpoints = [
        {"id": region, "interface": "public", "region": region, "region_id": region, "url": where}
        for region, where in (("SBG", "http://127.0.0.1:1/elsewhere"), (REGION, url))
    ]
    return {
        "token": {
            "methods": ["password"],
            "issued_at": "2020-01-01T00:00:00.000000Z",
            "expires_at": _NO_MORE,
            "user": own,
            "project": own | {"name": "site"},
            "roles": [{"id": "1", "name": "member"}],
            "catalog": [{"id": "1", "type": "object-store", "name": "swift", "endpoints": endpoints}],
        }
    }


def _second(url: str, token: str) -> dict[str, Any]:
    endpoints = [
        {"id": region, "region": region, "tenantId": "1", "publicURL": where}
        for region, where in (("SBG", "http://127.0.0.1:1/elsewhere"), (REGION, url))
    ]
    return {
        "access": {
            "token": {"id": token, "expires": _NO_MORE, "tenant": {"id": "1", "name": "site"}},
            "user": {"id": "1", "name": "books", "roles": [{"id": "1", "name": "member"}]},
            "serviceCatalog": [{"type": "object-store", "name": "swift", "endpoints": endpoints}],
        }
    }


def _json(value: Any, **how: str) -> bytes:
    return response(json.dumps(value).encode(), Content_Type="application/json", **how)
