"""Fill the site with an invented library, to try it out."""

from __future__ import annotations

import secrets
import time

from django.core.management.base import BaseCommand, CommandParser

from bookwyrm.management.database import database_at_hand
from bookwyrm.people.models import User
from bookwyrm.site.demo import DemoLibrary
from bookwyrm.site.demo.filling import fill


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


class Command(BaseCommand):
    help = "Add an invented library: works, editions, authors, covers, people with shelves and reviews."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--books", type=at_least_one, default=300, metavar="N", help="how many editions (300)")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="another number, another library (1)")

    @database_at_hand()
    def handle(self, *args, books: int, seed: int, **options) -> None:
        began = time.monotonic()
        filled = fill(DemoLibrary(books, seed), progress=self._show)
        seconds = time.monotonic() - began
        self.stdout.write(
            f"Added {filled.books} books, {filled.people} people and {filled.pictures} pictures in {seconds:.0f} s."
        )
        self._tell_login()

    def _show(self, what: str, done: int, of: int) -> None:
        if done == of or done % 50 == 0:
            self.stdout.write(f"{what}: {done} of {of}")

    def _tell_login(self) -> None:
        """Give the demo account a password nobody else can know, and say it this once."""
        demo = User.objects.filter(email="demo@demo.invalid").first()
        if demo is None:
            return
        if demo.has_usable_password():
            self.stdout.write(
                f"Sign in as {demo.username}; a new password: ./bw-dev manage changepassword {demo.username}"
            )
            return
        password = secrets.token_urlsafe(12)
        demo.set_password(password)
        demo.save(update_fields=["password"])
        self.stdout.write(f"Sign in as {demo.username} with the password {password} (shown only now).")
