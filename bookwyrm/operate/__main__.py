"""What ``bw-dev`` does once there is a Python environment: ``python -m bookwyrm.operate COMMAND``."""

from __future__ import annotations

import sys

from .commands import main

sys.exit(main(sys.argv[1:]))
