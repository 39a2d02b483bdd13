"""A task is done, whatever happens to the worker: on the database's queue and on Celery with Redis."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bookwyrm.env import CHECKOUT, VARIABLES

SAMPLE = "tests.integration.operate_tasks_sample"


@dataclass
class Queue:
    """One kind of queue, with a directory of its own, and the worker processes that were started on it."""

    directory: Path
    redis_url: str
    workers: list[subprocess.Popen] = field(default_factory=list)

    @property
    def trace(self) -> Path:
        return self.directory / "trace"

    def traces(self) -> list[str]:
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "tests.integration.operate_tasks_settings",
            "BOOKWYRM_ENV_FILE": str(CHECKOUT / "tests" / "test.env"),
            "BOOKWYRM_STATE_DIR": str(self.directory / "state"),
            "MEDIA_ROOT": str(self.directory / "images"),
            "REDIS_URL": self.redis_url,
        }

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def enqueue(self, task: str) -> None:
        code = f"from {SAMPLE} import {task}; {task}.enqueue({str(self.trace)!r})"
        self.manage("shell", "-v0", "--no-imports", "-c", code)

    def start_worker(self) -> subprocess.Popen:
        log = (self.directory / "worker.log").open("ab")
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "background_worker"],
            cwd=CHECKOUT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen) -> None:
        """Kill the worker with all its processes, as a power cut would."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def log(self) -> str:
        return (self.directory / "worker.log").read_text()


@pytest.fixture(scope="module")
def new_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of a site that was just set up, to be copied."""
    fresh = Queue(tmp_path_factory.mktemp("fresh"), redis_url="")
    fresh.manage("migrate", "-v0")
    return fresh.directory / "state"


@pytest.fixture(params=["database", "celery"])
def queue(request: pytest.FixtureRequest, tmp_path: Path, new_state: Path) -> Iterator[Queue]:
    redis_url = request.getfixturevalue("redis_server") if request.param == "celery" else ""
    if redis_url:
        import redis

        redis.Redis.from_url(redis_url).flushdb()
    queue = Queue(tmp_path, redis_url)
    shutil.copytree(new_state, tmp_path / "state")
    yield queue
    for worker in queue.workers:
        if worker.poll() is None:
            queue.kill(worker)


def eventually(condition: Callable[[], bool], seconds: float = 90.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_task_enqueued_before_any_worker_runs_is_done_once(queue):
    queue.enqueue("leave_a_trace")
    queue.start_worker()
    assert eventually(lambda: queue.traces() == ["done"]), queue.log()
    time.sleep(1)
    assert queue.traces() == ["done"]


def test_a_task_survives_its_worker_being_killed_in_the_middle(queue):
    queue.enqueue("be_slow_the_first_time")
    worker = queue.start_worker()
    assert eventually(lambda: queue.traces() == ["begun"]), queue.log()
    queue.kill(worker)
    queue.start_worker()
    assert eventually(lambda: queue.traces() == ["begun", "begun", "done"]), queue.log()


def test_a_task_survives_a_restart_of_the_worker(queue):
    worker = queue.start_worker()
    queue.enqueue("leave_a_trace")
    assert eventually(lambda: queue.traces() == ["done"]), queue.log()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    queue.enqueue("leave_a_trace")
    queue.start_worker()
    assert eventually(lambda: queue.traces() == ["done", "done"]), queue.log()


def test_a_failing_task_is_tried_again_until_it_succeeds(queue):
    queue.enqueue("fail_twice")
    queue.start_worker()
    assert eventually(lambda: queue.traces() == ["tried", "tried", "tried", "done"]), queue.log()


def test_a_task_that_always_fails_is_given_up_after_four_attempts(queue):
    queue.enqueue("always_fail")
    queue.start_worker()
    assert eventually(lambda: "gave up after 4 attempts" in queue.log()), queue.log()
    time.sleep(2)
    assert queue.traces() == ["tried"] * 4


def test_a_task_that_kills_its_process_is_given_up_too(queue):
    queue.enqueue("kill_the_process")
    for _ in range(6):
        worker = queue.start_worker()
        # The database's worker dies with the task; Celery's only loses a child, and goes on.
        if not eventually(lambda worker=worker: worker.poll() is not None or "given up" in queue.log(), seconds=90):
            break
        if "given up" in queue.log():
            break
    assert "ended its worker each time and is given up" in queue.log()
    assert queue.traces() == ["tried"] * 4


ASK_FOR_AN_ARCHIVE = """
from bookwyrm.models import Export, User
from bookwyrm.exports.tasks import make_export
export = Export.objects.create(owner=User.objects.create_user("ada", password="correct horse"))
make_export.enqueue(str(export.pk))
"""


@pytest.mark.parametrize("queue", ["celery"], indirect=True)
def test_an_archive_is_made_by_a_worker_of_celery(queue):
    queue.manage("shell", "-v0", "--no-imports", "-c", ASK_FOR_AN_ARCHIVE)
    queue.start_worker()
    database = queue.directory / "state" / "site.sqlite3"

    def made() -> tuple[str, str, int]:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("SELECT status, archive, size FROM bookwyrm_export").fetchone()

    assert eventually(lambda: made()[0] == "ready"), queue.log()
    _, archive, size = made()
    [file] = (queue.directory / "state" / "exports").iterdir()
    assert (file.name, file.stat().st_size) == (archive, size)
    with tarfile.open(file) as opened:
        assert "archive.json" in opened.getnames()
