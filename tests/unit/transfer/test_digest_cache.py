"""A second run reads no file that did not change, and believes no cache that is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, MemoryStore, S3Store
from external_storage.stores.digests import DigestCache
from external_storage.testing import FakeS3

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", public=True)))
FILES = 12
KEY = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"}


class Counting(LocalStore):
    """Counts how many files are opened."""

    opened = 0

    def open(self, key):
        self.opened += 1
        return super().open(key)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch) -> Counting:
    monkeypatch.setattr("external_storage.stores.local.UNSEEN_CHANGE_SECONDS", 0.0)
    for n in range(FILES):
        path = tmp_path / f"disk/{n}/a.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % n * 100)
    return Counting("disk", tmp_path / "disk")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def target(disk, state) -> MemoryStore:
    """Holds all of it already, copied by a run that remembered."""
    store = MemoryStore()
    assert transfer.copy(disk, store, RULES, state_dir=state).copied == FILES
    disk.opened = 0
    return store


def test_files_that_were_copied_are_not_read_again(disk, state, target):
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.already_there, report.copied, disk.opened) == (FILES, 0, 0)


def test_a_large_file_that_was_sent_in_parts_is_not_read_again(disk, state):
    Path(disk.root, "film.jpg").write_bytes(bytes(9 << 20))
    with FakeS3() as fake:
        bucket = S3Store("bucket", bucket="pictures", endpoint_url=fake.endpoint_url, **KEY)
        assert transfer.copy(disk, bucket, RULES, state_dir=state).copied == FILES + 1
        disk.opened = 0
        assert transfer.copy(disk, bucket, RULES, state_dir=state).already_there == FILES + 1
        assert disk.opened == 0
        (state / "digests.sqlite3").unlink()
        assert [transfer.copy(disk, bucket, RULES, state_dir=state).already_there for _ in "ab"] == [FILES + 1] * 2
        # Without the first cache all were read once: by the first of the two.
        assert disk.opened == FILES + 1


def test_files_that_were_compared_are_not_read_again(disk, state, target):
    (state / "digests.sqlite3").unlink()
    for expected in (FILES, 0):
        disk.opened = 0
        assert transfer.copy(disk, target, RULES, state_dir=state).already_there == FILES
        assert disk.opened == expected


def test_without_a_place_for_it_nothing_is_remembered(disk, target):
    assert transfer.copy(disk, target, RULES).already_there == FILES
    assert disk.opened == FILES


def test_verification_reads_every_file(disk, state, target):
    assert {line.symbol for line in transfer.verify(disk, target, RULES)} == {"="}
    assert disk.opened == FILES


def change_in_place(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1].replace(b"1", b"x"))


def change_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    change_in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_an_older_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * path.stat().st_size)
    os.utime(other, (1, 1))
    other.replace(path)


@pytest.mark.parametrize("change", [change_in_place, change_and_set_the_time_back, replace_by_an_older_file])
def test_a_file_changed_at_equal_size_is_found(disk, state, target, change):
    path = Path(disk.root, "11/a.jpg")
    change(path)
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.copied, report.already_there) == (1, FILES - 1)
    with target.open("11/a.jpg") as source:
        assert source.read() == path.read_bytes()


def test_damage_in_the_target_is_found(disk, state, target):
    from external_storage.testing.contract import put

    put(target, "3/a.jpg", b"x" * 100)
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.copied, report.already_there) == (1, FILES - 1)


def test_a_file_that_was_just_written_is_not_remembered(disk, state, target, monkeypatch):
    monkeypatch.setattr("external_storage.stores.local.UNSEEN_CHANGE_SECONDS", 2.0)
    Path(disk.root, "5/a.jpg").touch()
    for _ in range(2):
        disk.opened = 0
        transfer.copy(disk, target, RULES, state_dir=state)
        assert disk.opened >= 1
    old = time.time() - 60
    os.utime(Path(disk.root, "5/a.jpg"), (old, old))
    disk.opened = 0
    transfer.copy(disk, target, RULES, state_dir=state)
    assert disk.opened >= 1  # its time of change is young, whatever its time of modification says


def of_another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (text)")


def of_another_layout(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 7")


def cut_short(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(10_000))


@pytest.mark.parametrize("damage", [of_another_program, of_another_layout, cut_short, garbage])
def test_f23_a_cache_that_cannot_be_used_is_made_anew_with_one_line(disk, state, target, damage):
    damage(state / "digests.sqlite3")
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.exit_code, report.already_there, disk.opened) == (0, FILES, FILES)
    [note] = report.notes
    assert "made anew" in note
    disk.opened = 0
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.already_there, report.notes, disk.opened) == (FILES, [], 0)


def test_a_cache_that_cannot_be_made_is_no_obstacle(disk, target, tmp_path):
    (tmp_path / "state/digests.sqlite3").unlink()
    (tmp_path / "state/digests.sqlite3").mkdir()
    report = transfer.copy(disk, target, RULES, state_dir=tmp_path / "state")
    assert (report.exit_code, report.already_there) == (0, FILES)
    assert "No digests are remembered" in report.notes[0]


def test_f23_a_row_that_lies_does_no_harm(disk, state, target):
    with sqlite3.connect(state / "digests.sqlite3") as database:
        database.execute("UPDATE digests SET digest = '00000000000000000000000000000000'")
    report = transfer.copy(disk, target, RULES, state_dir=state)
    assert (report.exit_code, report.verified, report.failed) == (0, FILES, 0)


def test_the_cache_grows_no_larger_than_the_number_of_files(disk, state, target):
    for content in (b"x", b"y", b"z"):
        Path(disk.root, "5/a.jpg").write_bytes(content)
        transfer.copy(disk, target, RULES, state_dir=state)
    with sqlite3.connect(state / "digests.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM digests").fetchone() == (FILES,)


def test_digests_are_found_by_file_and_version(tmp_path):
    cache = DigestCache(tmp_path / "digests.sqlite3")
    cache.remember("1-2", "old", "a" * 32)
    cache.remember("1-3", "now", "b" * 32)
    cache.close()
    again = DigestCache(tmp_path / "digests.sqlite3")
    assert again.look_up({"1-2": "new", "1-3": "now", "1-4": "now"}) == {"1-3": "b" * 32}
    again.close()
