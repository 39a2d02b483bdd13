"""The tests of moving once more, in a process of their own whose database is PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = [
    "locking_on_postgresql.py",
    "test_moving_drain.py",
    "test_moving_journey.py",
    "test_moving_ladder.py",
    "test_moving_storage.py",
]
# About two servers, and not about the database: a Ceph would be started for it alone.
NOT_HERE = "test_moving_journey.py::test_from_seaweedfs_to_ceph_and_home_to_the_disk"


def test_what_holds_on_sqlite_holds_on_postgresql(postgres_server):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--ds=tests.settings_postgresql"]
        + [f"--deselect={(HERE / NOT_HERE).relative_to(HERE.parents[2])}"]
        + [str(HERE / module) for module in MODULES],
        env={**os.environ, "TESTS_DATABASE_URL": postgres_server, "CI": "true"},
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert " passed, 1 deselected" in run.stdout
    assert "Error when trying to teardown" not in run.stdout


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_named_is_there(module):
    assert (HERE / module).is_file()
