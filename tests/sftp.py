"""Stores on the tests' OpenSSH."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from external_storage.stores.sftp import Login, SftpStore
from tests.servers import OpenSsh


def login(server: OpenSsh, **changed: Any) -> Login:
    """Return how to log in to *server*, with some things otherwise."""
    settings = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "known_hosts": str(server.known_hosts),
        "key_file": str(server.key_file),
    }
    return Login(**settings | changed)


def sftp_store(server: OpenSsh, root: Path | str | None = None, *, manner: Any = None, **changed: Any) -> SftpStore:
    """Return a store in *root*, or in a new folder, for who logs in as `login` says."""
    return SftpStore("host", login(server, **changed), str(root or server.make_folder()), **manner or {})
