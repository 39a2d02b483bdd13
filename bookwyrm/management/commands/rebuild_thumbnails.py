"""Make thumbnails that are missing, or all of them."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from bookwyrm.images.keeping import all_pictures, make_thumbnails
from bookwyrm.management.database import database_at_hand


class Command(BaseCommand):
    help = "Make the small versions of every picture from the stored originals, and record their widths."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="make those anew that are there already")

    @database_at_hand()
    def handle(self, *args, again: bool, **options) -> None:
        pictures = all_pictures()
        made = 0
        for done, (field, pk) in enumerate(pictures, 1):
            made += len(make_thumbnails(field.model._meta.label_lower, pk, field.name, again=again))
            if done % 100 == 0:
                self.stdout.write(f"{done} of {len(pictures)} pictures")
        self.stdout.write(f"{len(pictures)} pictures have {made} thumbnails.")
