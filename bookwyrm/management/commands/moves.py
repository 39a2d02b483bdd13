"""What ``./bw-dev up`` and ``./bw-dev status`` ask of the database: where files are, and where they shall go."""

from __future__ import annotations

import json
import sys
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookwyrm import env
from bookwyrm.management.database import database_at_hand
from bookwyrm.operate import moves
from external_storage.django.remedies import as_typed
from external_storage.errors import LockHeld, StorageError

LOOK_EVERY = 1.0

CALLED = {env.DISK: "this machine's disk", env.BUCKET: "the bucket", env.ELSEWHERE: "the store of STORAGE_URL"}


class Command(BaseCommand):
    help = "Tell where the site's files are (show), wait until they are moved (wait); the others are for ./bw-dev up."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("begin", "show", "wait", "ask", "withdraw", "ask_again"))
        parser.add_argument("aliases", nargs="*", help="ask_again: those whose move was withdrawn")
        parser.add_argument(
            "--store",
            choices=moves.STATIC,
            help="ask: where they shall go, if not as .env says; begin: what the site used so far",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="as JSON")

    @database_at_hand()
    def handle(self, *, what: str, aliases: list[str], store: str | None, as_json: bool, **options) -> None:
        doing = {
            "begin": lambda: moves.begin(known=store or ""),
            "withdraw": lambda: self.stdout.write(json.dumps(moves.withdraw_others(settings.MEDIA_STORE))),
            "ask_again": lambda: moves.ask_again(aliases),
            "ask": lambda: self._ask(store or settings.MEDIA_STORE),
            "show": lambda: self._show(as_json=as_json),
            "wait": self._wait,
        }
        try:
            doing[what]()
        except StorageError as problem:
            raise CommandError(as_typed(str(problem)), returncode=problem.exit_code) from problem

    def _show(self, *, as_json: bool) -> None:
        found = moves.whereabouts(settings.MEDIA_STORE)
        if as_json:
            self.stdout.write(json.dumps([each.as_dict() for each in found]))
            return
        for line in (line for each in found for line in each.lines()):
            self.stdout.write(line)

    def _wait(self) -> None:
        """Return once nothing is asked for any more; end with exit code 1 if something is in the way."""
        news = moves.News()
        while going := [each for each in moves.whereabouts(settings.MEDIA_STORE) if each.target]:
            for line in news.of(going[0]):
                self.stdout.write(line)
            self.stdout.flush()
            if any(each.problem for each in going):
                sys.exit(1)
            time.sleep(LOOK_EVERY)

    def _ask(self, store: str) -> None:
        try:
            asked = moves.ask(store)
        except LockHeld as held:
            raise CommandError(
                f"{held.what} Run ./bw-dev up -d again when that is done.", returncode=held.exit_code
            ) from held
        if asked:
            self.stdout.write(
                f"The files go to {CALLED[store]} now, while the site goes on. "
                "See how far: ./bw-dev status (--wait waits)"
            )
