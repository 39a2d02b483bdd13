"""A whole journey of an alias, from store to store and back, by the commands that people type."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from typing import Any

import pytest
from django.core.management import call_command

from external_storage.django import conf
from external_storage.django.moving import database, journey, ladder, locks, requests
from external_storage.django.moving.journey import Stage, stage_of
from external_storage.django.moving.state import State, Step, fresh_state_of
from external_storage.errors import Interrupted, LockHeld
from external_storage.objects import Headers
from external_storage.stores import BytesSource

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[int, list[str]]:
    """Run a command; return its exit code and the lines it wrote."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def told(*arguments: str) -> dict[str, Any]:
    """Run a command with ``--json``; return what its last line says."""
    code, lines = run(*arguments, "--json")
    last = json.loads(lines[-1])
    assert last["exit_code"] == code, lines
    return last


def blocked_by(*arguments: str) -> set[str]:
    said = told(*arguments)
    assert said["exit_code"] == 5, said
    return {each["name"] for each in said["blockers"]}


@pytest.fixture
def site(site_with_bucket, monkeypatch):
    """A site in one process, which has heard of a step as soon as it was taken."""
    monkeypatch.setattr(ladder, "seconds_to_wait", lambda state: 0.0)
    return site_with_bucket


def bucket_on(server) -> dict[str, Any]:
    bucket = server.make_bucket()
    return {
        "KIND": "s3",
        "BUCKET": bucket.name,
        "PREFIX": "images/",
        "REGION": server.region,
        "ENDPOINT_URL": server.endpoint_url,
        "CUSTOM_DOMAIN": bucket.public_url,
        "ACCESS_KEY_ID": server.access_key_id,
        "SECRET_ACCESS_KEY": server.secret_access_key,
        "USE_HTTPS": False,
    }


def where(alias: str = "default") -> tuple[str, str, str]:
    state = fresh_state_of(alias)
    return str(state.step), state.active, state.standby


# The whole way


def test_the_files_go_to_the_bucket_and_come_home(site):
    names = [site.save(f"covers/{number}.txt", f"cover {number}") for number in range(20)]
    site.put("disk", "secret.txt", "never public")
    said = told("storage_move", "default", "bucket")
    assert (said["step"], said["active"], said["standby"], said["exit_code"]) == ("switched", "bucket", "disk", 0)
    assert set(site.held("bucket")) == set(names)
    late = site.save("covers/late.txt", "late")
    site.storage.delete(names[0])
    site.replace(names[1], "another")
    code, lines = run("storage_move", "default", "disk", "--settle")
    assert code == 0, lines
    state = fresh_state_of("default")
    assert (state.step, state.active, state.retired) == ("settled", "disk", ("bucket",))
    assert set(site.held("disk")) == {*names[1:], late, "secret.txt"}
    assert (site.read(late), site.read(names[1])) == ("late", "another")


def test_from_seaweedfs_to_ceph_and_home_to_the_disk(site, ceph):
    site.configure(ceph=bucket_on(ceph))
    names = [site.save(f"covers/{number}.txt", f"cover {number}") for number in range(10)]
    for target in ("bucket", "ceph", "disk"):
        said = told("storage_move", "default", target, "--settle")
        assert (said["step"], said["active"]) == ("settled", target), said
        assert set(site.held(target)) == set(names)
        site.storage.delete(names.pop(0))
        names.append(site.save("covers/more.txt", target))
    assert {site.read(name) for name in names} >= {"bucket", "ceph", "disk", "cover 9"}
    assert set(site.held("disk")) == set(names)


def test_every_stage_shows_how_far_it_is(site):
    site.save("a.txt", "a")
    _, lines = run("storage_move", "default", "bucket")
    chapters = list(dict.fromkeys(line.split()[0] for line in lines if not line.startswith(" ")))
    assert chapters == ["check", "mirror", "copy", "verify", "switch", "watch", "done"]
    assert "copied 1" in lines[-2]
    assert "storage_settle default" in lines[-1]


def test_a_dry_run_changes_nothing_and_counts_what_it_would_copy(site):
    site.save("a.txt", "a")
    said = told("storage_move", "default", "bucket", "--dry-run")
    assert (said["would_copy"], said["copied"], said["step"]) == (1, 0, "settled")
    assert site.held("bucket") == {}
    assert fresh_state_of("default").epoch == 0


def test_a_move_to_where_the_files_are_does_nothing(site):
    site.save("a.txt", "a")
    assert told("storage_move", "default", "disk")["step"] == "settled"


def test_a_store_of_no_alias_is_refused(site):
    code, lines = run("storage_move", "default", "nowhere")
    assert code == 2
    assert "none of the stores" in lines[-1]


def test_a_third_store_waits_until_the_move_is_settled(site):
    site.save("a.txt", "a")
    told("storage_move", "default", "bucket")
    code, lines = run("storage_move", "default", "other")
    assert code == 2
    assert "storage_settle default" in lines[-1]
    assert told("storage_settle", "default")["retired"] == ["disk"]
    assert told("storage_move", "default", "other")["active"] == "other"


@pytest.mark.parametrize(
    ("step", "active", "standby", "target", "stage"),
    [
        (Step.SETTLED, "a", "", "b", Stage.APART),
        (Step.MIRRORING, "a", "b", "b", Stage.BEHIND),
        (Step.HANDOVER, "a", "b", "b", Stage.HANDED),
        (Step.UNCONFIRMED, "b", "a", "b", Stage.TAKEN),
        (Step.SWITCHED, "b", "a", "b", Stage.THERE),
        (Step.SETTLED, "b", "", "b", Stage.HERE),
        (Step.SWITCHED, "b", "a", "a", Stage.BEHIND),
        (Step.UNCONFIRMED, "b", "a", "a", Stage.HANDED),
        (Step.HANDOVER, "a", "b", "a", Stage.TAKEN),
        (Step.MIRRORING, "a", "b", "a", Stage.THERE),
    ],
)
def test_the_row_alone_tells_how_far_it_is_there_and_back(step, active, standby, target, stage):
    assert stage_of(State("default", 3, step, active, standby), target) is stage


# Stopped on the way


class Killed(BaseException):
    """Ends a journey without a word, as far as one process can."""


class EndsAt:
    """A view that ends the journey as its *nth* chapter begins."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def begins(self, chapter: str, text: str) -> None:
        self.left -= 1
        if not self.left:
            raise Killed

    def goes_on(self, chapter: str, text: str, share: float | None = None) -> None:
        pass

    says = goes_on


@pytest.mark.parametrize("home", [False, True], ids=["there", "home"])
def test_a_second_run_completes_wherever_the_first_one_ended(site, home):
    target, names = "bucket", {site.save(f"{number}.txt", str(number)) for number in range(5)}
    if home:
        told("storage_move", "default", "bucket", "--settle")
        names.add(site.save("new.txt", "new"))
        target = "disk"
    ended = 0
    for nth in range(1, 30):
        try:
            journey.move("default", target, view=EndsAt(nth))
            break
        except Killed:
            ended += 1
            names.add(site.save(f"after {nth}.txt", str(nth)))
            site.storage.delete(gone := sorted(names)[0])
            names.remove(gone)
    assert ended >= 3
    assert where()[:2] == ("switched", target)
    site.drain()
    assert set(site.held("disk")) == set(site.held("bucket")) == names


def test_what_a_killed_copier_sent_too_late_is_put_right(site):
    name, gone = site.save("a.txt", "old"), site.save("b.txt", "gone")
    told("storage_mirror", "default", "bucket")
    site.replace(name, "new")
    site.storage.delete(gone)
    site.time_passes()
    site.drain()
    site.put("bucket", name, "old")
    site.put("bucket", gone, "gone")
    assert told("storage_move", "default", "bucket")["active"] == "bucket"
    assert site.held("bucket") == {name: "new"}


def test_what_is_lost_in_the_last_moment_is_copied_again(site):
    name = site.save("a.txt", "a")

    class Loses(EndsAt):
        def begins(self, chapter: str, text: str) -> None:
            if text.startswith("The last look") and self.left:
                self.left = 0
                site.drop("bucket", name)

    arrival = journey.move("default", "bucket", view=Loses(1))
    assert arrival.state.active == "bucket"
    assert site.held("bucket") == {name: "a"}


def test_the_way_home_needs_no_standby_that_is_dead(site):
    site.save("a.txt", "a")
    told("storage_mirror", "default", "bucket")
    site.configure(bucket={"ENDPOINT_URL": "http://127.0.0.1:9"})
    site.save("b.txt", "b")
    assert told("storage_settle", "default", "--force", "missing")["exit_code"] == 3
    assert where() == ("mirroring", "disk", "bucket")
    said = told("storage_move", "default", "disk")
    assert (said["exit_code"], said["active"]) == (0, "disk")


def test_a_store_that_died_is_left_behind_by_its_name_and_then_forgotten(site):
    name = site.save("a.txt", "a")
    told("storage_move", "default", "bucket", "--settle")
    told("storage_move", "default", "disk")
    site.configure(bucket={"ENDPOINT_URL": "http://127.0.0.1:9"})
    site.replace(name, "b")
    said = told("storage_settle", "default")
    assert ([each["name"] for each in said["blockers"]], said["exit_code"]) == (["not-compared"], 3)
    assert told("storage_settle", "default", "--force", "not-compared")["retired"] == ["bucket"]
    assert site.open_keys() == {(name, "bucket")}
    site.time_passes()
    assert told("storage_purge", "default", "bucket", "--forget")["exit_code"] == 2
    assert told("storage_purge", "default", "bucket", "--forget", "--yes")["is_forgotten"]
    assert (fresh_state_of("default").retired, site.open_keys(), site.read(name)) == ((), set(), "b")


# What is in the way


def test_a_bucket_that_strangers_cannot_read_is_refused_before_anything_changes(site, seaweedfs):
    site.save("a.txt", "a")
    site.configure(bucket={"CUSTOM_DOMAIN": f"127.0.0.1:{seaweedfs.endpoint_url.rpartition(':')[2]}/nothing-here"})
    assert "access.public" in blocked_by("storage_move", "default", "bucket")
    assert where() == ("settled", "disk", "")
    assert "access.public" in requests.request_for("default").problem


def test_a_file_that_only_the_target_has_is_in_the_way_until_it_is_overruled(site):
    site.save("a.txt", "a")
    site.put("bucket", "deleted long ago.txt", "x")
    assert blocked_by("storage_move", "default", "bucket") == {"target-only"}
    assert where() == ("mirroring", "disk", "bucket")
    said = told("storage_move", "default", "bucket", "--force", "target-only")
    assert (said["active"], set(said["forced"])) == ("bucket", {"target-only"})


def test_what_only_the_target_has_is_shown_and_removed_by_one_command(site, monkeypatch):
    for name in ("used.txt", "deleted long ago.txt"):
        site.put("bucket", name, "x")
    monkeypatch.setattr("external_storage.django.references.referenced_keys", lambda alias: ["used.txt"])
    blocked_by("storage_move", "default", "bucket")
    touched = site.save("lost since.txt", "x")
    site.drain()
    site.drop("disk", touched)
    prune = ("storage_prune", "default", "bucket")
    said = told(*prune, "--dry-run")
    assert (said["named"], said["deleted"]) == (["deleted long ago.txt"], 0)
    assert "only there: 'deleted long ago.txt'" in "\n".join(run(*prune, "--dry-run")[1])
    assert [told(*prune)["exit_code"], told(*prune, "--yes", "--max-delete", "0")["exit_code"]] == [2, 2]
    assert told(*prune, "--yes")["deleted"] == 1
    assert set(site.held("bucket")) == {"used.txt", touched}
    site.put("disk", touched, "x")
    assert told("storage_move", "default", "bucket")["active"] == "bucket"
    assert told("storage_prune", "default", "bucket", "--yes")["exit_code"] == 2


def test_switch_names_all_that_is_in_the_way_and_copies_nothing(site):
    names = [site.save(f"{number}.txt", str(number)) for number in range(3)]
    told("storage_mirror", "default", "bucket")
    site.put("bucket", names[0], "other")
    site.put("bucket", "stray.txt", "x")
    assert blocked_by("storage_switch", "default", "bucket") == {"missing", "different", "target-only"}
    _, lines = run("storage_switch", "default", "bucket")
    assert any("missing: Files that are not in 'bucket' (2)" in line and names[1] in line for line in lines)
    assert where() == ("mirroring", "disk", "bucket")
    site.drop("bucket", "stray.txt")
    assert run("storage_copy", "disk", "bucket")[0] == 0
    assert told("storage_switch", "default", "bucket")["active"] == "bucket"


def test_switch_wants_a_mirror_first(site):
    code, lines = run("storage_switch", "default", "bucket")
    assert code == 2
    assert "storage_mirror default bucket" in lines[-1]


def test_what_is_served_with_wrong_headers_is_mended_before_links_point_there(site):
    name = site.save("a.txt", "a")
    conf.store_named("bucket").put(name, BytesSource(name, b"a"), Headers("image/png", "no-store", public=True))
    said = told("storage_move", "default", "bucket")
    assert said["mended"] == [name]
    assert conf.store_named("bucket").describe(name).headers.content_type == "text/plain"


def test_changes_that_cannot_be_carried_over_are_in_the_way_with_their_reason(site, monkeypatch):
    monkeypatch.setattr(journey, "SHORT_PATIENCE", 0.5)
    name = site.save("a.txt", "a")
    told("storage_mirror", "default", "bucket")
    site.replace(name, "b")
    database.run("UPDATE external_storage_mark SET epoch = 0, next_try_at = 1e12, last_error = 'no room'")
    said = told("storage_switch", "default", "bucket")
    assert ([each["name"] for each in said["blockers"]], said["exit_code"]) == (["open-marks"], 1)
    assert "no room" in said["blockers"][0]["what"]
    _, lines = run("storage_status")
    assert any(f"{name!r} -> bucket" in line and "no room" in line for line in lines)


def test_what_the_store_in_use_never_got_is_given_up_only_by_its_name(site, monkeypatch):
    monkeypatch.setattr(journey, "SHORT_PATIENCE", 0.5)
    name = site.save("a.txt", "a")
    told("storage_move", "default", "bucket")
    site.replace(name, "b")
    database.run("UPDATE external_storage_mark SET holder = 'disk', target = 'bucket', next_try_at = 1e12")
    assert {each["name"] for each in told("storage_settle", "default")["blockers"]} == {"open-marks"}
    assert told("storage_settle", "default", "--force", "open-marks")["step"] == "settled"
    assert (site.read(name), site.open_keys()) == ("b", set())
    site.replace(name, "c")
    assert site.held("bucket") == {name: "c"}


def test_f21_a_lack_of_room_on_the_disk_is_seen_before(site, monkeypatch):
    site.save("a.txt", "a" * 100)
    told("storage_move", "default", "bucket", "--settle")
    (site.folders / "small").mkdir()
    site.configure(small={"KIND": "local", "ROOT": site.folders / "small", "PUBLIC_URL": "/small/"})
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 99}))
    said = told("storage_move", "default", "small")
    assert ([each["name"] for each in said["blockers"]], said["exit_code"]) == (["room"], 3)


def test_f24_a_folder_that_cannot_be_written_to_is_no_target(site, monkeypatch):
    site.save("a.txt", "a")
    told("storage_move", "default", "bucket", "--settle")
    (site.folders / "closed").mkdir()
    site.configure(closed={"KIND": "local", "ROOT": site.folders / "closed", "PUBLIC_URL": "/closed/"})
    # Modes keep no superuser out, who runs the tests in CI.
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("closed"))
    code, lines = run("storage_move", "default", "closed")
    assert (code, fresh_state_of("default").step) == (2, "settled")
    assert "cannot be written to" in "\n".join(lines)


def test_a_file_deleted_during_a_copy_by_hand_does_not_come_back(site, monkeypatch):
    name = site.save("a.txt", "a")
    told("storage_mirror", "default", "bucket")
    put = conf.store_named("bucket").__class__.put

    def deleted_meanwhile(store, key, source, headers, **how):
        site.storage.delete(key)
        site.time_passes()
        site.drain()
        return put(store, key, source, headers, **how)

    monkeypatch.setattr(conf.store_named("bucket").__class__, "put", deleted_meanwhile)
    monkeypatch.setattr(conf.store_named("bucket").__class__, "is_ready", False)
    assert run("storage_copy", "disk", "bucket")[0] in (0, 1)
    monkeypatch.undo()
    assert name in site.held("bucket")
    site.time_passes()
    site.drain()
    assert site.held("bucket") == {}


def test_a_file_that_a_row_would_lose_is_in_the_way_of_settling(site):
    site.save("a.txt", "a")
    told("storage_move", "default", "bucket")
    site.put("disk", "b.txt", "only here")
    assert blocked_by("storage_settle", "default") == {"missing"}
    assert where() == ("switched", "bucket", "disk")
    assert told("storage_settle", "default", "--force", "missing")["step"] == "settled"


@pytest.mark.parametrize(("signum", "is_open"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_only_ctrl_c_takes_back_that_a_move_was_asked_for(site, signum, is_open):
    site.save("a.txt", "a")

    class Signalled(EndsAt):
        def begins(self, chapter: str, text: str) -> None:
            if chapter == "copy":
                raise Interrupted(signum)

    with pytest.raises(Interrupted):
        journey.move("default", "bucket", view=Signalled(0))
    assert requests.request_for("default").is_open is is_open
    assert bool(requests.open_requests()) is is_open


def test_files_that_are_elsewhere_than_the_settings_say_are_found_before_anything_moves(site, monkeypatch):
    monkeypatch.setattr("external_storage.django.moving.beginning.referenced_keys", lambda alias: ["a.txt", "b.txt"])
    site.put("bucket", "a.txt", "a")
    site.put("bucket", "b.txt", "b")
    assert told("storage_move", "default", "other")["active"] == "other"
    assert set(site.held("other")) == {"a.txt", "b.txt"}
    assert site.held("disk") == {}


# One at a time


def test_a_second_move_says_who_is_at_it_and_since_when(site):
    site.save("a.txt", "a")
    with locks.only_one("default"):
        said = told("storage_move", "default", "bucket")
        _, lines = run("storage_status")
    assert said["exit_code"] == LockHeld.exit_code
    assert f"process {os.getpid()} on" in said["error"]
    assert ", since 20" in said["error"]
    assert any("at work: process" in line for line in lines)
    assert locks.holder_of("default") is None


@pytest.mark.parametrize(
    ("worker", "seen", "is_held"),
    [
        ("elsewhere 1 5 0123456789abcdef aa", 0, True),
        ("elsewhere 1 5 0123456789abcdef aa", -120, False),
        ("here 4194304 5 {machine} aa", 0, False),
        ("here 1 5 {machine} aa", 0, False),
    ],
    ids=["alive elsewhere", "silent elsewhere", "gone here", "another process has its number"],
)
def test_a_lock_is_taken_over_only_from_a_process_that_is_gone(site, worker, seen, is_held):
    with locks.only_one("default"):
        pass
    database.run(
        "UPDATE external_storage_move SET worker = %s, worker_seen = %s",
        *(worker.format(machine=locks._machine()), locks.time.time() + seen),
    )
    if is_held:
        with pytest.raises(LockHeld, match="process 1 on elsewhere"), locks.only_one("default"):
            pass
    else:
        with locks.only_one("default") as lock:
            lock.check()


def test_whoever_lost_the_lock_takes_no_step_more(site):
    with locks.only_one("default") as lock:
        database.run("UPDATE external_storage_move SET worker = 'elsewhere 1 5 0123456789abcdef aa'")
        with pytest.raises(LockHeld, match="elsewhere"):
            lock.check()


def test_only_one_of_many_gets_the_lock(site):
    got, refused, all_tried = [], [], threading.Barrier(8)

    def try_it() -> None:
        try:
            with locks.only_one("default"):
                got.append(1)
                all_tried.wait(20)
        except LockHeld:
            refused.append(1)
            all_tried.wait(20)

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)


# Afterwards


def test_purge_deletes_what_the_store_in_use_has_and_nothing_else(site):
    same, other = site.save("same.txt", "same"), site.save("other.txt", "other")
    told("storage_move", "default", "bucket", "--settle")
    site.put("disk", other, "changed here")
    site.put("disk", "alone.txt", "nowhere else")
    site.put("disk", "secret.txt", "held back")
    dry = told("storage_purge", "default", "disk", "--dry-run")
    assert (dry["may_go"], dry["stay"], dry["deleted"]) == (1, 2, 0)
    assert told("storage_purge", "default", "disk", "--yes", "--max-delete", "0")["exit_code"] == 2
    assert told("storage_purge", "default", "disk")["exit_code"] == 2
    assert same in site.held("disk")
    said = told("storage_purge", "default", "disk", "--yes")
    assert (said["deleted"], said["stay"], said["exit_code"]) == (1, 2, 5)
    assert set(site.held("disk")) == {other, "alone.txt", "secret.txt"}
    assert set(site.held("bucket")) == {same, other}
    assert fresh_state_of("default").retired == ("disk",)


def test_a_store_that_is_empty_is_forgotten(site):
    site.save("a.txt", "a")
    told("storage_move", "default", "bucket", "--settle")
    said = told("storage_purge", "default", "disk", "--yes")
    assert (said["is_empty"], said["exit_code"]) == (True, 0)
    assert fresh_state_of("default").retired == ()
    assert site.read("a.txt") == "a"


@pytest.mark.parametrize("store", ["bucket", "other"])
def test_only_a_store_that_was_left_is_purged(site, store):
    site.save("a.txt", "a")
    told("storage_move", "default", "bucket", "--settle")
    assert told("storage_purge", "default", store, "--yes")["exit_code"] == 2
    assert "a.txt" in site.held("bucket")


def test_status_tells_the_step_and_what_to_do_next(site):
    site.save("a.txt", "a")
    assert told_of("default")["step"] == "settled"
    told("storage_move", "default", "bucket")
    said = told_of("default")
    assert (said["step"], said["active"], said["standby"]) == ("switched", "bucket", "disk")
    assert "storage_settle default" in said["next"]
    told("storage_settle", "default")
    assert "storage_purge default disk" in told_of("default")["next"]


def told_of(alias: str) -> dict[str, Any]:
    _, lines = run("storage_status", "--json")
    return next(each for each in map(json.loads, lines) if each.get("alias") == alias)
