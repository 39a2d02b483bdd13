"""Write every book into the search index anew."""

from django.core.management.base import BaseCommand

from bookwyrm import search


class Command(BaseCommand):
    help = "Write every book into the search index anew. Needed after rows were changed past the site's own code."

    def handle(self, *args, **options):
        written = search.reindex()
        self.stdout.write(f"{written} books are in the search index.")
