"""Bring the database, the themes and the collected static files in step with the code, before workers are started."""

from __future__ import annotations

import io
import sys

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

STEPS = (
    ("Preparing the database", ("migrate",), {"interactive": False, "verbosity": 0}),
    ("Compiling the themes", ("compile_themes",), {}),
    ("Looking where the files are", ("moves", "begin"), {}),
    ("Collecting the static files", ("collectstatic",), {"interactive": False}),
)


class Command(BaseCommand):
    help = "Do what ./bw-dev up does before it starts anything: migrate, compile the themes, collect the static files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--used-store", help="the store that the site which runs now was given for pictures")

    def handle(self, *, used_store: str | None, **options) -> None:
        for doing, command, arguments in STEPS:
            self.stdout.write(f"{doing} …")
            self.stdout.flush()
            if command[0] == "moves" and used_store:
                arguments = {"store": used_store}
            try:
                self._run_quietly(command, arguments)
            except DatabaseError as error:
                raise CommandError(f"{doing} failed: {error}") from error

    def _run_quietly(self, command: tuple[str, ...], arguments: dict) -> None:
        """Run one command, and show what it printed only if it failed."""
        printed = io.StringIO()
        try:
            call_command(*command, stdout=printed, stderr=printed, **arguments)
        except CommandError:
            self.stderr.write(printed.getvalue())
            raise
        except SystemExit as end:
            if end.code:
                self.stderr.write(printed.getvalue())
                sys.exit(end.code)
