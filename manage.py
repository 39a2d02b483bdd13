#!/usr/bin/env python
"""Run Django's commands for this site, with or without ``bw-dev``."""

import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookwyrm.settings")
    from django.core.management import execute_from_command_line

    from external_storage.errors import StorageError

    try:
        execute_from_command_line(sys.argv)
    except StorageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130  # as a shell says it; where in our code Ctrl-C hit is nobody's concern
    return 0


if __name__ == "__main__":
    sys.exit(main())
