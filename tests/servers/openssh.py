"""OpenSSH's sshd, with users of its own who may do more or less by SFTP.

The server sees another /etc/passwd than this machine does, so passwords, foreign owners, chroots and full disks are
real ones, and nothing of it is left outside. That takes root, as CI has.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from .absent import ServerAbsent, program_path
from .processes import free_ports, listens, new_directory, running

ADDED_BY = "apt-get install -y openssh-server"
PASSWORD = "correct horse"
PASSPHRASE = "battery staple"
USER_ID = 3333

USERS = {
    "books": "internal-sftp",
    "readonly": "internal-sftp -R",
    "norename": "internal-sftp -P posix-rename",
    "strict": "internal-sftp -u 0077",
    "jailed": "internal-sftp",
    "nosftp": "/bin/echo No files here.",
}
"""Who may log in, each with the key or the password, and what then answers. All own the same files."""

JAIL = "/mnt"
"""Where `jailed` is locked in; the folder ``files`` in it is his."""

FULL_DISK = "/opt"
"""Where the server, and only it, sees a disk of one megabyte."""

CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication yes
MaxStartups 100
Subsystem sftp internal-sftp
{users}
"""

# In a mount namespace of the server's own, which ends with it.
START = """\
mount --bind {directory}/passwd /etc/passwd
mount --bind {directory}/shadow /etc/shadow
mount -t tmpfs -o size=1m,mode=1777 none {full}
mount -t tmpfs -o mode=0755 none {jail}
mkdir -p /run/sshd {jail}/files
chown {user_id}:{user_id} {jail}/files
exec {sshd} -D -e -f {directory}/sshd_config
"""


@dataclass(frozen=True)
class OpenSsh:
    """A running server. *directory* is its own; the keys to log in with lie there."""

    port: int
    directory: Path
    host: str = "127.0.0.1"
    user: str = "books"
    password: str = PASSWORD
    passphrase: str = PASSPHRASE

    @property
    def key_file(self) -> Path:
        return self.directory / "key"

    @property
    def key_file_with_passphrase(self) -> Path:
        return self.directory / "locked_key"

    @property
    def known_hosts(self) -> Path:
        """A file in which this host is known by its key."""
        return self.directory / "known_hosts"

    @property
    def fingerprint(self) -> str:
        told = _output("ssh-keygen", "-lf", str(self.directory / "host_key.pub"))
        return told.split()[1]

    def make_folder(self) -> Path:
        """Make a new folder that the users may write to."""
        folder = Path(mkdtemp(dir=self.directory / "files"))
        os.chown(folder, USER_ID, USER_ID)
        folder.chmod(0o755)
        return folder


@contextmanager
def openssh() -> Iterator[OpenSsh]:
    """Run the server."""
    sshd = program_path("sshd", added_by=ADDED_BY)
    unshare = program_path("unshare", added_by="apt-get install -y util-linux")
    if os.geteuid() != 0:
        raise ServerAbsent("sshd as root", "running the tests as root")
    directory = new_directory("openssh")
    (port,) = free_ports(1)
    _make_keys(directory, port)
    _make_users(directory)
    (directory / "files").mkdir()
    directory.chmod(0o755)
    (directory / "sshd_config").write_text(
        CONFIGURATION.format(port=port, directory=directory, users="".join(map(_block, USERS)))
    )
    start = START.format(
        directory=shlex.quote(str(directory)), full=FULL_DISK, jail=JAIL, user_id=USER_ID, sshd=shlex.quote(sshd)
    )
    command = [unshare, "--mount", "--propagation", "private", "sh", "-ec", start]
    with running(command, directory=directory, answers=lambda: listens(port)):
        yield OpenSsh(port, directory)


def _block(user: str) -> str:
    jail = f"    ChrootDirectory {JAIL}\n" if user == "jailed" else ""
    return f"Match User {user}\n{jail}    ForceCommand {USERS[user]}\n"


def _make_keys(directory: Path, port: int) -> None:
    _make_key(directory / "host_key", "")
    _make_key(directory / "key", "")
    _make_key(directory / "locked_key", PASSPHRASE)
    host_key = (directory / "host_key.pub").read_text()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    public = [(directory / f"{name}.pub").read_text() for name in ("key", "locked_key")]
    (directory / "authorized_keys").write_text("".join(public))


def _make_key(path: Path, passphrase: str) -> None:
    _output("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path))


def _make_users(directory: Path) -> None:
    digest = _output("openssl", "passwd", "-6", PASSWORD).strip()
    passwd = [f"{user}:x:{USER_ID}:{USER_ID}::/:/bin/sh" for user in USERS]
    shadow = [f"{user}:{digest}:19000::::::" for user in USERS]
    (directory / "passwd").write_text("\n".join([Path("/etc/passwd").read_text().strip(), *passwd, ""]))
    (directory / "shadow").write_text("\n".join([*shadow, ""]))
    (directory / "shadow").chmod(0o600)


def _output(program: str, *arguments: str) -> str:
    path = shutil.which(program) or program_path(program, added_by=ADDED_BY)
    return subprocess.run([path, *arguments], check=True, capture_output=True, text=True).stdout
