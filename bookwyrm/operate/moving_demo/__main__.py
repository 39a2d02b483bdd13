"""``python -m bookwyrm.operate.moving_demo``: see `story`."""

import sys

from .story import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
