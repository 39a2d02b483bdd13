"""What a real sshd does to us, or is made to do, and what becomes of the files."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from external_storage.errors import (
    ContainerMissing,
    CredentialsRefused,
    KeyRefused,
    PermissionRefused,
    SettingsError,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    TransientStoreError,
)
from external_storage.objects import PassedOver
from external_storage.stores import BytesSource
from external_storage.stores.sftp import channel, known_hosts
from external_storage.stores.sftp.refusals import HostKeyChanged, HostKeyUnknown
from external_storage.testing.contract import PICTURE, get, keys, put, send_ahead
from tests.servers import nginx
from tests.servers.openssh import FULL_DISK, PASSPHRASE, PASSWORD, USER_ID
from tests.servers.processes import free_ports
from tests.sftp import login, sftp_store


def every_way(store):
    """Yield what a store is first asked for, in each way."""
    yield lambda: list(store.list())
    yield lambda: store.describe("a")
    yield lambda: put(store, "a", b"1")
    yield lambda: send_ahead(store, {"a": b"1"})
    yield lambda: store.delete(["a"])


# T1: an unknown host


def test_t1_an_unknown_host_is_refused_with_its_fingerprint_and_how_to_trust_it(openssh, tmp_path):
    store = sftp_store(openssh, known_hosts=str(tmp_path / "none"))
    for ask in every_way(store):
        with pytest.raises(HostKeyUnknown) as caught:
            ask()
        assert caught.value.exit_code == 3
        assert caught.value.fingerprint == openssh.fingerprint
        assert openssh.fingerprint in str(caught.value)
        assert f"storage_trust_host {openssh.host}:{openssh.port}" in caught.value.remedy
    assert not (tmp_path / "none").exists()


def test_t1_a_host_is_known_once_its_key_is_written_down(openssh, tmp_path):
    file = tmp_path / "with space" / "known 100% hosts"
    shown = known_hosts.shown_by(openssh.host, openssh.port)
    assert [key.fingerprint for key in shown] == [openssh.fingerprint]
    known_hosts.pin(file, "other.example", 22, shown)
    known_hosts.pin(file, openssh.host, openssh.port, shown)
    assert known_hosts.known(file, openssh.host, openssh.port) == shown
    assert known_hosts.known(file, "other.example") == shown
    assert keys(sftp_store(openssh, known_hosts=str(file))) == []


# T2: another key than before


def test_t2_a_changed_host_key_is_refused_whatever_else_is_known(openssh, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    file = tmp_path / "known_hosts"
    file.write_text(f"[{openssh.host}]:{openssh.port} {key.with_suffix('.pub').read_text()}")
    store = sftp_store(openssh, known_hosts=str(file), key_file=None, password=PASSWORD)
    for ask in every_way(store):
        with pytest.raises(HostKeyChanged, match="HAS CHANGED") as caught:
            ask()
        assert (caught.value.exit_code, caught.value.fingerprint) == (3, openssh.fingerprint)
    known_hosts.pin(file, openssh.host, openssh.port, known_hosts.shown_by(openssh.host, openssh.port))
    assert file.read_text().count("ssh-ed25519") == 1
    assert keys(store) == []


# T3: who logs in


def test_t3_a_password_or_a_key_with_a_passphrase_opens_the_door(openssh):
    root = openssh.make_folder()
    put(sftp_store(openssh, root, key_file=None, password=PASSWORD), "a", b"1")
    locked = str(openssh.key_file_with_passphrase)
    assert get(sftp_store(openssh, root, key_file=locked, passphrase=PASSPHRASE), "a") == b"1"


def wrong_logins(server, folder: Path):
    too_open = folder / "too_open"
    too_open.write_bytes(server.key_file.read_bytes())
    too_open.chmod(0o644)
    stranger = folder / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    locked = str(server.key_file_with_passphrase)
    yield {"key_file": None, "password": "a wrong password"}, "password was refused"
    yield {"key_file": str(stranger)}, "was refused"
    yield {"key_file": locked, "passphrase": "a wrong passphrase"}, "passphrase is wrong or missing"
    yield {"key_file": locked}, "passphrase is wrong or missing|was refused"
    yield {"key_file": str(too_open)}, "can be read by others"
    yield {"key_file": str(folder / "none")}, "cannot be read: No such file"
    yield {"user": "stranger"}, "could not log in"


def test_t3_a_wrong_login_is_refused_at_once_and_nobody_is_asked(openssh, tmp_path):
    for changed, told in wrong_logins(openssh, tmp_path):
        began = time.monotonic()
        with pytest.raises(CredentialsRefused, match=told) as caught:
            sftp_store(openssh, "/", **changed).describe("a")
        assert caught.value.exit_code == 3
        assert caught.value.remedy
        assert "a wrong pass" not in str(caught.value)
        assert "a wrong pass" not in repr(login(openssh, **changed))
        assert time.monotonic() - began < 8


def test_t3_a_secret_stands_in_no_command_line_environment_or_file(openssh):
    store = sftp_store(openssh, key_file=None, password=PASSWORD)
    put(store, "a", b"1")
    for process in map(str, processes_of(store)):
        for told in ("cmdline", "environ"):
            assert PASSWORD.encode() not in Path("/proc", process, told).read_bytes()


def processes_of(store) -> list[int]:
    return [channel.process_id for pool in (store._shared, store._ahead) for channel in pool._channels]


def test_a33_no_name_of_a_file_a_folder_or_a_host_is_taken_for_a_command(openssh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["$(touch canary)", "`touch canary`.png", "a.png; touch canary", "-rf"]
    for name in names:
        root = openssh.make_folder() / name
        root.mkdir()
        os.chown(root, USER_ID, USER_ID)
        store = sftp_store(openssh, root)
        send_ahead(store, dict.fromkeys(names, b"1"))
        assert [get(store, key) for key in keys(store)] == [b"1"] * len(names)
        assert not any(store.delete(names).values())
    for host in ("-oProxyCommand=touch canary", "h$(touch canary)", "h;touch canary"):
        with pytest.raises(SettingsError, match="is no host"):
            sftp_store(openssh, "/", host=host).describe("a")
    assert not [*tmp_path.iterdir(), *openssh.directory.rglob("canary")]


def test_t3_a_host_that_does_not_answer_is_named(openssh):
    with pytest.raises(StoreUnreachable, match="connection refused"):
        sftp_store(openssh, "/", port=1).describe("a")
    with pytest.raises(StoreUnreachable, match="no such host name"):
        sftp_store(openssh, "/", host="no.such.host.invalid").describe("a")


def test_t3_an_account_without_sftp_is_named_as_such(openssh):
    with pytest.raises(StoreRefused, match="something else than SFTP"):
        sftp_store(openssh, "/", user="nosftp").describe("a")


# T5: no room left


def test_t5_a_full_disk_leaves_neither_the_object_nor_half_of_it(openssh):
    store = sftp_store(openssh, FULL_DISK)
    put(store, "small", b"1" * 1000)
    for fill in (
        lambda: put(store, "large", bytes(2 << 20)),
        lambda: send_ahead(store, {"large": bytes(3 << 20)}),
        lambda: put(store, "small", bytes(2 << 20)),
    ):
        with pytest.raises(StoreFull, match="No room left") as caught:
            fill()
        assert caught.value.exit_code == 3
        assert list(store._do(lambda channel: store._names_in(channel, ""))) == [b"small"]
    assert get(store, "small") == b"1" * 1000
    put(store, "next", b"2" * 1000)
    store.delete(["small", "next"])


# T6: a server that moves no file onto another


def test_t6_without_posix_rename_objects_are_replaced_and_nobody_who_asks_us_finds_them_missing(openssh):
    store = sftp_store(openssh, user="norename")
    versions = [bytes([n]) * 20_000 for n in range(30)]
    put(store, "covers/a.jpg", versions[0])
    writer = threading.Thread(target=lambda: [put(store, "covers/a.jpg", version) for version in versions])
    writer.start()
    seen = 0
    while writer.is_alive():
        assert get(store, "covers/a.jpg") in versions
        assert keys(store) == ["covers/a.jpg"]
        seen += 1
    writer.join()
    assert seen
    assert get(store, "covers/a.jpg") == versions[-1]
    send_ahead(store, {"covers/a.jpg": b"ahead"})
    assert get(store, "covers/a.jpg") == b"ahead"
    assert any("posix-rename" in note for note in store.notes)


def test_t6_what_was_being_replaced_when_we_were_killed_is_there_and_comes_back(openssh):
    root = openssh.make_folder()
    old = root / ".previous-a.jpg"
    old.write_bytes(b"old")
    os.utime(old, (0, 0))
    store = sftp_store(openssh, root, user="norename")
    assert keys(store) == ["a.jpg"]
    assert get(store, "a.jpg") == b"old"
    assert store.clear_unfinished() == 0
    assert (root / "a.jpg").read_bytes() == b"old"
    assert store.delete(["a.jpg"]) == {"a.jpg": None}
    assert list(root.iterdir()) == []


def test_t6_what_a_killed_run_left_is_no_object_and_is_cleared_away_when_it_is_old(openssh):
    root = openssh.make_folder()
    for name, age in (("old", 7200), ("new", 0)):
        path = root / f".incoming-{name}"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    store = sftp_store(openssh, root)
    assert keys(store) == []
    assert store.clear_unfinished() == 1
    assert [path.name for path in root.iterdir()] == [".incoming-new"]


# T7: who may read


def modes(root: Path) -> list[str]:
    return [f"{path.stat().st_mode & 0o777:o}" for path in sorted(root.rglob("*"))]


def test_t7_modes_are_those_of_the_settings_whatever_the_umask(openssh):
    for user in ("books", "strict"):
        root = openssh.make_folder()
        store = sftp_store(openssh, root, user=user)
        put(store, "covers/a.jpg", b"1")
        send_ahead(store, {"covers/b.jpg": b"2"})
        assert modes(root) == ["755", "644", "644"]
    root = openssh.make_folder()
    manner = {"file_mode": 0o640, "directory_mode": 0o750}
    put(sftp_store(openssh, root, user="strict", manner=manner), "covers/a.jpg", b"1")
    assert modes(root) == ["750", "640"]
    root = openssh.make_folder()
    manner = {"file_mode": None, "directory_mode": None}
    put(sftp_store(openssh, root, user="strict", manner=manner), "covers/a.jpg", b"1")
    assert modes(root) == ["700", "600"]


def test_t7_a_web_server_reads_what_was_written_under_a_narrow_umask(openssh, nginx_program):
    root = openssh.make_folder()
    store = sftp_store(openssh, root, user="strict")
    put(store, "covers/a.jpg", b"1")
    send_ahead(store, {"covers/b.jpg": b"2"})
    put(sftp_store(openssh, root, user="strict", manner={"file_mode": 0o600}), "covers/c.jpg", b"3")
    (port,) = free_ports(1)
    with nginx(f"server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}", port=port):
        pool = urllib3.PoolManager(retries=False)
        answers = [pool.request("GET", f"http://127.0.0.1:{port}/covers/{name}.jpg") for name in "abc"]
    assert [(answer.status, answer.data[:1]) for answer in answers[:2]] == [(200, b"1"), (200, b"2")]
    assert answers[2].status == 403  # its workers are somebody else


def test_t7_a_folder_that_may_not_be_written_to_is_named_at_once(openssh):
    root = openssh.make_folder()
    (root / "covers").mkdir(mode=0o755)  # root's, and the user is another
    store = sftp_store(openssh, root)
    for ask in (lambda: put(store, "covers/a", b"1"), lambda: send_ahead(store, {"covers/a": b"1"})):
        with pytest.raises(PermissionRefused, match="'covers/a' may not be written") as caught:
            ask()
        assert caught.value.exit_code == 3
        assert caught.value.remedy


# T8: a delete that is refused


@contextmanager
def immutable(path: Path):
    changed = subprocess.run(["chattr", "+i", path], capture_output=True).returncode == 0
    if not changed:  # a file system without such a flag: then its folder is another's
        os.chown(path.parent, 0, 0)
    try:
        yield
    finally:
        if changed:
            subprocess.run(["chattr", "-i", path], check=True)


def test_t8_a_delete_that_is_refused_says_so_and_the_others_are_done(openssh):
    root = openssh.make_folder()
    store = sftp_store(openssh, root)
    put(store, "kept/a", b"1")
    put(store, "b", b"2")
    with immutable(root / "kept" / "a"):
        results = store.delete(["kept/a", "b", "none"])
    assert (results["b"], results["none"]) == (None, None)
    assert isinstance(results["kept/a"], PermissionRefused)
    assert keys(store) == ["kept/a"]


# T11: read-only, a chroot, no such folder


def test_t11_a_read_only_server_is_named_at_the_first_write(openssh):
    root = openssh.make_folder()
    (root / "a").write_bytes(b"1")
    os.chown(root / "a", USER_ID, USER_ID)
    store = sftp_store(openssh, root, user="readonly")
    assert get(store, "a") == b"1"
    for ask in (lambda: put(store, "b", b"2"), lambda: send_ahead(store, {"b/c": b"2"})):
        with pytest.raises(PermissionRefused, match="may not be written"):
            ask()
    assert isinstance(store.delete(["a"])["a"], PermissionRefused)
    assert keys(store) == ["a"]


def test_t11_a_folder_that_is_not_there_is_named_and_not_made(openssh):
    root = openssh.make_folder() / "missing"
    for ask in every_way(sftp_store(openssh, root)):
        with pytest.raises(ContainerMissing, match="does not exist") as caught:
            ask()
        assert "chroot" in caught.value.remedy
    assert not root.exists()


def test_t11_a_chroot_has_its_own_root(openssh):
    with pytest.raises(ContainerMissing):
        keys(sftp_store(openssh, openssh.make_folder(), user="jailed"))
    store = sftp_store(openssh, "/files", user="jailed")
    put(store, "covers/a", b"1")
    assert keys(store) == ["covers/a"]
    with pytest.raises(PermissionRefused):
        put(sftp_store(openssh, "/", user="jailed"), "a", b"1")
    assert keys(sftp_store(openssh, "/", user="jailed")) == ["files/covers/a"]


# Links, and what is no file


def test_a_link_out_of_the_root_is_neither_read_nor_written_through(openssh):
    root, outside = openssh.make_folder(), openssh.make_folder()
    (outside / "secret").write_bytes(b"secret")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    store = sftp_store(openssh, root)
    for key in ("folder/secret", "file"):
        with pytest.raises(KeyRefused, match="leads out"):
            store.open(key)
    for key in ("folder/new", "folder/deep/new"):
        with pytest.raises(KeyRefused, match="leads out"):
            put(store, key, b"1")
    assert isinstance(store.delete(["folder/secret"])["folder/secret"], KeyRefused)
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert [type(entry) for entry in store.survey()] == [PassedOver, PassedOver]
    put(store, "file", b"mine")
    assert (get(store, "file"), (outside / "secret").read_bytes()) == (b"mine", b"secret")


def test_what_is_no_file_is_passed_over_and_holds_nobody_up(openssh):
    root = openssh.make_folder()
    os.mkfifo(root / "fifo")
    (root / "a").write_bytes(b"1")
    (root / os.fsdecode(b"\xff")).write_bytes(b"2")
    (root / "link").symlink_to("a")
    store = sftp_store(openssh, root)
    found = {entry.key: type(entry).__name__ for entry in store.survey()}
    assert found == {"a": "ObjectInfo", "fifo": "PassedOver", "link": "ObjectInfo", "\udcff": "PassedOver"}
    assert get(store, "link") == b"1"


# Broken connections


def test_a_connection_that_broke_is_made_again_once_an_operation(openssh):
    store = sftp_store(openssh, key_file=str(openssh.key_file_with_passphrase), passphrase=PASSPHRASE)
    put(store, "a", b"1")
    for ask in (lambda: get(store, "a"), lambda: put(store, "a", b"2"), lambda: keys(store)):
        for process in processes_of(store):
            os.kill(process, signal.SIGKILL)
        ask()
    assert get(store, "a") == b"2"


def test_objects_on_their_way_over_a_connection_that_breaks_can_be_sent_again(openssh):
    store = sftp_store(openssh, key_file=str(openssh.key_file_with_passphrase), passphrase=PASSPHRASE)
    send_ahead(store, {"first": b"1"})
    sending = store.begin_put("a", bytes(1 << 20), b"\0" * 16, PICTURE)
    for process in processes_of(store):
        os.kill(process, signal.SIGKILL)
    with pytest.raises(TransientStoreError, match="was lost"):
        sending.finish()
    assert keys(store) == ["first"]
    send_ahead(store, {"a": b"again"})
    assert get(store, "a") == b"again"


def test_a_server_that_stops_answering_is_given_up_and_others_do_not_wait_for_it(openssh, monkeypatch):
    monkeypatch.setattr(channel, "NO_PROGRESS_SECONDS", 4.0)  # time for another to log in on a busy machine
    monkeypatch.setattr(channel, "STUCK_SECONDS", 0.1)
    store = sftp_store(openssh, key_file=str(openssh.key_file_with_passphrase), passphrase=PASSPHRASE)
    put(store, "a", b"1")
    for process in processes_of(store):
        os.kill(process, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as waiting:
        first = waiting.submit(get, store, "a")
        time.sleep(0.3)
        assert not first.done()
        assert get(store, "a") == b"1"
        assert not first.done()
        assert first.result() == b"1"  # given up, and asked anew


def test_who_keeps_an_object_that_came_meanwhile_is_told(openssh):
    from external_storage.errors import AlreadyExists

    root = openssh.make_folder()
    store = sftp_store(openssh, root)

    class Slow(BytesSource):
        def check_unchanged(self) -> None:
            super().check_unchanged()
            (root / "a").write_bytes(b"theirs")

    with pytest.raises(AlreadyExists):
        store.put("a", Slow("a", b"ours"), PICTURE, replace=False)
    assert get(store, "a") == b"theirs"
    assert [path.name for path in root.iterdir()] == ["a"]
