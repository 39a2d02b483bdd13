"""`./bw-dev` starts, changes, watches and stops a site, seen from outside: exit codes, words, processes, answers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.instance.instance import PROJECT, Instance, new_instance
from tests.servers.processes import free_ports


@pytest.fixture(scope="module")
def site() -> Iterator[Instance]:
    """A copy of the tree whose site runs; every test leaves it running."""
    with new_instance() as instance:
        instance.start()
        yield instance


@pytest.fixture
def untouched() -> Iterator[Instance]:
    """A copy of the tree in which nothing has been run."""
    with new_instance() as instance:
        yield instance


def status(instance: Instance) -> dict:
    return json.loads(instance.run("./bw-dev status --json", expect=None).printed)


def pid_of(instance: Instance, name: str) -> int:
    """Return the process id of the running (not the finishing) process *name*, once it runs."""
    deadline = time.monotonic() + 60
    while True:
        processes = status(instance)["processes"]
        for one in processes:
            if (one["name"], one["state"]) == (name, "running"):
                return one["pid"]
        assert time.monotonic() < deadline, processes
        time.sleep(0.1)


def answers(port: int, path: str = "/health") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_first_up_writes_a_private_env_file_and_says_where_the_site_is(untouched):
    printed = untouched.start().printed
    assert f"http://localhost:{untouched.port}/" in printed
    assert "./bw-dev admin_code" in printed
    assert stat.S_IMODE(untouched.env_file.stat().st_mode) == 0o600
    assert len(untouched.setting("SECRET_KEY")) > 40
    assert untouched.setting("SECRET_KEY") not in printed
    assert answers(untouched.port) and answers(untouched.port, "/")
    code = untouched.run("./bw-dev admin_code").printed
    assert f"http://localhost:{untouched.port}/setup/" in code
    state = untouched.root / ".bw"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    everything = [process["pid"] for process in status(untouched)["processes"]]

    assert "stopped" in untouched.run("./bw-dev down").printed
    assert not answers(untouched.port)
    assert eventually(lambda: not any(is_alive(pid) for pid in everything))
    assert not list(state.rglob("settings-*.env"))
    assert "does not run" in untouched.run("./bw-dev status", expect=3).printed
    assert "does not run" in untouched.run("./bw-dev down").printed


def test_a_copied_example_file_gets_its_secret_and_keeps_the_rest(untouched):
    example = (untouched.root / ".env.example").read_text().replace("DOMAIN=localhost", "DOMAIN=books.test")
    untouched.env_file.write_text(example)
    assert "Filled in SECRET_KEY in .env" in untouched.run("./bw-dev check_settings").printed
    secret = untouched.setting("SECRET_KEY")
    assert len(secret) > 40
    assert untouched.env_file.read_text() == example.replace("\nSECRET_KEY=\n", f"\nSECRET_KEY={secret}\n")
    untouched.run("./bw-dev check_settings")
    assert untouched.setting("SECRET_KEY") == secret


def test_up_again_replaces_the_workers_and_keeps_the_supervisor(site):
    supervisor, web, worker = (pid_of(site, name) for name in ("supervisor", "web", "worker"))
    assert "went on answering" in site.run("./bw-dev up -d").printed
    assert pid_of(site, "supervisor") == supervisor
    assert pid_of(site, "web") != web and pid_of(site, "worker") != worker
    assert eventually(lambda: not is_alive(web) and not is_alive(worker))


def test_up_again_loads_what_was_changed_in_the_file(site):
    site.set(DOMAIN="books.test")
    try:
        assert status(site)["address"] == f"http://localhost:{site.port}/", "an edited file is not loaded yet"
        site.run("./bw-dev up -d")
        assert status(site)["address"] == f"http://books.test:{site.port}/"
        request = urllib.request.Request(f"http://127.0.0.1:{site.port}/", headers={"Host": "books.test"})
        with urllib.request.urlopen(request, timeout=10) as page:
            assert f"http://books.test:{site.port}" in page.headers["Content-Security-Policy"]
    finally:
        site.set(DOMAIN="localhost")
        site.run("./bw-dev up -d")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("USE_S3", "perhaps", "USE_S3: found 'perhaps'; expected true or false."),
        ("USE_S3", "true", "AWS_STORAGE_BUCKET_NAME: found nothing; expected a value, because USE_S3 is true."),
        ("PORT", "http", "PORT: found 'http'; expected a port number from 1 to 65535."),
        ("DOMAIN", "https://books.test", "DOMAIN: found 'https://books.test'; expected a host name"),
        ("AWS_SECRET_ACCESS_KEY", "'two words'", "AWS_SECRET_ACCESS_KEY: found a value of 9 characters; expected"),
    ],
)
def test_a_bad_setting_is_named_and_changes_nothing_that_runs(site, setting, value, said):
    before = [process["pid"] for process in status(site)["processes"] if process["state"] == "running"]
    original = site.env_file.read_text()
    site.set(**{setting: value})
    try:
        printed = site.run("./bw-dev up -d", expect=2).printed
        assert said in printed
        assert "goes on unchanged" in printed
        assert "two words" not in printed
        assert "Traceback" not in printed
        assert said in site.run("./bw-dev manage check", expect=2).printed
    finally:
        site.env_file.write_text(original)
    assert [process["pid"] for process in status(site)["processes"] if process["state"] == "running"] == before
    assert answers(site.port, "/")


def test_a_setting_edited_but_not_loaded_does_not_reach_a_restarted_process(site):
    original = site.env_file.read_text()
    site.set(USE_S3="perhaps")
    try:
        worker, web = pid_of(site, "worker"), pid_of(site, "web")
        os.kill(worker, signal.SIGKILL)
        os.kill(web, signal.SIGKILL)
        assert eventually(lambda: status(site)["processes"][1]["restarts"] >= 1 and answers(site.port, "/"))
        assert eventually(lambda: pid_of(site, "worker") != worker)
    finally:
        site.env_file.write_text(original)
    site.run("./bw-dev up -d")


def test_workers_that_do_not_come_up_leave_the_old_ones_answering(site):
    urls = site.root / "bookwyrm" / "urls.py"
    original = urls.read_text()
    web = pid_of(site, "web")
    urls.write_text(original + "\nraise RuntimeError('this version is broken')\n")
    try:
        printed = site.run("./bw-dev restart", expect=1).printed
        assert "The workers from before go on as they were" in printed
        assert pid_of(site, "web") == web
        # More often than there are workers, so that one which had answered nothing so far is asked too.
        assert all(answers(site.port, "/") for _ in range(20))
        assert site.run("./bw-dev up -d", expect=None).exit_code != 0
        assert pid_of(site, "web") == web
    finally:
        urls.write_text(original)
    site.run("./bw-dev restart")
    assert answers(site.port, "/")


def test_a_database_that_cannot_be_reached_is_named_and_changes_nothing_that_runs(site):
    web = pid_of(site, "web")
    site.set(DATABASE_URL="postgres://books:unmistakable@127.0.0.1:1/books")
    try:
        printed = site.run("./bw-dev up -d", expect=1).printed
    finally:
        site.set(DATABASE_URL=None)
    assert "Preparing the database failed" in printed and "127.0.0.1" in printed
    assert "what runs was left as it is" in printed
    assert "unmistakable" not in printed and "Traceback" not in printed
    assert pid_of(site, "web") == web
    assert answers(site.port, "/")


def test_a_killed_web_server_comes_back_by_itself(site):
    web = pid_of(site, "web")
    os.kill(web, signal.SIGKILL)
    assert eventually(lambda: any(p["name"] == "web" and p["pid"] != web for p in status(site)["processes"]))
    assert eventually(lambda: answers(site.port, "/"))
    assert "ended unasked" in site.run("./bw-dev logs -n 500").printed


def test_a_killed_web_worker_is_replaced_and_serves_the_public(site):
    web = pid_of(site, "web")
    children = Path(f"/proc/{web}/task/{web}/children")
    for worker in map(int, children.read_text().split()):
        os.kill(worker, signal.SIGKILL)
        assert eventually(lambda worker=worker: not is_alive(worker) and len(children.read_text().split()) == 2)
    assert pid_of(site, "web") == web
    assert all(answers(site.port, "/") for _ in range(10))


def test_a_killed_background_worker_comes_back_by_itself(site):
    worker = pid_of(site, "worker")
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: any(p["name"] == "worker" and p["pid"] != worker for p in status(site)["processes"]))


def test_a_killed_supervisor_takes_its_processes_along_and_up_starts_anew(site):
    pids = [process["pid"] for process in status(site)["processes"]]
    os.kill(pid_of(site, "supervisor"), signal.SIGKILL)
    # They answer what they have begun, for which they may take a minute.
    assert eventually(lambda: not any(is_alive(pid) for pid in pids), seconds=90)
    assert "does not run" in site.run("./bw-dev status", expect=3).printed
    assert "The site runs" in site.run("./bw-dev up -d").printed
    assert answers(site.port, "/")


def test_a_process_whose_parent_died_while_it_was_starting_ends_by_itself(tmp_path):
    """The kernel's own notice comes only to those who asked for it before."""
    code = "from bookwyrm.operate.processes import end_with_parent; end_with_parent(); print('goes on')"
    orphan = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "BOOKWYRM_PARENT_PID": "1" if os.getpid() != 1 else "2"},
        capture_output=True,
        text=True,
    )
    assert orphan.returncode == 1 and "is gone" in orphan.stderr and "goes on" not in orphan.stdout


def test_the_port_may_change_while_the_site_runs(site):
    (other,) = free_ports(1)
    try:
        site.set(PORT=str(other))
        site.run("./bw-dev up -d")
        assert answers(other, "/")
        assert not answers(site.port)
    finally:
        site.set(PORT=str(site.port))
        site.run("./bw-dev up -d")
    assert answers(site.port, "/")


def test_a_busy_port_is_named_with_the_variable_that_changes_it(untouched, site):
    untouched.write_env()
    untouched.set(PORT=str(site.port))
    printed = untouched.run("./bw-dev up -d", expect=2).printed
    assert f"PORT: found {site.port}" in printed
    assert "Address already in use" in printed
    assert not (untouched.root / ".bw" / "supervisor.json").exists()


def test_a_running_site_refuses_a_busy_port_and_goes_on(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        site.set(PORT=str(busy))
        try:
            printed = site.run("./bw-dev up -d", expect=None)
            assert printed.exit_code != 0
            assert f"Set PORT in .env to a free port, or stop the program that uses {busy}" in printed.printed
        finally:
            site.set(PORT=str(site.port))
    assert answers(site.port, "/")


@pytest.mark.parametrize("command", ["admin_code", "demo --books 1", "manage reindex", "manage rebuild_thumbnails"])
def test_a_command_that_comes_before_the_database_says_so(untouched, command):
    printed = untouched.run(f"./bw-dev {command}", expect=1).printed
    assert "Run ./bw-dev up -d first." in printed
    assert "Traceback" not in printed


def test_two_people_may_start_one_site_at_the_same_moment(untouched):
    untouched.write_env()
    with ThreadPoolExecutor(2) as people:
        outcomes = list(people.map(lambda _: untouched.run("./bw-dev up -d", expect=None), range(2)))
    assert [outcome.exit_code for outcome in outcomes] == [0, 0], "\n\n".join(map(str, outcomes))
    assert answers(untouched.port, "/")
    assert sum("went on answering" in outcome.printed for outcome in outcomes) == 1


def test_two_checkouts_run_side_by_side(untouched, site):
    untouched.start()
    assert answers(untouched.port, "/") and answers(site.port, "/")
    assert pid_of(untouched, "supervisor") != pid_of(site, "supervisor")
    untouched.run("./bw-dev down")
    assert answers(site.port, "/")


def test_in_the_foreground_the_log_is_on_the_screen_and_ctrl_c_stops_the_site(untouched):
    untouched.write_env()
    process = subprocess.Popen(
        ["./bw-dev", "up"],
        cwd=untouched.root,
        env=untouched.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert eventually(lambda: answers(untouched.port, "/"), seconds=60)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "serves the public" in printed and "stopped" in printed
    assert not answers(untouched.port)


def test_a34_no_secret_is_in_any_process_list_or_log(site):
    site.set(AWS_SECRET_ACCESS_KEY="an-unmistakable-secret-value", EMAIL_HOST_PASSWORD="another-unmistakable-secret")
    try:
        printed = site.run("./bw-dev up -d").printed
        secrets = site.secrets()
        assert len(secrets) == 3
        everywhere = printed + site.run("./bw-dev logs -n 1000").printed + site.run("./bw-dev status --json").printed
        everywhere += subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
        assert "gunicorn" in everywhere
        assert [secret for secret in secrets if secret in everywhere] == []
        pids = [each["pid"] for each in status(site)["processes"] if each["state"] == "running"]
        limits = [Path(f"/proc/{pid}/limits").read_text() for pid in pids]
        assert limits and all(re.search(r"^Max core file size +0 ", each, re.MULTILINE) for each in limits)
    finally:
        site.set(AWS_SECRET_ACCESS_KEY=None, EMAIL_HOST_PASSWORD=None)
        site.run("./bw-dev up -d")


def test_an_env_file_that_others_can_read_is_pointed_out(site):
    site.env_file.chmod(0o644)
    try:
        assert f"chmod 600 {site.env_file}" in site.run("./bw-dev check_settings").printed
    finally:
        site.env_file.chmod(0o600)
    assert "chmod" not in site.run("./bw-dev check_settings").printed


def test_a39_what_looks_like_a_command_in_the_file_is_not_executed(site):
    original = site.env_file.read_text()
    site.env_file.write_text(original + "EMAIL_HOST_USER=$(touch canary)`touch canary`\n")
    try:
        site.run("./bw-dev check_settings")
        site.run("./bw-dev manage check")
    finally:
        site.env_file.write_text(original)
    assert not list(site.root.rglob("canary"))


def test_an_unknown_command_ends_with_2_and_points_to_the_help(site):
    assert "./bw-dev --help" in site.run("./bw-dev frobnicate", expect=2).printed
    listed = site.run("./bw-dev --help").printed
    for command in ("up", "down", "status", "logs", "restart", "migrate", "admin_code", "shell", "test", "demo"):
        assert f"  {command}" in listed


def test_a_relative_file_is_looked_for_where_the_caller_stands(site):
    elsewhere = site.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "words.py").write_text("print('read from', __file__ if '__file__' in globals() else 'stdin')")
    said = site.run(f"cd {elsewhere} && {site.root}/bw-dev manage shell -v0 -c 'import os; print(os.getcwd())'").printed
    assert str(elsewhere) in said


def test_the_log_is_followed_as_it_grows(site):
    follower = subprocess.Popen(
        ["./bw-dev", "logs", "-f", "-n", "1"],
        cwd=site.root,
        env=site.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert follower.stdout.readline()
        site.run("./bw-dev restart")
        assert any("serves the public" in follower.stdout.readline() for _ in range(50))
    finally:
        follower.terminate()
        follower.wait()


def run_bw_dev_with(preparation: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run bw-dev inside a Python in which *preparation* was executed first."""
    script = PROJECT / "bw-dev"
    code = (
        f"import sys; sys.argv = ['bw-dev', *{arguments!r}]; {preparation}\n"
        f"exec(compile(open({str(script)!r}).read(), 'bw-dev', 'exec'),"
        f" {{'__name__': '__main__', '__file__': {str(cwd / 'bw-dev')!r}}})"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOOKWYRM_")}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


def test_an_old_python_is_refused_in_one_clear_line(tmp_path):
    done = run_bw_dev_with("sys.version_info = (3, 10, 4, 'final', 0)", "up", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("bw-dev needs Python 3.11 or newer; this is Python 3.10")
    assert done.stderr.count("\n") == 1


def test_a_python_without_ensurepip_is_told_what_to_install(untouched):
    done = run_bw_dev_with("sys.modules['ensurepip'] = None", "up", "-d", cwd=untouched.root)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (untouched.root / ".venv").exists()
    assert not untouched.env_file.exists()


def test_the_site_runs_on_postgresql_and_redis_as_well(untouched, postgres_server, redis_server):
    untouched.write_env()
    untouched.set(DATABASE_URL=postgres_server, REDIS_URL=redis_server)
    untouched.start()
    assert answers(untouched.port, "/")
    assert not (untouched.root / ".bw" / "site.sqlite3").exists()
    assert eventually(lambda: "celery@" in untouched.run("./bw-dev logs -n 500").printed)
    began = time.monotonic()
    untouched.run("./bw-dev down")
    assert time.monotonic() - began < 20
