"""Marks and their delivery: whatever the order of things, the other store ends up with what the holder has."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from external_storage import transfer
from external_storage.django import conf
from external_storage.django.moving import marks, state
from external_storage.django.moving.marks import delivering
from external_storage.django.moving.watching import watched
from external_storage.errors import AlreadyExists
from external_storage.stores import BytesSource
from tests.servers.processes import free_ports

from .conftest import UP_TO


class Paused:
    """Stop the first call of a method at its beginning, until told to go on."""

    def __init__(self, monkeypatch, owner: object, method: str) -> None:
        self._reached = threading.Event()
        self._may_go_on = threading.Event()
        self._turns = iter([self._wait])
        real = getattr(owner, method)

        def pausing(*args, **kwargs):
            next(self._turns, lambda: None)()
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, method, pausing)

    def _wait(self) -> None:
        self._reached.set()
        assert self._may_go_on.wait(10)

    def await_it(self) -> None:
        assert self._reached.wait(10)

    def go_on(self) -> None:
        self._may_go_on.set()


@pytest.fixture
def mirroring(site):
    """A site whose files are mirrored from the disk to another folder."""
    site.climb("begin_mirroring", target="other")
    return site


def test_two_replacements_during_one_drain_leave_the_last_one(mirroring, monkeypatch):
    mirroring.save("a.txt", "one")
    paused = Paused(monkeypatch, delivering, "_check_arrival")
    with ThreadPoolExecutor(1) as background:
        drained = background.submit(mirroring.drain)
        paused.await_it()
        mirroring.replace("a.txt", "two")
        mirroring.replace("a.txt", "three")
        assert mirroring.open_keys() == {("a.txt", "other")}
        paused.go_on()
        drained.result()
    assert mirroring.held("other") == {"a.txt": "three"}
    assert mirroring.open_keys() == set()


def test_a_drainer_that_was_overtaken_by_another_delivers_again(mirroring, monkeypatch):
    mirroring.save("a.txt", "one")
    paused = Paused(monkeypatch, conf.store_named("other"), "put")
    with ThreadPoolExecutor(1) as background:
        slow = background.submit(mirroring.drain)
        paused.await_it()
        mirroring.replace("a.txt", "two")
        mirroring.time_passes()  # so that its claim is over
        mirroring.drain()
        assert (mirroring.held("other"), mirroring.open_keys()) == ({"a.txt": "two"}, set())
        paused.go_on()
        assert slow.result().delivered == 2
    assert mirroring.held("other") == {"a.txt": "two"}


def test_who_is_told_to_stop_waits_for_no_store_and_its_mark_stays(mirroring, monkeypatch):
    mirroring.save("a.txt", "one")
    paused = Paused(monkeypatch, conf.store_named("other"), "put")
    before = set(threading.enumerate())
    background = threading.Thread(target=mirroring.drain, daemon=True)
    background.start()
    paused.await_it()
    at_work = set(threading.enumerate()) - before
    assert len(at_work) > 1
    assert all(thread.daemon for thread in at_work), "the end of the process would wait for these"
    assert mirroring.open_keys() == {("a.txt", "other")}
    paused.go_on()
    background.join()
    assert mirroring.open_keys() == set()


def test_ten_threads_that_write_while_two_drain_leave_two_equal_stores(mirroring):
    stop = threading.Event()

    def write(number: int) -> None:
        for turn in range(15):
            key = f"{(number + turn) % 5}.txt"
            mirroring.replace(key, f"{number}-{turn}")
            if (number + turn) % 4 == 0:
                mirroring.storage.delete(key)

    def drain() -> None:
        while not stop.is_set():
            mirroring.drain()

    with ThreadPoolExecutor(12) as together:
        drainers = [together.submit(drain) for _ in range(2)]
        for each in [together.submit(write, number) for number in range(10)]:
            each.result()
        stop.set()
        for each in drainers:
            each.result()
    mirroring.time_passes()
    mirroring.drain()
    assert mirroring.open_keys() == set()
    assert mirroring.held("other") == mirroring.held("disk") != {}


def test_a_mark_whose_writer_never_came_to_write_changes_nothing(mirroring):
    mirroring.save("old.txt", "old")
    mirroring.drain()
    for key in ("old.txt", "new.txt"):
        marks.begin("default", key)  # and then the process is killed
    mirroring.time_passes()
    mirroring.drain()
    assert mirroring.open_keys() == set()
    assert mirroring.held("other") == mirroring.held("disk") == {"old.txt": "old"}


def test_a_delete_that_never_came_to_delete_changes_nothing(mirroring):
    mirroring.save("a.txt", "one")
    mirroring.drain()
    marks.begin("default", "a.txt", deletes=True)
    mirroring.time_passes()
    mirroring.drain()
    assert mirroring.held("other") == mirroring.held("disk") == {"a.txt": "one"}
    assert mirroring.read("a.txt") == "one"


def test_nothing_is_delivered_while_its_writer_may_still_be_writing(mirroring):
    marks.begin("default", "a.txt")
    assert mirroring.drain() == marks.Drained()
    assert mirroring.open_keys() == {("a.txt", "other")}


def test_a_write_that_comes_after_its_mark_was_cleared_is_marked_again(mirroring):
    mirroring.save("a.txt", "one")
    mirroring.drain()
    touch = marks.begin("default", "a.txt")
    mirroring.time_passes()  # the process is frozen
    mirroring.drain()
    assert mirroring.open_keys() == set()
    (mirroring.folders / "disk" / "a.txt").write_text("two")
    marks.end(touch)
    mirroring.drain()
    assert mirroring.held("other") == {"a.txt": "two"}


def test_a_write_that_ends_while_the_version_before_is_delivered_is_delivered_too(mirroring, monkeypatch):
    mirroring.save("a.txt", "one")
    mirroring.drain()
    touch = marks.begin("default", "a.txt")
    mirroring.time_passes()  # so long that the drainer does not wait for it
    paused = Paused(monkeypatch, conf.store_named("other"), "put")
    with ThreadPoolExecutor(1) as background:
        drained = background.submit(mirroring.drain)
        paused.await_it()
        (mirroring.folders / "disk" / "new").write_text("two")
        (mirroring.folders / "disk" / "new").rename(mirroring.folders / "disk" / "a.txt")
        marks.end(touch)
        paused.go_on()
        drained.result()
    assert mirroring.held("other") == {"a.txt": "two"}


def test_what_the_holder_merely_lacks_is_not_deleted_anywhere(mirroring):
    mirroring.save("a.txt", "one")
    mirroring.drain()
    mirroring.drop("disk", "a.txt")
    marks.end(marks.begin("default", "a.txt"))
    mirroring.drain()
    assert mirroring.open_keys() == set()
    assert mirroring.read("a.txt") == "one"


def test_a_name_used_again_after_a_delete_is_there_again(mirroring):
    mirroring.save("a.txt", "one")
    mirroring.storage.delete("a.txt")
    mirroring.drain()
    mirroring.replace("a.txt", "two")
    mirroring.drain()
    assert mirroring.held("other") == mirroring.held("disk") == {"a.txt": "two"}
    (mark,) = marks.of_key("default", "a.txt")
    assert not mark.deleted


@pytest.mark.parametrize("first_step", ["handover", "unconfirmed"])
@pytest.mark.parametrize("last", ["ahead", "behind"])
def test_marks_of_two_epochs_on_one_key_leave_the_version_that_was_written_last(site, first_step, last):
    """Two processes, one a step behind the other, change one file."""
    steps = UP_TO[first_step]
    site.climb(*steps, target="other")
    site.replace("a.txt", "before")
    site.drain()
    behind = marks.begin("default", "a.txt")
    assert behind.holder == state.fresh_state_of("default").active
    site.time_passes()  # it is frozen, so long that its mark is cleared and a step is taken
    site.climb("exchange" if first_step == "handover" else "cancel")
    ahead = marks.begin("default", "a.txt")
    assert ahead.holder != behind.holder
    writers = {"ahead": ahead, "behind": behind}
    for name in sorted(writers, key=lambda name: name == last):
        site.put(writers[name].holder, "a.txt", name)
        marks.end(writers[name])
    assert site.read("a.txt") == last
    site.time_passes()
    site.drain()
    assert site.held("disk") == site.held("other") == {"a.txt": last}
    assert site.open_keys() == set()


def test_a_change_that_ends_after_the_alias_has_settled_is_read_at_once(site):
    site.climb("begin_mirroring", target="other")
    touch = marks.begin("default", "a.txt", creates=True)
    site.climb("begin_handover", "exchange", "confirm", "settle")
    site.put(touch.holder, "a.txt", "late")
    marks.end(touch)
    assert state.fresh_state_of("default").active == "other"
    assert site.read("a.txt") == "late"


# The copier


@pytest.fixture
def rules():
    return transfer.Rules(publish=conf.configured_alias("default").rule)


def test_f11_a_file_deleted_during_its_copy_does_not_come_back(mirroring, rules, monkeypatch):
    mirroring.put("disk", "a.txt", "one")
    paused = Paused(monkeypatch, conf.store_named("other"), "put")
    with ThreadPoolExecutor(1) as background:
        copied = background.submit(transfer.copy, conf.store_named("disk"), watched("default", "other"), rules)
        paused.await_it()
        mirroring.storage.delete("a.txt")
        mirroring.drain()
        assert mirroring.open_keys() == set()
        paused.go_on()
        copied.result()
    assert mirroring.held("other") == {"a.txt": "one"}, "the race this is about did not happen"
    assert not mirroring.storage.exists("a.txt")
    mirroring.drain()
    assert mirroring.held("other") == {}


def test_f9_a_file_replaced_during_its_copy_ends_as_the_last_version(mirroring, rules, monkeypatch):
    mirroring.put("disk", "a.txt", "one")
    paused = Paused(monkeypatch, conf.store_named("other"), "put")
    with ThreadPoolExecutor(1) as background:
        copied = background.submit(transfer.copy, conf.store_named("disk"), watched("default", "other"), rules)
        paused.await_it()
        mirroring.replace("a.txt", "two")
        mirroring.drain()
        assert (mirroring.held("other"), mirroring.open_keys()) == ({"a.txt": "two"}, set())
        paused.go_on()
        copied.result()
    assert mirroring.held("other") == {"a.txt": "one"}, "the race this is about did not happen"
    mirroring.drain()
    assert mirroring.held("other") == {"a.txt": "two"}


def test_what_nobody_touched_is_copied_without_a_mark(mirroring, rules):
    for number in range(20):
        mirroring.put("disk", f"{number}.txt", "x")
    assert transfer.copy(conf.store_named("disk"), watched("default", "other"), rules).copied == 20
    assert mirroring.open_keys() == set()
    assert len(mirroring.held("other")) == 20


def test_a_copy_that_lost_a_race_for_a_key_says_so(mirroring, rules):
    mirroring.put("disk", "a.txt", "one")
    mirroring.put("other", "a.txt", "two")
    headers = rules.publish("a.txt", b"").headers
    with pytest.raises(AlreadyExists):
        watched("default", "other").put("a.txt", BytesSource("a.txt", b"one"), headers, replace=False)


# Trouble


def test_what_cannot_be_delivered_is_tried_again_later_and_later(site_with_bucket):
    site = site_with_bucket
    site.climb("begin_mirroring")
    good = site.values["bucket"]["ENDPOINT_URL"]
    (port,) = free_ports(1)
    site.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    site.save("0.txt", "x")
    for attempt in range(1, 4):
        site.time_passes()
        drained = site.drain()
        assert (drained.delivered, drained.failed) == (0, 1)
        assert marks.open_marks("default")[0].attempts == attempt
    assert site.drain() == marks.Drained(), "none is due yet"
    for number in range(1, 5):
        site.save(f"{number}.txt", "x")
    site.configure(bucket={"ENDPOINT_URL": good})
    assert site.drain().delivered == 4
    site.time_passes()
    assert site.drain().delivered == 1
    assert len(site.held("bucket")) == 5


def test_a_dead_store_does_not_keep_another_from_its_changes(site_with_bucket):
    site = site_with_bucket
    site.climb(*UP_TO["left"])
    site.climb("begin_mirroring", target="other")
    site.replace("a.txt", "one")
    (site.folders / "disk").rename(site.folders / "unmounted")
    site.drain()
    assert site.held("other") == {"a.txt": "one"}
    assert site.open_keys() <= {("a.txt", "disk")}
