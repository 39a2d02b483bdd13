"""Start OpenSSH's client, so that it does what our settings say and nothing that somebody's own settings add.

It is the reference for what a host key or a login is worth, and its encryption runs beside our interpreter. A secret
reaches it through memory alone: never by its command line, its environment or a file.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CredentialsRefused, SettingsError, StoreUnreachable
from ...sentences import say

CONNECT_SECONDS = 10

# A network that has gone without a word is noticed after so many questions without an answer.
ALIVE_SECONDS, ALIVE_QUESTIONS = 15, 3

# What the client has to say when it ends is waited for so long.
LAST_WORD_SECONDS = 2.0
LONGEST_LAST_WORD = 64 * 1024

_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_USER = re.compile(r"[^\s@:\x00-\x1f-][^\s\x00-\x1f]*")

# Run by the client in place of a prompt. It reads the secret out of our memory, and what it is asked is of no interest.
_ANSWERING = "#!/bin/sh\nexec cat /proc/{process}/fd/{secret}\n"


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where: with a password, or with a key file and its passphrase if it has one.

    *known_hosts* is the file with the keys that hosts are known by; no other is looked at.
    """

    host: str
    user: str
    known_hosts: str
    port: int = 22
    key_file: str | None = None
    password: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_host(self.host)
        if not _USER.fullmatch(self.user):
            raise SettingsError(say("{user!r} is no user name.", user=self.user), setting="USER")
        if not 0 < self.port < 65536:
            raise SettingsError(say("{port!r} is no port.", port=self.port), setting="PORT", remedy=say("Usual is 22."))
        if (self.password is None) == (self.key_file is None):
            raise SettingsError(
                say("To log in to {host}, one of a password and a key file is needed.", host=self.host),
                setting="KEY_FILE",
            )

    @property
    def address(self) -> str:
        return address_of(self.host, self.port)

    @property
    def secret(self) -> str | None:
        return self.password if self.password is not None else self.passphrase


def check_host(host: str) -> None:
    """Raise `SettingsError` unless *host* is a name or an address; one that began with a hyphen would be an option."""
    if not _HOST.fullmatch(host) or host.startswith("-"):
        raise SettingsError(
            say("{host!r} is no host.", host=host),
            setting="HOST",
            remedy=say("Give its name or address alone, without sftp://."),
        )


def address_of(host: str, port: int) -> str:
    """Return how known_hosts names the host: with its port only where that is not the usual one."""
    check_host(host)
    return host if port == 22 else f"[{host}]:{port}"


class Client:
    """A running client, connected to the server's SFTP subsystem by *socket*."""

    def __init__(self, login: Login) -> None:
        self.login = login
        _check_key_file(login)
        self.socket, its_end = socket.socketpair()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 — closed with the client
        self._in_memory: list[int] = []
        try:
            self._process = subprocess.Popen(  # noqa: S603 — what comes from settings was looked at above
                [program("ssh"), *_options(login), "-s", "--", login.host, "sftp"],
                stdin=its_end,
                stdout=its_end,
                stderr=self._told,
                env=self._environment(),
                # Without a terminal nobody can be asked, and a Ctrl-C is for us to act upon.
                start_new_session=True,
            )
        except BaseException:
            self.socket.close()
            self.forget_secret()
            self._told.close()
            raise
        finally:
            its_end.close()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def forget_secret(self) -> None:
        """Give up what the client was to be told; it has logged in."""
        while self._in_memory:
            os.close(self._in_memory.pop())

    def close(self) -> None:
        """End the client at once."""
        with suppress(OSError):
            self.socket.close()
        self._process.kill()
        self._process.wait()
        self.forget_secret()
        self._told.close()

    def last_words(self) -> str:
        """Wait a moment for the client to end, and return what it said until then."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORD_SECONDS)
        self._told.seek(0)
        return self._told.read(LONGEST_LAST_WORD).decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "HOME": "/nonexistent"}
        if self.login.secret is not None:
            secret = self._keep_in_memory(self.login.secret + "\n")
            answering = self._keep_in_memory(_ANSWERING.format(process=os.getpid(), secret=secret))
            environment |= {"SSH_ASKPASS": f"/proc/{os.getpid()}/fd/{answering}", "SSH_ASKPASS_REQUIRE": "force"}
        return environment

    def _keep_in_memory(self, content: str) -> int:
        descriptor = os.memfd_create("sftp", os.MFD_CLOEXEC)
        self._in_memory.append(descriptor)
        os.write(descriptor, content.encode())
        return descriptor


def _options(login: Login) -> list[str]:
    """Return the client's options: all that matter, so that neither a file of the machine nor its defaults decide."""
    options = {
        "User": login.user,
        "Port": str(login.port),
        "BatchMode": "yes" if login.secret is None else "no",
        "NumberOfPasswordPrompts": "1",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(login.known_hosts),
        "GlobalKnownHostsFile": "none",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "CheckHostIP": "no",
        "IdentityAgent": "none",
        "IdentitiesOnly": "yes",
        "GSSAPIAuthentication": "no",
        "HostbasedAuthentication": "no",
        "ProxyCommand": "none",
        "ControlMaster": "no",
        "ControlPath": "none",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RequestTTY": "no",
        "Compression": "no",
        # Processors have instructions for these two; that is a third of what encrypting costs on both sides.
        "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": str(ALIVE_SECONDS),
        "ServerAliveCountMax": str(ALIVE_QUESTIONS),
        # So that it tells the fingerprint of a key that it does not know.
        "LogLevel": "DEBUG1",
    }
    if login.key_file is None:
        options |= {"PubkeyAuthentication": "no", "PreferredAuthentications": "password,keyboard-interactive"}
    else:
        options |= {"IdentityFile": _quoted(login.key_file), "PreferredAuthentications": "publickey"}
    return ["-F", "none", "-x", "-T", *(part for each in options.items() for part in ("-o", "=".join(each)))]


def _quoted(path: str) -> str:
    """Return a path for an option that may hold several, with tokens in them."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _check_key_file(login: Login) -> None:
    if login.key_file is None:
        return
    try:
        with Path(login.key_file).open("rb"):
            return
    except OSError as error:
        raise CredentialsRefused(
            say(
                "The key file {key_file} for {host} cannot be read: {why}.",
                key_file=login.key_file,
                host=login.host,
                why=error.strerror,
            ),
            remedy=say("Check the path, and that this user may read it."),
        ) from error


def program(name: str) -> str:
    """Return where one of OpenSSH's programs is."""
    found = shutil.which(name)
    if found is None:
        raise StoreUnreachable(
            say("SFTP needs OpenSSH's client, and {name!r} is not installed here.", name=name),
            remedy=say("Install it: apt-get install openssh-client."),
        )
    return found
