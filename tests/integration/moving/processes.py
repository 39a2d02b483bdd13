"""Processes of a plain Django site, each told what to do by the test, and stopped or killed where it matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[3]

SETTINGS = """
import json, os
import dj_database_url
SECRET_KEY = "of a site that lives for one test"
INSTALLED_APPS = ["external_storage.django"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
USE_TZ = True
EXTERNAL_STORAGE = json.loads(os.environ["EXTERNAL_STORAGE"])
STORAGES = {
    "default": {"BACKEND": "external_storage.django.backends.SiteStorage", "OPTIONS": {"alias": "default"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
"""


class PlainSite:
    """A site of its own, in processes of its own."""

    def __init__(self, folder: Path, database_url: str, external_storage: dict[str, Any]) -> None:
        (folder / "plain_site_settings.py").write_text(SETTINGS)
        self._environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}:{PROJECT}",
            "DJANGO_SETTINGS_MODULE": "plain_site_settings",
            "DATABASE_URL": database_url,
            "EXTERNAL_STORAGE": json.dumps(external_storage),
        }
        self._started: list[Process] = []
        subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], env=self._environment, check=True)

    def start(self) -> Process:
        """Start one more process of the site."""
        process = Process(self._environment)
        self._started.append(process)
        return process

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a management command, whose output is one stream of lines."""
        return subprocess.Popen(
            [sys.executable, "-m", "django", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> None:
        for process in self._started:
            process.end()


class Process:
    """One process. It does one thing at a time: `ask` waits for the answer, `begin` does not."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.moving.answering_process"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, *arguments: Any) -> Any:
        """Have it done, and return the answer."""
        self.begin(what, *arguments)
        return self.answer()

    def begin(self, what: str, *arguments: Any) -> None:
        self._popen.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._popen.stdin.flush()

    def answer(self) -> Any:
        """Return the next thing it says. Raise `AssertionError` with its error if that is one."""
        line = self._popen.stdout.readline()
        assert line, f"The process ended with {self._popen.wait()}."
        said = json.loads(line)
        assert "error" not in said, said["error"]
        return said["answer"]

    def stop_where_it_is(self) -> None:
        self._popen.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def end(self) -> None:
        self.kill()
        self._popen.stdin.close()
        self._popen.stdout.close()


@contextmanager
def plain_site(folder: Path, database_url: str, external_storage: dict[str, Any]) -> Iterator[PlainSite]:
    """Make a site with the given settings and end its processes afterwards."""
    site = PlainSite(folder, database_url, external_storage)
    try:
        yield site
    finally:
        site.end()
