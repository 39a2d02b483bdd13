"""Whoever has a part in a move is killed, at each of its steps; whoever comes next completes it; nothing is lost."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.moving.conftest import RULE
from tests.integration.moving.processes import PlainSite, Process, plain_site

# How long a request waits for a store at most, and with it how long each step takes: enough for the first request of a
# process to a bucket on a busy machine.
DEADLINE = 3.0

# A line is printed before its step is taken: killed at once is before the step, killed a moment later is after it.
BEFORE, AFTER = 0.0, 0.4


@pytest.fixture
def site(request, tmp_path: Path, seaweedfs) -> Iterator[PlainSite]:
    """A site with a disk and a bucket, on the database that the test asks for."""
    (tmp_path / "disk").mkdir()
    stores = {
        "disk": {"KIND": "local", "ROOT": f"{tmp_path}/disk", "PUBLIC_URL": "/images/"},
        "bucket": {
            "KIND": "s3",
            "BUCKET": seaweedfs.make_bucket().name,
            "PREFIX": "images/",
            "REGION": seaweedfs.region,
            "ENDPOINT_URL": seaweedfs.endpoint_url,
            "ACCESS_KEY_ID": seaweedfs.access_key_id,
            "SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
        },
    }
    alias = {"ACTIVE": "disk", "STORES": ["disk", "bucket"], "PUBLISHING_RULE": RULE}
    settings = {"STORES": stores, "ALIASES": {"default": alias}, "DEADLINE": DEADLINE}
    if getattr(request, "param", "sqlite") == "sqlite":
        database_url = f"sqlite:///{tmp_path}/site.sqlite3"
    else:
        database_url = _new_database(request.getfixturevalue("postgres_server"))
    with plain_site(tmp_path, database_url, settings) as made:
        yield made


def _new_database(server: str) -> str:
    name = f"site_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


class People:
    """Somebody who works on, and somebody who is killed in the middle of it, again and again."""

    def __init__(self, site: PlainSite) -> None:
        self._site = site
        self._worker = site.start()
        self._numbers = itertools.count(1)
        self.files: dict[str, set[str | None]] = {}
        """What each file may be: one thing, or two where the process was killed before it could tell."""
        for _ in range(8):
            self._save()

    def go_on(self) -> None:
        """Upload, replace and delete, and have a process killed that was about to replace."""
        killed = self._site.start()
        for _ in range(3):
            self._save()
        certain = sorted(name for name, texts in self.files.items() if len(texts) == 1 and None not in texts)
        replaced, deleted, unsure = certain[0], certain[1], certain[2]
        text = f"version {next(self._numbers)}"
        killed.ask("read", unsure)  # it is up
        killed.begin("replace", unsure, text)
        self._worker.ask("replace", replaced, f"new {replaced}")
        self.files[replaced] = {f"new {replaced}"}
        self._worker.ask("delete", deleted)
        self.files[deleted] = {None}
        killed.kill()
        self.files[unsure] |= {text}

    def _save(self) -> None:
        text = f"version {next(self._numbers)}"
        self.files[self._worker.ask("save", "cover.txt", text)] = {text}

    def check(self, process: Process) -> None:
        seen = {name: process.ask("read", name) for name in self.files}
        assert {name: text for name, text in seen.items() if text not in self.files[name]} == {}


@pytest.mark.parametrize(("site", "moment"), [("sqlite", BEFORE), ("postgresql", AFTER)], indirect=["site"])
def test_a_move_killed_at_every_step_is_completed_by_whoever_comes_next(site, moment):
    people, reader = People(site), site.start()
    seen: set[str] = set()
    while True:
        move = site.command("storage_move", "default", "bucket", "--settle")
        if (told := _killed_at_something_new(move, seen, moment)) is not None:
            break
        if len(seen) % 3 == 0:
            people.go_on()
        elif len(seen) % 3 == 1:
            drainer = site.start()
            drainer.begin("drain")
            people.check(reader)
            drainer.kill()
    assert (move.returncode, "The files of 'default' are in 'bucket'" in told) == (0, True), told
    assert {line.split()[0] for line in seen} >= {"check", "copy", "verify", "switch", "watch", "settle"}

    people.check(reader)
    reader.ask("time_passes")
    reader.ask("drain")
    held = reader.ask("held", "bucket")
    assert {name: held.get(name) for name in people.files} == {name: reader.ask("read", name) for name in people.files}
    left_behind = reader.ask("held", "disk")
    assert {name: text for name, text in left_behind.items() if held.get(name) != text} == {}


def _killed_at_something_new(move: subprocess.Popen[str], seen: set[str], moment: float) -> str | None:
    """Kill *move* when it begins what no move before has begun. Return all it said if it ends by itself."""
    said = ""
    for line in move.stdout:
        said += line
        if re.match(r"\w+ +[A-Z]", line) and not line.startswith("done") and line not in seen:
            seen.add(line)
            time.sleep(moment)
            move.kill()
            move.communicate()
            return None
    move.communicate()
    return said


def test_a_second_move_names_the_first_and_takes_over_once_that_is_killed(site):
    worker = site.start()
    worker.ask("save", "a.txt", "one")
    first = site.command("storage_move", "default", "bucket")
    assert first.stdout.readline().startswith("check")

    second = site.command("storage_move", "default", "bucket")
    told, _ = second.communicate(timeout=60)
    assert second.returncode == 6, told
    assert f"process {first.pid} on {os.uname().nodename}, since 20" in told
    assert first.poll() is None, first.communicate()[0]

    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = site.command("storage_move", "default", "bucket")
    told, _ = third.communicate(timeout=60)
    assert third.returncode == 0, told
    assert worker.ask("held", "bucket") == {"a.txt": "one"}
