"""Print a one-time code with which the owner makes the first account."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from bookwyrm.management.database import database_at_hand
from bookwyrm.people import first_account


class Command(BaseCommand):
    help = "Print a code with which the first account, the one that may do everything, is made. Valid once, for a day."

    @database_at_hand()
    def handle(self, *args, **options) -> None:
        if not first_account.is_needed():
            self.stdout.write(
                "This site has an administrator already. A lost password: ./bw-dev manage changepassword NAME.\n"
                "Another administrator: tick “superuser status” in the admin, or manage.py createsuperuser."
            )
            return
        self.stdout.write(f"Open {settings.SITE_URL}{reverse('setup')} and enter this code (valid once, for 24 hours):")
        self.stdout.write(f"\n    {first_account.make_code()}\n")
