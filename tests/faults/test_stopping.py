"""A run may be killed or stopped at any moment; a second run completes it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import external_storage
from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
from external_storage.testing import FakeS3, Fault

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))

# What a command does, without the command: copy, print, and exit with the code.
COPY = f"""
import sys
sys.path.insert(0, {str(Path(external_storage.__file__).parents[1])!r})
from external_storage import transfer
from external_storage.errors import StorageError
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
folder, endpoint = sys.argv[1:]
login = dict(access_key_id="id", secret_access_key="secret")
bucket = S3Store("bucket", bucket="pictures", prefix="images/", endpoint_url=endpoint, **login)
disk = LocalStore("disk", folder)
rules = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
try:
    report = transfer.copy(disk, bucket, rules, concurrency=2, progress=transfer.PlainProgress(sys.stdout))
except StorageError as error:
    report = error.report
sys.exit(report.exit_code)
"""

SMALL_FILES = 8
LARGE_FILE = (16 << 20) + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(SMALL_FILES):
        (tmp_path / f"{n}.jpg").write_bytes(b"%d" % n * 100)
    (tmp_path / "film.jpg").write_bytes(b"0123456789abcdef" * (LARGE_FILE >> 4) + b"!")
    return tmp_path


@pytest.fixture
def fake():
    with FakeS3() as server:
        yield server


def start(folder: Path, fake: FakeS3) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COPY, str(folder), fake.endpoint_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def bucket_of(fake: FakeS3) -> S3Store:
    return S3Store(
        "bucket",
        bucket="pictures",
        prefix="images/",
        endpoint_url=fake.endpoint_url,
        access_key_id="i",
        secret_access_key="s",
    )


def assert_a_second_run_completes(folder: Path, fake: FakeS3) -> None:
    fake.behave()
    disk, bucket = LocalStore("disk", folder), bucket_of(fake)
    held_before = set(fake.objects.get("pictures", {}))
    for key in held_before:  # never half an object
        assert fake.objects["pictures"][key].data == (folder / key.removeprefix("images/")).read_bytes()
    report = transfer.copy(disk, bucket, RULES)
    assert (report.exit_code, report.verified) == (0, SMALL_FILES + 1)
    assert report.sent <= SMALL_FILES + 1 - len(held_before)
    lines = list(transfer.verify(disk, bucket, RULES, read_data=True))
    assert [line.symbol for line in lines] == ["="] * (SMALL_FILES + 1)


def requests_of_a_run(folder: Path, fake: FakeS3) -> int:
    run = start(folder, fake)
    assert run.communicate()[1] == ""
    assert run.returncode == 0
    return len(fake.requests)


@pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])
def test_a_run_killed_at_any_request_is_completed_by_a_second(folder, afterwards):
    with FakeS3() as counted:
        total = requests_of_a_run(folder, counted)
    assert total >= SMALL_FILES + 6  # two listings, the small files, the film's beginning, parts and end
    for number in range(1, total + 1):
        with FakeS3() as fake:
            runs: list[subprocess.Popen[str]] = []
            kill = Fault.call(lambda request, runs=runs: runs[0].kill(), afterwards=afterwards)
            fault = fake.misbehave(kill, first=number, times=1)
            runs.append(start(folder, fake))
            runs[0].communicate()
            assert (fault.fired, runs[0].returncode) == (1, -signal.SIGKILL)
            assert_a_second_run_completes(folder, fake)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_run_soon_and_with_a_summary(folder, fake, which):
    waiting = fake.misbehave(Fault.wait(30), method="PUT", first=4)
    run = start(folder, fake)
    while not waiting.fired:
        time.sleep(0.01)
        assert run.poll() is None
    began = time.monotonic()
    run.send_signal(which)
    told, trouble = run.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (run.returncode, trouble) == (128 + which, "")
    *_, reason, last_line = told.splitlines()
    assert reason == f"Stopped by {which.name}. Nothing is lost: run the same command again to go on."
    assert re.fullmatch(r"copied \d+, already there 0, held back 0, failed 0, bytes \d+, verified \d+", last_line)
    fake.behave()
    assert transfer.copy(LocalStore("disk", folder), bucket_of(fake), RULES).exit_code == 0


def test_a_signal_stops_a_large_file_too(folder, fake):
    waiting = fake.misbehave(Fault.wait(30), query="partNumber")
    run = start(folder, fake)
    while not waiting.fired:
        time.sleep(0.01)
        assert run.poll() is None
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    told, trouble = run.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (run.returncode, trouble) == (130, "")
    assert "Stopped by SIGINT." in told


@pytest.mark.parametrize("asked_for", ["concurrency=2, ", ""])
def test_f26_a_run_with_few_files_open_completes(folder, fake, asked_for):
    for n in range(SMALL_FILES, 600):
        (folder / f"{n}.jpg").write_bytes(b"%d" % n)
    fake.misbehave(Fault.wait(0.02), method="PUT")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
    limited += COPY.replace("concurrency=2, ", asked_for)
    run = subprocess.run(
        [sys.executable, "-c", limited, str(folder), fake.endpoint_url], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_f25_a_run_with_little_memory_completes(folder, fake):
    """Address space, which threads use up long before memory is."""
    for n in range(SMALL_FILES, 300):
        (folder / f"{n}.jpg").write_bytes(b"%d" % n * 20_000)
    (folder / "film.jpg").write_bytes(b"0123456789abcdef" * (6 * LARGE_FILE >> 4))
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))\n"
    limited += COPY.replace("concurrency=2, ", "")
    run = subprocess.run(
        [sys.executable, "-c", limited, str(folder), fake.endpoint_url], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1].startswith("copied 301, already there 0, held back 0, failed 0,")


def test_a_killed_download_leaves_no_half_file(folder, fake, tmp_path_factory):
    transfer.copy(LocalStore("disk", folder), bucket_of(fake), RULES)
    back = tmp_path_factory.mktemp("back")
    script = COPY.replace("copy(disk, bucket", "copy(bucket, disk")
    runs: list[subprocess.Popen[str]] = []
    fake.misbehave(Fault.call(lambda request: runs[0].kill(), afterwards=True), method="GET", key="film.jpg", times=1)
    runs.append(subprocess.Popen([sys.executable, "-c", script, str(back), fake.endpoint_url]))
    runs[0].wait()
    assert runs[0].returncode == -signal.SIGKILL
    fake.behave()
    for path in back.glob("[!.]*"):
        assert path.read_bytes() == (folder / path.name).read_bytes()
    target = LocalStore("disk", back)
    assert transfer.copy(bucket_of(fake), target, RULES).exit_code == 0
    assert {line.symbol for line in transfer.verify(bucket_of(fake), target, RULES, read_data=True)} == {"="}
    assert (back / "film.jpg").stat().st_size == LARGE_FILE
