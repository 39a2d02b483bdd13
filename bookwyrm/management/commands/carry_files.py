"""Do what ``storage_carry`` does, for the worker that started us, and end with it."""

from bookwyrm.operate.processes import end_with_parent
from external_storage.django.management.commands import storage_carry


class Command(storage_carry.Command):
    help = "Carry changes to other stores and make the moves that were asked for, as long as the worker runs."

    def run(self, **options) -> int:
        end_with_parent()
        return super().run(**options)
