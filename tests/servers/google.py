"""An emulator of Google Cloud Storage: it speaks the service's own protocol, and keeps all in memory."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .absent import ServerAbsent
from .processes import free_ports, listens, new_directory, running


@contextmanager
def google() -> Iterator[str]:
    """Yield the address at which it answers."""
    if importlib.util.find_spec("gcp_storage_emulator") is None:
        raise ServerAbsent("gcp-storage-emulator", "pip install gcp-storage-emulator")
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", f"--port={port}", "--host=127.0.0.1"]
    with running([*command, "--in-memory"], directory=new_directory("google"), answers=lambda: listens(port)):
        yield f"http://127.0.0.1:{port}"
