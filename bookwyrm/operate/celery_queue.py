"""Background work for a site with Redis: a backend that hands tasks to Celery, and the application that runs them.

Nothing else knows Celery. A task is written with ``django_tasks.task`` and comes here as the path of its function.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.app.task import Task as CeleryTask
from celery.signals import worker_shutting_down
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskResult, TaskResultStatus
from django_tasks.signals import task_enqueued
from django_tasks.utils import normalize_json

from . import retries

logger = logging.getLogger(__name__)

RUN = "bookwyrm.run_task"
QUEUE = "bookwyrm"

# Redis gives a task to somebody else if it was not acknowledged by then, so this bounds how long a task is lost with
# its machine, and also how long a task may run before a second worker begins it too. Tasks are idempotent.
VISIBILITY_SECONDS = 900
ATTEMPTS_KEPT_SECONDS = 86_400


def _options() -> dict[str, Any]:
    return settings.TASKS["default"].get("OPTIONS", {})


app = Celery("bookwyrm")
app.conf.update(
    broker_url=settings.REDIS_URL,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    # A task is acknowledged when it is done, and goes back into the queue when its process dies under it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": _options().get("VISIBILITY_SECONDS", VISIBILITY_SECONDS),
        # Look for tasks of dead workers every 10 s. Kombu's own throttle would make that one look in 100 s.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # A visitor waits for these when a picture is uploaded; a dead Redis must not hold the page for minutes.
        "socket_connect_timeout": 3,
        "socket_timeout": 10,
        "queue_order_strategy": "priority",
    },
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.2},
)


class CeleryBackend(BaseTaskBackend):
    """Send tasks to the Redis at ``REDIS_URL``, for the workers that `bw-dev up` starts."""

    supports_priority = True

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        self.validate_task(task)
        result = TaskResult(
            task=task,
            id=str(uuid.uuid4()),
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=normalize_json(list(args)),
            kwargs=normalize_json(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        app.send_task(
            RUN,
            args=[task.module_path, result.args, result.kwargs],
            task_id=result.id,
            priority=_celery_priority(task.priority),
        )
        task_enqueued.send(type(self), task_result=result)
        return result


def _celery_priority(priority: int) -> int:
    """Turn -100 … 100, where more is sooner, into what Celery's Redis transport knows: 0 is soonest, 9 is last."""
    return 6 if priority == 0 else (3 if priority > 0 else 9)


@app.task(name=RUN, bind=True, max_retries=None)
def run_task(self: CeleryTask, module_path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Call the function of one task; try again after a failure, as often as `retries` says."""
    attempts = _count_attempt(self.request.id)
    if attempts > retries.most_attempts():
        logger.error("task %s ended its worker each time and is given up", module_path)
        return
    task = import_string(module_path)
    try:
        task.call(*args, **kwargs)
    except Exception as error:
        pause = retries.pause_before_retry(attempts)
        if pause is None:
            logger.exception("task %s gave up after %d attempts", module_path, attempts)
            return
        logger.warning("task %s failed and is tried again in %.0f s", module_path, pause, exc_info=error)
        raise self.retry(countdown=pause) from error
    _forget_attempts(self.request.id)


# Celery counts retries, but not the times a worker was killed under the task; both count as attempts here.


def _attempts_key(task_id: str) -> str:
    return f"bookwyrm:attempts:{task_id}"


def _count_attempt(task_id: str) -> int:
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        attempts = client.incr(_attempts_key(task_id))
        client.expire(_attempts_key(task_id), ATTEMPTS_KEPT_SECONDS)
        return attempts


def _forget_attempts(task_id: str) -> None:
    with app.connection_for_write() as connection:
        connection.default_channel.client.delete(_attempts_key(task_id))


def run_worker(*, before_it_ends: Callable[..., object]) -> None:
    """Run a Celery worker in this process until it is told to stop; *before_it_ends* is called as soon as it is."""
    worker_shutting_down.connect(before_it_ends, weak=False)
    app.worker_main(["worker", "--loglevel=INFO", "--concurrency=2", "--without-gossip", "--without-mingle"])
