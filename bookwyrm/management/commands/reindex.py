"""Write every book into the search index anew."""

from django.core.management.base import BaseCommand

from bookwyrm import search
from bookwyrm.management.database import database_at_hand


class Command(BaseCommand):
    help = "Write every book into the search index anew. Needed after rows were changed past the site's own code."

    @database_at_hand()
    def handle(self, *args, **options):
        written = search.reindex()
        self.stdout.write(f"{written} books are in the search index.")
