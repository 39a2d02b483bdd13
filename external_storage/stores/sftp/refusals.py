"""Say in our words why a connection or a request failed."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...errors import (
    CredentialsRefused,
    PermissionRefused,
    StorageError,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
)
from .packets import Status
from .ssh import CONNECT_SECONDS, Login


class ConnectionLost(TransientStoreError):
    """The connection broke after it had worked; nothing tells which of the requests under way were carried out."""


class HostKeyUnknown(StoreRefused):
    """The host's key is not known here yet; *fingerprint* is that of the key it showed."""

    def __init__(self, what: str, *, fingerprint: str, remedy: str) -> None:
        self.fingerprint = fingerprint
        super().__init__(what, remedy=remedy)


class HostKeyChanged(StoreRefused):
    """The host shows another key than the one it is known by; *fingerprint* is that of the new one."""

    def __init__(self, what: str, *, fingerprint: str, remedy: str) -> None:
        self.fingerprint = fingerprint
        super().__init__(what, remedy=remedy)


_SHOWN_KEY = re.compile(r"Server host key: (\S+) (SHA256:\S+)")

# The first line that the client's words match tells why. It says them in English whatever the machine's language.
_REASONS: list[tuple[str, Callable[[Login, str], StorageError]]] = [
    ("REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY", lambda login, told: _changed_key(login, told)),
    ("Host key verification failed|No .* host key is known for", lambda login, told: _unknown_key(login, told)),
    (
        "UNPROTECTED PRIVATE KEY FILE|bad permissions",
        lambda login, told: CredentialsRefused(
            f"The key file {login.key_file} can be read by others than its owner.",
            remedy=f"Run: chmod 600 {login.key_file}",
        ),
    ),
    (
        # The server would take the key, and the client then does not use it: it could not open it.
        "incorrect passphrase|Load key .*: (error in libcrypto|invalid format)"
        "|Server accepts key: [^\\n]*\\s+(debug1: read_passphrase[^\\n]*\\s+)?debug1: No more auth",
        lambda login, told: CredentialsRefused(
            f"The key file {login.key_file} could not be used: its passphrase is wrong or missing, or it is no key.",
            remedy="Check PASSPHRASE, and that KEY_FILE is the private half of the key.",
        ),
    ),
    (
        "Permission denied|Too many authentication failures|No supported authentication methods",
        lambda login, told: CredentialsRefused(
            f"{login.user!r} could not log in to {login.address}: "
            f"{'the password' if login.key_file is None else 'the key ' + login.key_file} was refused.",
            remedy=_login_remedy(login),
        ),
    ),
    (
        "Could not resolve hostname",
        lambda login, told: _unreachable(login, "no such host name", "Check HOST."),
    ),
    (
        "Connection refused",
        lambda login, told: _unreachable(login, "connection refused", "Check HOST and PORT, and that sshd runs."),
    ),
    (
        "timed out",
        lambda login, told: _unreachable(
            login, f"no answer in {CONNECT_SECONDS} s", "Check HOST and PORT, and the firewall."
        ),
    ),
    (
        "No route to host|Network is unreachable",
        lambda login, told: _unreachable(login, "there is no way to it", "Check HOST, and the network."),
    ),
    (
        "subsystem request failed|exec request failed",
        lambda login, told: StoreRefused(
            f"{login.address} lets {login.user!r} in, and does not offer SFTP.",
            remedy="Give sshd_config a line: Subsystem sftp internal-sftp",
        ),
    ),
    (
        "No user exists for uid",
        lambda login, told: StoreUnreachable(
            "OpenSSH's client does not run for a user without a name.",
            remedy="Run the site as a user of /etc/passwd.",
        ),
    ),
    (
        "no matching (host key|cipher|MAC|key exchange)|Unable to negotiate",
        lambda login, told: _unreachable(login, "it knows no encryption that is still safe", "Renew its SSH server."),
    ),
]


def not_connected(login: Login, told: str, *, greeted: bytes = b"") -> StorageError:
    """Return why no connection came about: from what the client *told*, or what came in place of a greeting."""
    if greeted:
        return StoreRefused(
            f"{login.address} lets {login.user!r} in, and answers with something else than SFTP.",
            remedy="A login script may print something, or the account allows no SFTP.",
        )
    for pattern, error in _REASONS:
        if re.search(pattern, told):
            return error(login, told)
    return _unreachable(login, "the connection was closed", "Check HOST and PORT, and what sshd's log says.")


def connection_lost(login: Login, told: str) -> ConnectionLost:
    why = "no answer any more" if "Timeout, server" in told or "timed out" in told else "closed"
    return ConnectionLost(f"The connection to {login.address} was lost ({why}).")


def stalled(login: Login, seconds: float) -> ConnectionLost:
    return ConnectionLost(f"{login.address} stopped answering for {seconds:.0f} s.")


def refused(what: str, status: int, key: str | None, place: str) -> StorageError:
    """Return the error for a request that the server did not carry out; *what* is what was to be done, in words."""
    if status == Status.PERMISSION_DENIED:
        return PermissionRefused(
            f"{_named(key)}may not be {what} in {place}: permission denied.",
            key=key,
            remedy="Give the SFTP user the right to do so.",
        )
    if status == Status.OP_UNSUPPORTED:
        return StoreRefused(f"The server of {place} cannot do what is needed: an object to be {what}.", key=key)
    return TransientStoreError(f"{_named(key)}could not be {what} in {place}: the server gives no reason.", key=key)


def _named(key: str | None) -> str:
    return f"{key!r} " if key is not None else "It "


def _unknown_key(login: Login, told: str) -> HostKeyUnknown:
    kind, fingerprint = _shown(told)
    return HostKeyUnknown(
        f"The host {login.address} is not known yet. It shows a key of type {kind} with the fingerprint {fingerprint}.",
        fingerprint=fingerprint,
        remedy=f"Compare that with what `ssh-keygen -lf` prints on the host itself, then run: "
        f"storage_trust_host {_as_argument(login)}",
    )


def _changed_key(login: Login, told: str) -> HostKeyChanged:
    _, fingerprint = _shown(told)
    return HostKeyChanged(
        f"THE KEY OF {login.address} HAS CHANGED. It now shows {fingerprint}: somebody may stand between you and it. "
        "Nothing was sent.",
        fingerprint=fingerprint,
        remedy="Only if you know that the host was set up anew, compare the fingerprint there, then run: "
        f"storage_trust_host --replace {_as_argument(login)}",
    )


def _shown(told: str) -> tuple[str, str]:
    found = _SHOWN_KEY.search(told)
    return (found[1], found[2]) if found else ("unknown", "(it told none)")


def _as_argument(login: Login) -> str:
    return login.host if login.port == 22 else f"{login.host}:{login.port}"


def _login_remedy(login: Login) -> str:
    if login.key_file is None:
        return "Check USER and PASSWORD, and that sshd allows passwords."
    return f"Check USER, and that the key's public half is in ~{login.user}/.ssh/authorized_keys on the host."


def _unreachable(login: Login, why: str, remedy: str) -> StoreUnreachable:
    return StoreUnreachable(f"Cannot reach the store at {login.address} ({why}).", remedy=remedy)
