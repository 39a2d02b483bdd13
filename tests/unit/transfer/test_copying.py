"""What a run does to two stores, and what it says of it."""

from __future__ import annotations

import io
import json
import os
import random
import socket
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from external_storage import transfer
from external_storage.errors import ContainerMissing, SourceChanged, StoreFull
from external_storage.objects import Headers, HoldBack, Publish
from external_storage.stores import BytesSource, LocalStore, MemoryStore
from external_storage.testing.contract import get, keys, put

PICTURE = Headers("image/jpeg", "public", public=True)


def publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    if key.endswith(".zip"):
        return HoldBack("Archives stay private.")
    if first_bytes is not None and first_bytes.startswith(b"PK"):
        return HoldBack("It is an archive with the name of a picture.")
    return Publish(PICTURE)


RULES = transfer.Rules(publish)


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore("disk", tmp_path)


def symbols(source, target, rules=RULES, **options) -> Counter:
    return Counter(line.symbol for line in transfer.verify(source, target, rules, **options))


def test_everything_is_copied_and_a_second_run_sends_nothing(disk):
    for n in range(100):
        put(disk, f"covers/{n % 5}/{n}.jpg", os.urandom(n * 10))
    target = MemoryStore()
    first, second = transfer.copy(disk, target, RULES), transfer.copy(disk, target, RULES)
    assert (first.copied, first.verified, first.bytes, first.exit_code) == (100, 100, 49_500, 0)
    assert (second.copied, second.already_there, second.sent, second.exit_code) == (0, 100, 0, 0)
    assert {key: get(disk, key) for key in keys(disk)} == {key: get(target, key) for key in keys(target)}
    assert target.describe("covers/0/0.jpg").headers == PICTURE
    assert symbols(disk, target, read_data=True) == {"=": 100}


def test_the_last_line_says_it_all(disk):
    put(disk, "a.jpg", b"12345")
    put(disk, "b.jpg", b"123")
    put(disk, "c.zip", b"PK")
    os.mkfifo(Path(disk.root, "fifo"))
    target = MemoryStore()
    put(target, "b.jpg", b"123")
    report = transfer.copy(disk, target, RULES)
    assert report.last_line() == "copied 1, already there 1, held back 1, failed 1, bytes 5, verified 2"
    assert report.exit_code == 4


def test_archives_are_held_back_whatever_their_name(disk):
    put(disk, "export.zip", b"PK\x03\x04")
    put(disk, "disguised.jpg", b"PK\x03\x04 secrets")
    target = MemoryStore()
    report = transfer.copy(disk, target, RULES)
    assert keys(target) == []
    assert {outcome.key: outcome.reason for outcome in report.outcomes} == {
        "export.zip": "Archives stay private.",
        "disguised.jpg": "It is an archive with the name of a picture.",
    }
    assert (report.held_back, report.exit_code) == (2, 0)
    assert symbols(disk, target) == {}


def test_a_file_damaged_at_equal_size_is_found_and_sent_again(disk):
    put(disk, "a.jpg", b"right")
    target = MemoryStore()
    put(target, "a.jpg", b"wrong")
    os.utime(Path(disk.root, "a.jpg"), (1, 1))  # restored, with an older date
    assert symbols(disk, target) == {"*": 1}
    assert transfer.copy(disk, target, RULES).copied == 1
    assert get(target, "a.jpg") == b"right"


def test_a_difference_is_kept_and_named_on_request(disk):
    put(disk, "a.jpg", b"older")
    put(disk, "b.jpg", b"only here")
    target = MemoryStore()
    put(target, "a.jpg", b"a newer one")
    report = transfer.copy(disk, target, transfer.Rules(publish, on_difference="keep", may_send=lambda key: False))
    assert (report.conflicts, report.left_out, report.copied, report.exit_code) == (1, 1, 0, 0)
    assert (get(target, "a.jpg"), keys(target)) == (b"a newer one", ["a.jpg"])
    assert [outcome.key for outcome in report.outcomes] == ["a.jpg", "b.jpg"]


def test_a_dry_run_changes_nothing_and_foretells_everything(disk):
    put(disk, "a.jpg", b"12345")
    put(disk, "b.jpg", b"right")
    put(disk, "c.jpg", b"same!")
    target = MemoryStore()
    put(target, "b.jpg", b"wrong")
    put(target, "c.jpg", b"same!")
    report = transfer.copy(disk, target, RULES, dry_run=True)
    assert report.last_line().startswith("would copy 2, already there 1, held back 0, failed 0, bytes 10")
    assert (keys(target), get(target, "b.jpg")) == (["b.jpg", "c.jpg"], b"wrong")


def test_patterns_and_prefix_narrow_the_run(disk):
    for key in ("covers/a.jpg", "covers/b.png", "avatars/a.jpg", "covers-old/a.jpg"):
        put(disk, key, b"1")
    target = MemoryStore()
    transfer.copy(disk, target, transfer.Rules(publish, prefix="covers/", exclude=["*.png"]))
    assert keys(target) == ["covers/a.jpg"]


def test_the_way_back_is_the_same(tmp_path):
    source, target = MemoryStore(), LocalStore("disk", tmp_path)
    for n in range(20):
        put(source, f"covers/{n}.jpg", os.urandom(1000))
    assert transfer.copy(source, target, RULES).copied == 20
    assert symbols(source, target, read_data=True) == {"=": 20}


def test_what_only_the_target_has_is_left_there(disk):
    put(disk, "a.jpg", b"1")
    target = MemoryStore()
    put(target, "z.jpg", b"2")
    report = transfer.copy(disk, target, RULES)
    assert (keys(target), report.only_in_target) == (["a.jpg", "z.jpg"], 1)
    assert [(line.symbol, line.key) for line in transfer.verify(disk, target, RULES)] == [
        ("=", "a.jpg"),
        ("-", "z.jpg"),
    ]


def test_keys_a_disk_cannot_hold_are_named_and_the_rest_is_done(tmp_path):
    source, target = MemoryStore(), LocalStore("disk", tmp_path)
    for key in ("a", "a/b", "c", "x" * 300):
        put(source, key, b"1")
    report = transfer.copy(source, target, RULES, concurrency=1)
    assert (report.copied, report.failed, report.exit_code) == (2, 2, 4)
    assert keys(target) == ["a", "c"]


# What lies in a folder


def test_f12_links_are_never_followed_out(disk, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.jpg").write_bytes(b"secret")
    root = Path(disk.root)
    put(disk, "real.jpg", b"1")
    (root / "inside.jpg").symlink_to("real.jpg")
    (root / "outside.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to("..")
    (root / "self").symlink_to(".")
    (root / "dangling").symlink_to("nowhere")
    target = MemoryStore()
    report = transfer.copy(disk, target, RULES)
    assert keys(target) == ["inside.jpg", "real.jpg"]
    assert {outcome.key for outcome in report.outcomes} == {"outside.jpg", "folder", "loop", "self", "dangling"}
    assert report.exit_code == 4
    for key in ("outside.jpg", "folder/secret.jpg", "loop/x", "self/real.jpg/x"):
        with pytest.raises(Exception) as caught:
            disk.open(key)
        assert type(caught.value).__name__ in ("KeyRefused", "ObjectMissing")
    with pytest.raises(Exception, match="leads out"):
        put(disk, "folder/new.jpg", b"1")
    assert sorted(path.name for path in outside.iterdir()) == ["secret.jpg"]


def test_f13_what_is_no_file_is_never_opened(disk, monkeypatch):
    root = Path(disk.root)
    os.mkfifo(root / "fifo")
    monkeypatch.chdir(root)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        report = transfer.copy(disk, MemoryStore(), RULES)
    assert {outcome.key for outcome in report.outcomes} == {"fifo", "socket"}
    assert report.exit_code == 4


def test_f14_hard_links_are_two_objects(disk):
    put(disk, "a.jpg", b"same")
    os.link(Path(disk.root, "a.jpg"), Path(disk.root, "b.jpg"))
    target = MemoryStore()
    assert transfer.copy(disk, target, RULES).verified == 2
    assert keys(target) == ["a.jpg", "b.jpg"]


def test_a_name_that_is_not_utf_8_is_named(disk):
    Path(os.fsdecode(os.fsencode(disk.root) + b"/caf\xe9.jpg")).write_bytes(b"1")
    put(disk, "good.jpg", b"1")
    target = MemoryStore()
    report = transfer.copy(disk, target, RULES)
    assert (keys(target), report.exit_code) == (["good.jpg"], 4)
    assert "UTF-8" in report.outcomes[0].reason
    assert str(report.outcomes[0]).isascii()


def test_f17_a_very_deep_tree_is_walked(disk):
    root = Path(disk.root)
    deep = root
    for _ in range(500):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(b"1")
    assert [info.size for info in disk.list()] == [1]
    report = transfer.copy(disk, MemoryStore(), RULES)
    assert report.copied == 1


def test_f18_a_missing_folder_is_not_an_empty_one(tmp_path):
    missing = LocalStore("disk", tmp_path / "unmounted")
    with pytest.raises(ContainerMissing, match="does not exist"):
        transfer.copy(missing, MemoryStore(), RULES)


def test_an_unfinished_file_of_a_killed_run_is_no_object(disk):
    put(disk, "a.jpg", b"1")
    Path(disk.root, ".incoming-0123").write_bytes(b"half")
    assert keys(disk) == ["a.jpg"]


# A source that does not keep still


class Restless(LocalStore):
    """A folder in which somebody writes while it is read."""

    def __init__(self, root, meddle):
        super().__init__("disk", root)
        self.meddle = meddle
        self.opened = 0

    def open(self, key):
        source = super().open(key)
        self.opened += 1
        self.meddle(Path(self.root, key), self.opened)
        return source


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.open("ab").write(b"more"),
        lambda path: os.truncate(path, 3),
        lambda path: path.write_bytes(b"54321"),
        lambda path: path.write_bytes(b""),
    ],
    ids=["grows", "shrinks", "is rewritten at equal size", "is emptied"],
)
def test_f5_f6_a_file_that_changes_once_is_read_again(tmp_path, change):
    (tmp_path / "a.jpg").write_bytes(b"12345")
    os.utime(tmp_path / "a.jpg", (1, 1))
    source = Restless(tmp_path, lambda path, opened: change(path) if opened == 1 else None)
    target = MemoryStore()
    assert transfer.copy(source, target, RULES).exit_code == 0
    assert get(target, "a.jpg") == (tmp_path / "a.jpg").read_bytes()
    assert source.opened == 2


def test_f6_a_file_that_never_keeps_still_is_given_up(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"12345")
    source = Restless(tmp_path, lambda path, opened: path.open("ab").write(b"more"))
    target = MemoryStore()
    report = transfer.copy(source, target, RULES)
    assert (keys(target), report.failed, report.exit_code, source.opened) == ([], 1, 4, 3)


def test_a_file_replaced_by_another_is_read_whole(tmp_path):
    def replace(path: Path, opened: int) -> None:
        path.with_name("new").write_bytes(b"other")
        path.with_name("new").replace(path)

    (tmp_path / "a.jpg").write_bytes(b"12345")
    target = MemoryStore()
    with Restless(tmp_path, replace).open("a.jpg") as source:
        target.put("a.jpg", source, PICTURE)
    assert get(target, "a.jpg") == b"12345"


def test_f4_a_file_removed_before_its_turn_is_gone(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"12345")

    class Vanishing(LocalStore):
        def open(self, key):
            Path(self.root, key).unlink()
            return super().open(key)

    report = transfer.copy(Vanishing("disk", tmp_path), MemoryStore(), RULES)
    assert [(outcome.key, outcome.verdict) for outcome in report.outcomes] == [("a.jpg", "gone")]
    assert report.exit_code == 0


# What ends a run


def test_s23_a_full_store_ends_the_run_at_once(disk):
    for n in range(500):
        put(disk, f"{n}.jpg", b"1")
    asked = []

    class Full(MemoryStore):
        def put(self, key, source, headers, *, replace=True):
            asked.append(key)
            raise StoreFull("No room.")

    with pytest.raises(StoreFull) as caught:
        transfer.copy(disk, Full(), RULES, concurrency=2)
    assert (len(asked) <= 2, caught.value.report.exit_code, caught.value.report.copied) == (True, 3, 0)
    assert "No room." in "\n".join(caught.value.report.lines())


def test_a_mistake_in_the_rule_ends_the_run_and_is_raised(disk):
    put(disk, "a.jpg", b"1")

    def mistaken(key, first_bytes):
        return Publish(PICTURE) if first_bytes is None else first_bytes.no_such_method()

    with pytest.raises(AttributeError, match="no_such_method"):
        transfer.copy(disk, MemoryStore(), transfer.Rules(mistaken))


def test_a_store_that_forgets_is_found_out(disk):
    put(disk, "a.jpg", b"1")
    put(disk, "b.jpg", b"1")

    class Forgetful(MemoryStore):
        def put(self, key, source, headers, *, replace=True):
            stored = super().put(key, source, headers, replace=replace)
            if key == "a.jpg":
                self.delete([key])
            return stored

    report = transfer.copy(disk, Forgetful(), RULES)
    assert (report.copied, report.verified, report.failed, report.exit_code) == (1, 1, 1, 1)
    assert "does not hold it" in report.outcomes[0].reason


# Progress


def test_json_progress_ends_with_the_report(disk):
    put(disk, "a.jpg", b"1")
    put(disk, "b.zip", b"1")
    stream = io.StringIO()
    transfer.copy(disk, MemoryStore(), RULES, progress=transfer.JsonProgress(stream))
    *outcomes, report = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [outcome["key"] for outcome in outcomes] == ["b.zip"]
    assert (report["copied"], report["held_back"], report["exit_code"], report["target"]) == (
        1,
        1,
        0,
        "memory://memory",
    )


def test_plain_progress_names_each_outcome_and_ends_with_the_last_line(disk):
    put(disk, "a.jpg", b"1")
    put(disk, "evil\x85.zip", b"1")
    stream = io.StringIO()
    report = transfer.copy(disk, MemoryStore(), RULES, progress=transfer.PlainProgress(stream, interval=0))
    lines = stream.getvalue().splitlines()
    assert "held back: 'evil\\x85.zip': Archives stay private." in lines
    assert lines[-1] == report.last_line()


def test_the_view_on_a_terminal_shows_what_is_left(disk):
    for n in range(300):
        put(disk, f"{n}.jpg", b"1" * 100)

    class Slow(MemoryStore):
        def put(self, key, source, headers, *, replace=True):
            import time

            time.sleep(0.01)
            return super().put(key, source, headers, replace=replace)

    stream = io.StringIO()
    report = transfer.copy(
        disk, Slow(), RULES, concurrency=4, progress=transfer.TerminalProgress(stream, interval=0.02)
    )
    shown = stream.getvalue()
    assert "of 300, sent" in shown
    assert "left" in shown
    assert "in flight" in shown
    assert shown.rstrip("\n").endswith(report.last_line())


# Any trees, any states

NAMES = st.text(alphabet="ab-. /é", min_size=1, max_size=8).filter(
    lambda key: all(part not in ("", ".", "..") for part in key.split("/"))
)
TREES = st.dictionaries(NAMES, st.binary(max_size=40), max_size=12)


def fill(store, tree: dict[str, bytes]) -> None:
    for key, data in tree.items():
        store.put(key, BytesSource(key, data), PICTURE)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source_tree=TREES, target_tree=TREES, shared=TREES, seed=st.integers())
def test_after_a_copy_everything_is_the_same_and_a_second_sends_nothing(source_tree, target_tree, shared, seed):
    source, target = MemoryStore("source"), MemoryStore("target")
    fill(source, source_tree | shared)
    # The target has some of it right, some damaged at equal size, and some of its own.
    damaged = {
        key: bytes(byte ^ 1 for byte in data) for key, data in shared.items() if random.Random(seed).random() < 0.5
    }
    fill(target, target_tree | shared | damaged)
    before = {key: get(source, key) for key in keys(source)}
    report = transfer.copy(source, target, RULES, concurrency=3)
    lines = list(transfer.verify(source, target, RULES, read_data=True))
    assert {line.key for line in lines if line.symbol == "="} == set(before)
    assert {line.symbol for line in lines} <= {"=", "-"}
    assert report.exit_code == 0
    assert report.verified == len(before)
    assert {key: get(source, key) for key in keys(source)} == before
    again = transfer.copy(source, target, RULES, concurrency=3)
    assert (again.sent, again.copied, again.already_there) == (0, 0, len(before))


def test_a_source_changed_error_is_not_swallowed():
    with pytest.raises(SourceChanged):
        BytesSource("a", b"123").check_unchanged()


def test_what_a_killed_run_left_is_cleared_away_when_it_is_old(tmp_path):
    source, target = MemoryStore(), LocalStore("disk", tmp_path)
    put(source, "covers/a.jpg", b"1")
    put(target, "covers/b.jpg", b"1")
    for name, age in (("old", 7200), ("new", 0)):
        path = tmp_path / "covers" / f".incoming-{name}"
        path.write_bytes(b"half")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    transfer.copy(source, target, RULES, dry_run=True)
    assert (tmp_path / "covers" / ".incoming-old").exists()
    transfer.copy(source, target, RULES)
    assert sorted(path.name for path in (tmp_path / "covers").iterdir()) == [".incoming-new", "a.jpg", "b.jpg"]


def test_an_object_that_came_meanwhile_is_kept_on_request(tmp_path):
    class Busy(MemoryStore):
        def put(self, key, source, headers, *, replace=True):
            super().put(key, BytesSource(key, b"newer"), headers)
            return super().put(key, source, headers, replace=replace)

    (tmp_path / "a.jpg").write_bytes(b"older")
    target = Busy()
    report = transfer.copy(LocalStore("disk", tmp_path), target, transfer.Rules(publish, on_difference="keep"))
    assert (report.conflicts, report.failed, get(target, "a.jpg")) == (1, 0, b"newer")


def test_verification_survives_passing_trouble_and_stays_in_order(disk):
    from external_storage.errors import TransientStoreError

    for n in range(200):
        put(disk, f"{n:03}.jpg", os.urandom(50))

    class Shaky(LocalStore):
        trouble = 3

        def open(self, key):
            if self.trouble:
                self.trouble -= 1
                raise TransientStoreError("A passing cloud.")
            return super().open(key)

    target = MemoryStore()
    transfer.copy(disk, target, RULES)
    lines = list(transfer.verify(Shaky("disk", disk.root), target, RULES))
    assert [line.key for line in lines] == [f"{n:03}.jpg" for n in range(200)]
    assert {line.symbol for line in lines} == {"="}
