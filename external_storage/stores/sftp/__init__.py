"""Keep objects on any server that speaks SFTP, through OpenSSH's own client and requests that do not wait in line."""

from .ssh import Login
from .store import SftpStore

__all__ = ["Login", "SftpStore"]
