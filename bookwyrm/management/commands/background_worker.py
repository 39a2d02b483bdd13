"""Run background work until told to stop: from Redis where REDIS_URL is set, else from the database."""

from django.conf import settings
from django.core.management.base import BaseCommand

from bookwyrm.operate.processes import end_with_parent


class Command(BaseCommand):
    help = "Run background tasks until told to stop (Celery where REDIS_URL is set, else the database's queue)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--once", action="store_true", help="end when no task is ready (without Redis only)")

    def handle(self, *, once: bool, **options) -> None:
        end_with_parent()
        if settings.REDIS_URL:
            from bookwyrm.operate import celery_queue

            celery_queue.run_worker()
            return
        from bookwyrm.operate.database_queue import DatabaseWorker

        worker = DatabaseWorker(settings.STATE_DIR / "workers")
        if once:
            self.stdout.write(f"{worker.run_everything_ready()} tasks run")
            return
        worker.configure_signals()
        worker.run()
