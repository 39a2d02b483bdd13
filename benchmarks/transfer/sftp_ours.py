"""Run the engine to a server that speaks SFTP, or home from it, as a process of its own that can be timed.

python -m benchmarks.transfer.sftp_ours FOLDER TARGET --server DIRECTORY --port PORT [--home]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from external_storage import transfer
from external_storage.stores import LocalStore
from external_storage.stores.sftp import Login, SftpStore
from external_storage.transfer import Rules

from .ours import publish


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target")
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", action="store_true", help="from TARGET into FOLDER")
    options = parser.parse_args()
    # By hand: to import what starts the servers takes a second, in which nothing is copied.
    known_hosts, key = (str(options.server / name) for name in ("known_hosts", "key"))
    login = Login("127.0.0.1", "books", known_hosts, port=options.port, key_file=key)
    store = SftpStore("host", login, options.target)
    folder = LocalStore("folder", options.folder)
    source, target = (store, folder) if options.home else (folder, store)
    report = transfer.copy(source, target, Rules(publish))
    store.close()
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
