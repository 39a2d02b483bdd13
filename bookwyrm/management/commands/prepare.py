"""Bring the database, the themes and the collected static files in step with the code, before workers are started."""

import io
import sys

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

STEPS = (
    ("Preparing the database", "migrate", {"interactive": False, "verbosity": 0}),
    ("Compiling the themes", "compile_themes", {}),
    ("Collecting the static files", "collectstatic", {"interactive": False}),
)


class Command(BaseCommand):
    help = "Do what ./bw-dev up does before it starts anything: migrate, compile the themes, collect the static files."

    def handle(self, **options) -> None:
        for doing, command, arguments in STEPS:
            self.stdout.write(f"{doing} …")
            self.stdout.flush()
            try:
                self._run_quietly(command, arguments)
            except DatabaseError as error:
                raise CommandError(f"{doing} failed: {error}") from error

    def _run_quietly(self, command: str, arguments: dict) -> None:
        """Run one command, and show what it printed only if it failed."""
        printed = io.StringIO()
        try:
            call_command(command, stdout=printed, stderr=printed, **arguments)
        except CommandError:
            self.stderr.write(printed.getvalue())
            raise
        except SystemExit as end:
            if end.code:
                self.stderr.write(printed.getvalue())
                sys.exit(end.code)
