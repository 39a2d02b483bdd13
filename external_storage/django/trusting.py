"""Introduce the servers of SFTP stores: which key one shows, whether it is known, and that it is to be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SettingsError, StoreRefused
from ..stores.sftp import known_hosts
from ..stores.sftp.known_hosts import HostKey
from ..stores.sftp.ssh import address_of
from . import conf
from .places_by_url import known_hosts_for


@dataclass(frozen=True, slots=True)
class Introduction:
    """A host of the settings, the keys that it shows now, and those by which *file* knows it."""

    host: str
    port: int
    file: Path
    shown: list[HostKey]
    known: list[HostKey]

    @property
    def address(self) -> str:
        return address_of(self.host, self.port)

    @property
    def is_known(self) -> bool:
        """Whether it shows a key by which it is known."""
        return any(key in self.known for key in self.shown)

    def check(self, *, expected: str | None, replace: bool) -> None:
        """Raise `StoreRefused` if it shows another key than *expected*, or than it is known by unless that is over."""
        if expected is not None and expected not in [key.fingerprint for key in self.shown]:
            raise StoreRefused(
                f"{self.address} does not show a key with the fingerprint {expected}.",
                remedy="Nothing was changed. Somebody may stand between you and the host.",
            )
        if self.known and not self.is_known and not replace:
            raise StoreRefused(
                f"THE KEY OF {self.address} HAS CHANGED: it is known by {self.known[0].fingerprint}.",
                remedy="Nothing was changed. Only if you know that the host was set up anew, add --replace.",
            )

    def accept(self) -> None:
        """Know the host by what it shows, and by nothing else."""
        known_hosts.pin(self.file, self.host, self.port, self.shown)

    def as_dict(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "file": str(self.file),
            "keys": [{"kind": key.kind, "fingerprint": key.fingerprint} for key in self.shown],
            "was_known": self.is_known,
        }


def introduction_of(named: str) -> Introduction:
    """Ask the host *named* (``HOST``, ``HOST:PORT``, or a store of the settings) for its keys.

    Raise `SettingsError` if no store is there, and nothing says where else the keys of hosts are written down.
    """
    host, port, file = _host_called(named)
    return Introduction(host, port, file, known_hosts.shown_by(host, port), known_hosts.known(file, host, port))


def _host_called(named: str) -> tuple[str, int, Path]:
    stores = [each for each in conf.configuration().stores.values() if isinstance(each, conf.SftpSettings)]
    for store in stores:
        if named in (store.host, f"{store.host}:{store.port}", store.name):
            return store.host, store.port, store.known_hosts
    # A place that a command was given by its URL is on a host that the settings do not know.
    host, _, port = named.rpartition(":") if re.search(r":\d+$", named) else (named, "", "22")
    file = known_hosts_for(host, int(port))
    if file and re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host):
        return host.strip("[]"), int(port), Path(file)
    known = ", ".join(sorted({f"{store.host}:{store.port}" for store in stores})) or "none"
    raise SettingsError(
        f"No SFTP store of the settings is on {named!r}.",
        remedy=f"Hosts of SFTP stores: {known}. For another, set STORAGE_KNOWN_HOSTS to the file that is to know it.",
    )
