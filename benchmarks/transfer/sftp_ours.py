"""Run the engine to a server that speaks SFTP, as a process of its own that can be timed.

python -m benchmarks.transfer.sftp_ours FOLDER TARGET --server DIRECTORY --port PORT
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from external_storage import transfer
from external_storage.stores import LocalStore
from external_storage.stores.sftp import SftpStore
from external_storage.transfer import Rules
from tests.servers import OpenSsh
from tests.sftp import login

from .ours import publish


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target")
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    store = SftpStore("host", login(OpenSsh(options.port, options.server)), options.target)
    report = transfer.copy(LocalStore("folder", options.folder), store, Rules(publish))
    store.close()
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
