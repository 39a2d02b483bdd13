"""Azurite, Microsoft's own emulator of Azure Blob Storage. It is on npm, and not among what every run needs."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from .absent import program_path
from .processes import free_ports, listens, new_directory, running

ACCOUNT = "books"


@contextmanager
def azurite() -> Iterator[str]:
    """Yield what a client is to be connected with."""
    program = program_path("azurite-blob", added_by="npm install --global azurite@3.34.0")
    (port,) = free_ports(1)
    key = base64.b64encode(secrets.token_bytes(64)).decode("ascii")
    command = [program, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    accounts = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with running(command, directory=new_directory("azurite"), answers=lambda: listens(port), environment=accounts):
        address = f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT}"
        yield f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{address};"
