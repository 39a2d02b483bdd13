"""The same tests of search and connectors once more, in a process of their own whose database is PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BOTH_DATABASES = ["test_search.py", "test_search_pages.py", "test_connectors_import.py", "test_connectors_admin.py"]


def test_what_holds_on_sqlite_holds_on_postgresql(postgres_server):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--ds=tests.settings_postgresql"]
        + [str(HERE / module) for module in BOTH_DATABASES],
        env={**os.environ, "TESTS_DATABASE_URL": postgres_server, "CI": "true"},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "settings: tests.settings_postgresql" in run.stdout


@pytest.mark.parametrize("module", BOTH_DATABASES)
def test_every_module_that_is_named_is_there(module):
    assert (HERE / module).is_file()
