"""Runs to and from a server that speaks SFTP: what they send, what they prove, and what they need not read again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from external_storage import transfer
from external_storage.objects import IMMUTABLE, Headers, Publish
from external_storage.stores import LocalStore, MemoryStore
from external_storage.testing.contract import get, keys, put
from tests.servers import OpenSsh
from tests.servers.openssh import PASSWORD
from tests.sftp import sftp_store

RULES = transfer.Rules(lambda key, first_bytes: Publish(Headers("image/jpeg", IMMUTABLE, public=True)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty small files and two that are not sent ahead."""
    root = tmp_path / "folder"
    for n in range(40):
        path = root / f"{n % 7}" / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(n).encode() * 500 * n)
    for n in (1, 2):
        (root / f"large-{n}").write_bytes(bytes([n]) * (2 << 20))
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def made_old(root: Path) -> None:
    """Let all files have been left alone for a while."""
    for path in root.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2)


def test_a_folder_goes_to_the_server_and_comes_back_byte_for_byte(openssh: OpenSsh, folder: Path, tmp_path: Path):
    root = openssh.make_folder()
    there = transfer.copy(LocalStore("disk", folder), sftp_store(openssh, root), RULES)
    assert (there.copied, there.exit_code, contents(root)) == (42, 0, contents(folder))
    back = transfer.copy(sftp_store(openssh, root), LocalStore("back", tmp_path / "back", create=True), RULES)
    assert (back.copied, contents(tmp_path / "back")) == (42, contents(folder))


def test_what_was_sent_is_proven_without_reading_it_back(openssh: OpenSsh, folder: Path):
    root = openssh.make_folder()
    nobody_reads = {"file_mode": 0o200}
    report = transfer.copy(LocalStore("disk", folder), sftp_store(openssh, root, manner=nobody_reads), RULES)
    assert (report.copied, report.exit_code) == (42, 0)


def test_what_is_changed_before_it_is_proven_is_sent_again(openssh: OpenSsh, folder: Path):
    root = openssh.make_folder()
    store, meddled = sftp_store(openssh, root), []

    class Meddled(LocalStore):
        def read_whole(self, key: str, most: int):
            if (sent := root / "1" / "1.jpg").exists() and not meddled:
                meddled.append(sent.write_bytes(b"meddled"))
            return super().read_whole(key, most)

    # Few at once: the first has arrived when the last are read.
    report = transfer.copy(Meddled("disk", folder), store, RULES, concurrency=2)
    assert meddled
    assert (report.copied, report.exit_code, contents(root)) == (42, 0, contents(folder))


def test_a_run_goes_on_when_its_connections_break(openssh: OpenSsh, folder: Path):
    root = openssh.make_folder()
    # A login of its own, so that the connections of others stay.
    store = sftp_store(openssh, root, key_file=None, password=PASSWORD)
    broken: list[int] = []

    class Breaking(LocalStore):
        def read_whole(self, key: str, most: int):
            if key == "6/6.jpg":  # one of the last
                broken.extend(each.process_id for each in store._ahead._channels)
                for process in broken:
                    os.kill(process, signal.SIGKILL)
            return super().read_whole(key, most)

    report = transfer.copy(Breaking("disk", folder), store, RULES)
    assert broken
    assert (report.copied, report.exit_code, contents(root)) == (42, 0, contents(folder))


def test_a_run_with_nothing_to_do_reads_no_file_that_is_known(openssh: OpenSsh, folder: Path, tmp_path: Path):
    root, source, state = openssh.make_folder(), LocalStore("disk", folder), tmp_path / "state"
    transfer.copy(source, sftp_store(openssh, root), RULES, state_dir=state)
    made_old(root)
    transfer.copy(source, sftp_store(openssh, root), RULES, state_dir=state)  # reads what it was not sure of
    for path in root.rglob("*.jpg"):
        path.chmod(0)
    known = transfer.copy(source, sftp_store(openssh, root), RULES, state_dir=state)
    assert (known.already_there, known.exit_code) == (42, 0)
    changed = root / "1" / "1.jpg"
    changed.write_bytes(b"?" * changed.stat().st_size)
    changed.chmod(0o644)
    again = transfer.copy(source, sftp_store(openssh, root), RULES, state_dir=state)
    assert again.copied == 1
    assert contents(root) == contents(folder)


def test_a_verification_reads_everything(openssh: OpenSsh):
    root, source = openssh.make_folder(), MemoryStore()
    store = sftp_store(openssh, root)
    for key in ("a", "b"):
        put(source, key, b"12345")
    transfer.copy(source, store, RULES)
    moment = (root / "b").stat().st_mtime
    (root / "b").write_bytes(b"54321")
    os.utime(root / "b", (moment, moment))
    assert [(line.symbol, line.key) for line in transfer.verify(source, store, RULES)] == [("=", "a"), ("*", "b")]
    assert (keys(store), get(store, "b")) == (["a", "b"], b"54321")
