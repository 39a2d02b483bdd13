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
from ...sentences import say
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

# The server would take the key, and the client then does not use it: it could not open it.
_LOCKED = (
    "incorrect passphrase|Load key .*: (error in libcrypto|invalid format)"
    r"|Server accepts key: [^\n]*\s+(debug1: read_passphrase[^\n]*\s+)?debug1: No more auth"
)


def not_connected(login: Login, told: str, *, greeted: bytes = b"") -> StorageError:
    """Return why no connection came about: from what the client *told*, or what came in place of a greeting."""
    if greeted:
        return StoreRefused(
            say(
                "{address} lets {user!r} in, and answers with something else than SFTP.",
                address=login.address,
                user=login.user,
            ),
            remedy=say("A login script may print something, or the account allows no SFTP."),
        )
    for pattern, error in _REASONS:
        if re.search(pattern, told):
            return error(login, told)
    return _unreachable(
        login, say("the connection was closed"), say("Check the host and the port, and what sshd's log says.")
    )


def connection_lost(login: Login, told: str) -> ConnectionLost:
    has_timed_out = "Timeout, server" in told or "timed out" in told
    why = say("no answer any more") if has_timed_out else say("closed")
    return ConnectionLost(say("The connection to {host} was lost ({why}).", host=login.address, why=why))


def stalled(login: Login, seconds: float) -> ConnectionLost:
    return ConnectionLost(say("{host} stopped answering for {seconds:.0f} s.", host=login.address, seconds=seconds))


def refused(what: str, status: int, key: str | None, place: str) -> StorageError:
    """Return the error for a request that the server did not carry out; *what* is what was to be done, in words."""
    if status == Status.PERMISSION_DENIED:
        return PermissionRefused(
            say("{named}may not be {what} in {place}: permission denied.", named=_named(key), what=what, place=place),
            key=key,
            remedy=say("Give the SFTP user the right to do so."),
        )
    if status == Status.OP_UNSUPPORTED:
        return StoreRefused(
            say("The server of {place} cannot do what is needed: an object to be {what}.", place=place, what=what),
            key=key,
        )
    return TransientStoreError(
        say(
            "{named}could not be {what} in {place}: the server gives no reason.",
            named=_named(key),
            what=what,
            place=place,
        ),
        key=key,
    )


def _named(key: str | None) -> str:
    return f"{key!r} " if key is not None else "It "


# Who the host is


def _unknown_key(login: Login, told: str) -> HostKeyUnknown:
    kind, fingerprint = _shown(told)
    return HostKeyUnknown(
        say(
            "The host {address} is not known yet. It shows a key of type {kind} with the fingerprint {fingerprint}.",
            address=login.address,
            kind=kind,
            fingerprint=fingerprint,
        ),
        fingerprint=fingerprint,
        remedy=say(
            "Compare that with what `ssh-keygen -lf` prints on the host itself, then run: storage_trust_host {host}",
            host=_as_argument(login),
        ),
    )


def _changed_key(login: Login, told: str) -> HostKeyChanged:
    _, fingerprint = _shown(told)
    return HostKeyChanged(
        say(
            "THE KEY OF {address} HAS CHANGED. It now shows {fingerprint}: somebody may stand between you and it. "
            "Nothing was sent.",
            address=login.address,
            fingerprint=fingerprint,
        ),
        fingerprint=fingerprint,
        remedy=say(
            "Only if you know that the host was set up anew, compare the fingerprint there, then run: "
            "storage_trust_host --replace {host}",
            host=_as_argument(login),
        ),
    )


def _shown(told: str) -> tuple[str, str]:
    found = _SHOWN_KEY.search(told)
    return (found[1], found[2]) if found else ("?", "?")


def _as_argument(login: Login) -> str:
    return login.host if login.port == 22 else f"{login.host}:{login.port}"


# Who we are


def _key_file_too_open(login: Login, told: str) -> CredentialsRefused:
    return CredentialsRefused(
        say("The key file {file} can be read by others than its owner.", file=login.key_file),
        remedy=say("Run: chmod 600 {file}", file=login.key_file),
    )


def _key_file_locked(login: Login, told: str) -> CredentialsRefused:
    return CredentialsRefused(
        say(
            "The key file {file} could not be used: its passphrase is wrong or missing, or it is no key.",
            file=login.key_file,
        ),
        remedy=say("Check the passphrase, and that the file is the private half of the key."),
    )


def _login_refused(login: Login, told: str) -> CredentialsRefused:
    if login.key_file is None:
        return CredentialsRefused(
            say(
                "{user!r} could not log in to {address}: the password was refused.",
                user=login.user,
                address=login.address,
            ),
            remedy=say("Check the user and the password, and that sshd allows passwords."),
        )
    return CredentialsRefused(
        say(
            "{user!r} could not log in to {address}: the key {file} was refused.",
            user=login.user,
            address=login.address,
            file=login.key_file,
        ),
        remedy=say(
            "Check the user, and that the key's public half is in ~{user}/.ssh/authorized_keys on the host.",
            user=login.user,
        ),
    )


def _user_without_name(login: Login, told: str) -> StoreUnreachable:
    return StoreUnreachable(
        say("OpenSSH's client does not run for a user without a name."),
        remedy=say("Run the site as a user of /etc/passwd."),
    )


# Whether it is there


def _no_such_host(login: Login, told: str) -> StoreUnreachable:
    return _unreachable(login, say("no such host name"), say("Check the host's name."))


def _nobody_listens(login: Login, told: str) -> StoreUnreachable:
    return _unreachable(login, say("connection refused"), say("Check the host and the port, and that sshd runs there."))


def _timed_out(login: Login, told: str) -> StoreUnreachable:
    return _unreachable(
        login,
        say("no answer in {seconds} s", seconds=CONNECT_SECONDS),
        say("Check the host and the port, and the firewall."),
    )


def _no_way(login: Login, told: str) -> StoreUnreachable:
    return _unreachable(login, say("there is no way to it"), say("Check the host's name, and the network."))


def _too_old(login: Login, told: str) -> StoreUnreachable:
    return _unreachable(login, say("it knows no encryption that is still safe"), say("Renew its SSH server."))


def _without_sftp(login: Login, told: str) -> StoreRefused:
    return StoreRefused(
        say("{address} lets {user!r} in, and does not offer SFTP.", address=login.address, user=login.user),
        remedy=say("Give sshd_config a line: Subsystem sftp internal-sftp"),
    )


def _unreachable(login: Login, why: str, remedy: str) -> StoreUnreachable:
    return StoreUnreachable(
        say("Cannot reach the store at {address} ({why}).", address=login.address, why=why), remedy=remedy
    )


# The first line that the client's words match tells why. It says them in English whatever the machine's language.
_REASONS: list[tuple[str, Callable[[Login, str], StorageError]]] = [
    ("REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY", _changed_key),
    ("Host key verification failed|No .* host key is known for", _unknown_key),
    ("UNPROTECTED PRIVATE KEY FILE|bad permissions", _key_file_too_open),
    (_LOCKED, _key_file_locked),
    ("Permission denied|Too many authentication failures|No supported authentication methods", _login_refused),
    ("Could not resolve hostname", _no_such_host),
    ("Connection refused", _nobody_listens),
    ("timed out", _timed_out),
    ("No route to host|Network is unreachable", _no_way),
    ("subsystem request failed|exec request failed", _without_sftp),
    ("No user exists for uid", _user_without_name),
    ("no matching (host key|cipher|MAC|key exchange)|Unable to negotiate", _too_old),
]
