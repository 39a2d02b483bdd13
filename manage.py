#!/usr/bin/env python
"""Run Django's commands for this site, with or without ``bw-dev``."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookwyrm.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
