"""Give every test its servers, and let no test be left out unseen.

An absent server skips the tests that need it, with the command that adds it; with ``CI=true`` they fail instead. The
last lines of a run name each missing program once, so `./bw-dev test` ends with what was left out.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NoReturn

import pytest
from pytest_django import DjangoDbBlocker

from tests import servers
from tests.servers import Certificates, OpenSsh, S3Server, ServerAbsent
from tests.servers.absent import program_path

# Where this run was started in the background, Ctrl-C is ignored, by every program that a test starts too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IN_CI = os.environ.get("CI", "").lower() == "true"


def leave_out(absent: ServerAbsent) -> NoReturn:
    """Skip the test; in CI, where nothing may be left out, `pytest_runtest_makereport` turns that into a failure."""
    pytest.skip(str(absent))


def _started(server: AbstractContextManager):
    """Enter a server's context, or leave the test out because a program is absent."""
    try:
        return server.__enter__()
    except ServerAbsent as absent:
        leave_out(absent)


def _while_running(server: AbstractContextManager) -> Iterator:
    running = _started(server)
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A test authority and its certificate for books.test, media.test and 127.0.0.1."""
    try:
        return servers.issue_certificates(tmp_path_factory.mktemp("certificates"), "books.test", "media.test")
    except ServerAbsent as absent:
        leave_out(absent)


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    yield from _while_running(servers.seaweedfs())


@pytest.fixture(scope="session")
def ceph(certificates: Certificates) -> Iterator[S3Server]:
    yield from _while_running(servers.ceph(certificates))


@pytest.fixture(scope="session", params=["seaweedfs", "ceph"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each S3 server in turn: public through bucket policy, then public through ACLs."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def openssh() -> Iterator[OpenSsh]:
    yield from _while_running(servers.openssh())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis of this run's own."""
    yield from _while_running(servers.redis())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL of this run's own."""
    yield from _while_running(servers.postgres())


@pytest.fixture(scope="session")
def nginx_program() -> str:
    """Where nginx is; tests that start one with `tests.servers.nginx` ask for it first."""
    return _installed("nginx", "apt-get install -y nginx")


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Where Debian's Chromium and its driver are."""
    added_by = "apt-get install -y chromium chromium-driver"
    return _installed("chromium", added_by), _installed("chromedriver", added_by)


def _installed(program: str, added_by: str) -> str:
    try:
        return program_path(program, added_by=added_by)
    except ServerAbsent as absent:
        leave_out(absent)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The database, made once, and after a test that commits emptied at a small price."""
    from tests.emptying import empty_instead_of_flushing  # needs Django's settings, and a run need not have any

    with django_db_blocker.unblock():
        empty_instead_of_flushing()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """In CI, a test that was left out is a test that failed."""
    outcome = yield
    report = outcome.get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be left out in CI: {skip_reason(report)}"


def pytest_terminal_summary(terminalreporter) -> None:
    """Tell what tests counted; name what was left out and what adds it, each once, with the number of tests it cost."""
    counted = [
        f"{report.nodeid}: {value}"
        for report in [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
        for name, value in getattr(report, "user_properties", ())
        if name == "counts" and report.when == "call"
    ]
    if counted:
        terminalreporter.section("counted")
        for line in counted:
            terminalreporter.line(line)
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = skip_reason(report)
        reasons[reason] = reasons.get(reason, 0) + 1
    if not reasons:
        return
    terminalreporter.section("left out")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")


def skip_reason(report) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")
