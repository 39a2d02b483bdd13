"""A run says which tests it left out and what would add them; in CI it may leave out none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

TESTS = """
from tests.conftest import leave_out
from tests.servers import ServerAbsent

def test_one():
    leave_out(ServerAbsent("frobnicator", "apt-get install -y frobnicator"))

def test_another():
    leave_out(ServerAbsent("frobnicator", "apt-get install -y frobnicator"))

def test_that_needs_nothing():
    assert True
"""


def run_tests(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_sample.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "tests.conftest", str(directory)]
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    environment = {**inherited, "PYTHONPATH": str(PROJECT), **environment}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)


def test_what_is_left_out_is_named_once_with_the_command_that_adds_it(tmp_path):
    finished = run_tests(tmp_path)
    assert finished.returncode == 0
    told = "2 tests: frobnicator is not installed; add it with: apt-get install -y frobnicator"
    assert finished.stdout.count(told) == 1


@pytest.mark.parametrize("value", ["true", "True"])
def test_in_ci_a_test_that_is_left_out_has_failed(tmp_path, value):
    finished = run_tests(tmp_path, CI=value)
    assert finished.returncode == 1
    assert "2 failed, 1 passed" in finished.stdout
    assert "Nothing may be left out in CI" in finished.stdout
