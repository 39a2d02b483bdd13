"""What comes of a copy when this machine's disk misbehaves: files that cannot be read, no room, far too many names."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.errors import StoreFull
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, MemoryStore, S3Store
from external_storage.stores.retrying import Patience
from external_storage.testing import FakeS3
from external_storage.testing.contract import get, keys, put

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
NOBODY = 65534
MEBIBYTE = 1 << 20


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    with FakeS3() as server:
        yield server


@pytest.fixture
def bucket(fake) -> S3Store:
    login = {"access_key_id": "id", "secret_access_key": "secret"}
    return S3Store("bucket", bucket="pictures", prefix="images/", endpoint_url=fake.endpoint_url, **login)


def assert_a_second_run_completes(source, target) -> None:
    report = transfer.copy(source, target, RULES)
    assert (report.exit_code, report.failed) == (0, 0)
    assert {line.symbol for line in transfer.verify(source, target, RULES, read_data=True)} == {"="}


# What cannot be read


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be no superuser, whom no mode of a file keeps out. Modules may be out of reach meanwhile."""
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)


@pytest.fixture
def anybodys_folder() -> Iterator[Path]:
    """A folder that can be reached by whoever runs the test; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_f2_what_this_user_may_not_read_is_named_and_the_rest_is_done(anybodys_folder):
    for name in ("closed/a.jpg", "file.jpg", "good.jpg"):
        (anybodys_folder / name).parent.mkdir(exist_ok=True)
        (anybodys_folder / name).write_bytes(name.encode())
    closed = (anybodys_folder / "closed", anybodys_folder / "file.jpg")
    for path in closed:
        path.chmod(0)
    disk, target = LocalStore("disk", anybodys_folder), MemoryStore()
    with as_nobody():
        report = transfer.copy(disk, target, RULES)
    assert (report.copied, report.failed, report.exit_code) == (1, 2, 4)
    told = {outcome.key: str(outcome) for outcome in report.outcomes}
    assert set(told) == {"closed/", "file.jpg"}
    assert all("Permission denied" in line and "Give this user the right" in line for line in told.values())
    for path in closed:
        path.chmod(0o755)
    with as_nobody():
        assert_a_second_run_completes(disk, target)


@pytest.mark.parametrize("size", [5_000, 9 * MEBIBYTE], ids=["small", "in parts"])
def test_f3_a_file_on_a_bad_block_is_named_and_nothing_of_it_is_stored(tmp_path, fake, bucket, monkeypatch, size):
    for name, length in (("bad.jpg", size), ("good.jpg", 100)):
        (tmp_path / name).write_bytes(os.urandom(length))
    bad, failures, read = (tmp_path / "bad.jpg").stat().st_ino, [], os.read

    def read_from_a_bad_disk(descriptor: int, length: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad and os.lseek(descriptor, 0, os.SEEK_CUR) >= size // 2 - length:
            failures.append(length)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, length)

    disk = LocalStore("disk", tmp_path)
    monkeypatch.setattr(Patience, "wait_before", lambda *_: 0.01)
    with monkeypatch.context() as broken:
        broken.setattr(os, "read", read_from_a_bad_disk)
        report = transfer.copy(disk, bucket, RULES)
    assert len(failures) >= 2  # it was tried again
    assert (report.copied, report.failed, report.exit_code) == (1, 1, 1)
    assert "Input/output error" in report.outcomes[0].reason
    assert (list(fake.objects["pictures"]), fake.uploads) == (["images/good.jpg"], {})
    assert_a_second_run_completes(disk, bucket)


# A tree that is unlike others


@pytest.mark.parametrize(("old", "new"), [("a.jpg", "z.jpg"), ("z.jpg", "a.jpg")], ids=["ahead", "behind"])
def test_f8_a_file_renamed_during_the_copy_is_there_under_its_new_name_after_the_next(tmp_path, fake, old, new):
    for name in (old, *(f"m{n}.jpg" for n in range(5))):
        (tmp_path / name).write_bytes(name.encode())
    disk, target = LocalStore("disk", tmp_path), MemoryStore()
    renamed = []

    def publish(key: str, first_bytes: bytes | None) -> Publish:
        if key == "m2.jpg" and not renamed:
            renamed.append((tmp_path / old).rename(tmp_path / new))
        return Publish(Headers("image/jpeg", public=True))

    first = transfer.copy(disk, target, transfer.Rules(publish), concurrency=1)
    assert (first.exit_code, len(renamed)) == (0, 1)
    assert {outcome.verdict for outcome in first.outcomes} <= {"gone"}
    last = transfer.copy(disk, target, RULES)
    assert (last.exit_code, get(target, new)) == (0, old.encode())
    # The old name, where it had been copied already, is told to be in the target alone.
    assert {line.key for line in transfer.verify(disk, target, RULES) if line.symbol == "-"} == {*keys(target)} - {
        *keys(disk)
    }


def test_f15_holes_of_a_file_take_no_room_on_the_way(tmp_path, fake, bucket):
    tree, state = tmp_path / "tree", tmp_path / "state"
    tree.mkdir()
    with (tree / "sparse.jpg").open("wb") as file:
        file.truncate(17 * MEBIBYTE)
    report = transfer.copy(LocalStore("disk", tree), bucket, RULES, state_dir=state)
    assert (report.copied, report.bytes) == (1, 17 * MEBIBYTE)
    assert (tree / "sparse.jpg").stat().st_blocks == 0
    kept = sum(path.stat().st_blocks for path in state.rglob("*"))
    assert kept * 512 < MEBIBYTE


def test_f17_a_folder_of_very_many_files_takes_little_memory(tmp_path):
    """What one name takes is measured on 5,000: 200,000 take forty times as much."""
    for n in range(5_000):
        os.close(os.open(f"{tmp_path}/{n}", os.O_CREAT | os.O_WRONLY))
    listed = 0
    tracemalloc.start()
    try:
        for _ in LocalStore("disk", tmp_path).list():
            listed += 1
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert listed == 5_000
    assert most / listed * 200_000 < 200 * MEBIBYTE


# No room


@contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A disk with room for one mebibyte."""
    if os.geteuid() != 0:
        pytest.skip("Only the superuser mounts a disk.")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_f21_a_full_disk_ends_the_way_back_and_keeps_no_half_file(tmp_path, bucket):
    for name in "abcd":
        put(bucket, f"{name}.jpg", os.urandom(400_000))
    with small_disk(tmp_path / "small") as folder:
        disk = LocalStore("disk", folder)
        with pytest.raises(StoreFull, match="No room left") as caught:
            transfer.copy(bucket, disk, RULES, concurrency=1)
        # What arrived before is there; that it is there was not proven any more, so nothing is called copied.
        assert (caught.value.report.exit_code, caught.value.report.sent) == (3, 2)
        assert [path.stat().st_size for path in folder.iterdir()] == [400_000] * 2
        subprocess.run(["mount", "-o", "remount,size=8m", folder], check=True)
        assert_a_second_run_completes(bucket, disk)


def test_f21_a_copy_to_a_bucket_needs_no_room_here(tmp_path, bucket):
    (tmp_path / "tree").mkdir()
    for n in range(50):
        (tmp_path / "tree" / f"{n}.jpg").write_bytes(b"%d" % n)
    (tmp_path / "tree" / "film.jpg").write_bytes(os.urandom(9 * MEBIBYTE))
    disk = LocalStore("disk", tmp_path / "tree")
    with small_disk(tmp_path / "state") as state:
        with pytest.raises(OSError, match="No space left"):
            (state / "fill").write_bytes(bytes(2 * MEBIBYTE))
        report = transfer.copy(disk, bucket, RULES, state_dir=state)
        assert (report.copied, report.exit_code) == (51, 0), report.last_line()
        assert transfer.copy(disk, bucket, RULES, state_dir=state).already_there == 51
    assert_a_second_run_completes(disk, bucket)
