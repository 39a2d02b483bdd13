"""Know a host by its key: ask which one it shows, compare it with what is known, and write it down.

Nothing here trusts a host; that is for a person to say who has compared the fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import SettingsError, StoreUnreachable
from ...sentences import say
from .ssh import CONNECT_SECONDS, address_of, program

# One type is enough to know a host by; the client asks it for the one that is known.
KINDS = "ed25519,ecdsa,rsa"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key."""

    kind: str
    encoded: str

    @property
    def fingerprint(self) -> str:
        """The form in which ``ssh-keygen -lf`` prints it on the host itself."""
        digest = hashlib.sha256(base64.b64decode(self.encoded)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def shown_by(host: str, port: int = 22) -> list[HostKey]:
    """Ask the host for its keys, the best first. Raise `StoreUnreachable` if it shows none."""
    address = address_of(host, port)
    asking = ["-T", str(CONNECT_SECONDS), "-p", str(port), "-t", KINDS, host]
    keys = list(_keys_in(_run("ssh-keyscan", *asking)))
    if not keys:
        raise StoreUnreachable(
            say("{address} shows no host key.", address=address),
            remedy=say("Check HOST and PORT, and that sshd runs there."),
        )
    order = KINDS.split(",")
    return sorted(keys, key=lambda key: next((n for n, kind in enumerate(order) if kind in key.kind), len(order)))


def known(file: Path, host: str, port: int = 22) -> list[HostKey]:
    """Return the keys by which *file* knows the host."""
    return list(_keys_in(_run("ssh-keygen", "-F", address_of(host, port), "-f", str(file)))) if file.exists() else []


def pin(file: Path, host: str, port: int, keys: list[HostKey]) -> None:
    """Know the host by *keys* from now on, and by no others. The file is replaced in one step."""
    address = address_of(host, port)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=file.parent, prefix=".known-hosts-") as folder:
            new = Path(folder) / "new"
            if file.exists():
                shutil.copy(file, new)
                _run("ssh-keygen", "-q", "-R", address, "-f", str(new))
            with new.open("a") as lines:
                lines.writelines(f"{address} {key.kind} {key.encoded}\n" for key in keys)
            new.replace(file)
    except OSError as error:
        raise SettingsError(
            say("{file} cannot be written: {why}.", file=file, why=error.strerror),
            setting="KNOWN_HOSTS",
            remedy=say("Name a file that this user may write to."),
        ) from error


def _run(name: str, *arguments: str) -> str:
    """Return what one of OpenSSH's programs prints; how it ends says no more than that."""
    command = [program(name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 — see `address_of`


def _keys_in(text: str) -> Iterator[HostKey]:
    for kind, encoded in re.findall(r"^(?![#@])\S+ (\S+) ([A-Za-z0-9+/]+=*)", text, re.MULTILINE):
        with suppress(binascii.Error):
            base64.b64decode(encoded, validate=True)
            yield HostKey(kind, encoded)
