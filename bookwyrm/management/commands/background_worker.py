"""Run background work until told to stop: from Redis where REDIS_URL is set, else from the database."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from bookwyrm.operate.carrier import carrying
from bookwyrm.operate.processes import end_with_parent
from bookwyrm.operate.schedule import keeping_to_schedule
from external_storage.django import conf


class Command(BaseCommand):
    help = "Run background tasks until told to stop (Celery where REDIS_URL is set, else the database's queue)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--once", action="store_true", help="end when no task is ready (without Redis only)")

    def handle(self, *, once: bool, **options) -> None:
        end_with_parent()
        if settings.REDIS_URL:
            from bookwyrm.operate import celery_queue

            with keeping_to_schedule(), carrying(needed=has_several_stores()) as carrier:
                celery_queue.run_worker(before_it_ends=carrier.stop)
            return
        from bookwyrm.operate.database_queue import DatabaseWorker

        if once:
            worker = DatabaseWorker(settings.STATE_DIR / "workers")
            self.stdout.write(f"{worker.run_everything_ready()} tasks run")
            return
        with keeping_to_schedule(), carrying(needed=has_several_stores()) as carrier:
            worker = DatabaseWorker(settings.STATE_DIR / "workers", before_it_ends=carrier.stop)
            worker.configure_signals()
            worker.run()


def has_several_stores() -> bool:
    """Return whether there is any other store that files could be carried to."""
    return any(len(alias.stores) > 1 for alias in conf.configuration().aliases.values())
