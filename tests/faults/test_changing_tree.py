"""Files appear, grow, shrink, vanish and are replaced while they are copied; each outcome is verified or named."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
from external_storage.testing import FakeS3, Fault
from tests.servers import S3Server

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
FILES = 150


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def vanish(path: Path) -> None:
    path.unlink(missing_ok=True)


def replace_at_equal_size(path: Path) -> None:
    new = path.with_name("." + path.name)
    new.write_bytes(os.urandom(path.stat().st_size))
    new.replace(path)


def overwrite_at_equal_size_with_the_old_time(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.write(os.urandom(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def appear(path: Path) -> None:
    path.with_name(f"new-{random.getrandbits(40):x}.jpg").write_bytes(os.urandom(500))


CHANGES: list[Callable[[Path], None]] = [
    grow,
    shrink,
    vanish,
    replace_at_equal_size,
    overwrite_at_equal_size_with_the_old_time,
    appear,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(FILES):
        path = tmp_path / f"tree/{n % 5}/{n:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(20_000 + n))
    return tmp_path / "tree"


class Restless(threading.Thread):
    """Changes files of a folder, each in any of the ways, until told to stop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.made: dict[str, int] = {}
        self._folder = folder
        self._enough = threading.Event()
        self._chance = random.Random(7)

    def run(self) -> None:
        while not self._enough.wait(0.002):
            paths = list(self._folder.glob("*/[!.]*"))
            change = self._chance.choice(CHANGES)
            if change is not vanish or len(paths) > FILES // 2:
                try:
                    change(self._chance.choice(paths))
                except FileNotFoundError:
                    continue
                self.made[change.__name__] = self.made.get(change.__name__, 0) + 1

    def rest(self) -> None:
        self._enough.set()
        self.join()


@pytest.fixture(params=["fake", "seaweedfs", "ceph"])
def bucket(request):
    if request.param == "fake":
        with FakeS3() as fake:
            login = {"access_key_id": "id", "secret_access_key": "secret"}
            yield S3Store("bucket", bucket="pictures", prefix="images/", endpoint_url=fake.endpoint_url, **login)
        return
    server: S3Server = request.getfixturevalue(request.param)
    yield S3Store(
        "bucket",
        bucket=server.make_bucket().name,
        prefix="images/",
        endpoint_url=server.endpoint_url,
        region=server.region,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


def test_f9_a_tree_that_changes_all_the_time_ends_in_a_verified_and_named_state(folder, bucket, tmp_path):
    disk, state = LocalStore("disk", folder), tmp_path / "state"
    restless = Restless(folder)
    restless.start()
    reports, began = [], time.monotonic()
    while len(reports) < 3 or (len(restless.made) < len(CHANGES) and time.monotonic() - began < 30):
        reports.append(transfer.copy(disk, bucket, RULES, state_dir=state))
    restless.rest()
    assert set(restless.made) == {change.__name__ for change in CHANGES}
    for report in reports:
        # Each object that was not copied and proven is named, with what became of it.
        assert {each.verdict for each in report.outcomes} <= {"gone", "failed"}
        assert report.failed == len([each for each in report.outcomes if each.verdict == "failed"])
        assert report.failed == report.passed_over  # the fault is the source's own
        assert report.exit_code in (0, 4)
        assert report.sent == report.copied
    last = transfer.copy(disk, bucket, RULES, state_dir=state)
    assert (last.exit_code, last.failed) == (0, 0)
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/[!.]*")}
    assert last.verified == len([*folder.rglob("*.jpg")])
    symbols = {line.key: line.symbol for line in transfer.verify(disk, bucket, RULES, read_data=True)}
    assert {key for key, symbol in symbols.items() if symbol == "="} >= there
    # What vanished after it was copied is named as being in the target alone; nothing differs.
    assert set(symbols.values()) <= {"=", "-"}


@pytest.mark.parametrize("size", [5_000, (8 << 20) + 5], ids=["small", "in parts"])
@pytest.mark.parametrize("change", [grow, shrink, overwrite_at_equal_size_with_the_old_time])
def test_f5_f6_a_file_that_changes_each_time_it_is_read_is_named_and_not_stored(tmp_path, change, size):
    (tmp_path / "tree").mkdir()
    path = tmp_path / "tree/a.jpg"
    path.write_bytes(os.urandom(size))

    class Watched(LocalStore):
        def _opened(self, key):
            opened = super()._opened(key)
            change(path)
            return opened

    with FakeS3() as fake:
        login = {"access_key_id": "id", "secret_access_key": "secret"}
        bucket = S3Store("bucket", bucket="pictures", endpoint_url=fake.endpoint_url, **login)
        report = transfer.copy(Watched("disk", tmp_path / "tree"), bucket, RULES)
        assert (report.copied, report.failed, report.exit_code) == (0, 1, 4)
        assert "changed while it was read" in report.outcomes[0].reason
        assert (fake.objects.get("pictures", {}), fake.uploads) == ({}, {})
        again = transfer.copy(LocalStore("disk", tmp_path / "tree"), bucket, RULES)
        assert (again.copied, again.exit_code) == (1, 0)


def test_f4_a_file_that_vanishes_while_its_parts_are_sent_is_whole_or_absent(tmp_path):
    (tmp_path / "tree").mkdir()
    path = tmp_path / "tree/a.jpg"
    content = os.urandom((16 << 20) + 5)
    path.write_bytes(content)
    with FakeS3() as fake:
        fault = fake.misbehave(Fault.call(lambda request: vanish(path)), query="partNumber", times=1)
        login = {"access_key_id": "id", "secret_access_key": "secret"}
        bucket = S3Store("bucket", bucket="pictures", endpoint_url=fake.endpoint_url, **login)
        report = transfer.copy(LocalStore("disk", tmp_path / "tree"), bucket, RULES)
        assert (fault.fired, report.failed, fake.uploads) == (1, 0, {})
        held = fake.objects.get("pictures", {})
        assert [each.data for each in held.values()] in ([content], [])
        assert report.copied == len(held)
