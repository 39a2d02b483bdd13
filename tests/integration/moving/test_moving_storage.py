"""What the site's own code sees of a move: nothing is lost, nothing comes back, and links lead somewhere."""

from __future__ import annotations

import threading

import pytest
from django.core.files.base import ContentFile
from django.db import transaction

from external_storage.django import conf
from external_storage.django.moving import database, marks
from external_storage.django.moving.state import forget, fresh_state_of
from external_storage.errors import ContainerMissing, StorageError, StoreUnreachable
from tests.servers.processes import free_ports

from .conftest import SITE, UP_TO


@pytest.fixture
def moved(site_with_bucket):
    return site_with_bucket


@pytest.mark.parametrize("step", UP_TO)
def test_the_whole_contract_holds_on_every_step(moved, step):
    kept = moved.save("kept.txt", "kept")
    moved.put("bucket", "kept.txt", "kept")
    moved.climb(*UP_TO[step])

    name = moved.save("a.txt", "one")
    assert moved.read(name) == "one"
    moved.replace(name, "two")
    assert moved.read(name) == "two"
    assert (moved.storage.exists(name), moved.storage.size(name)) == (True, 3)
    assert moved.storage.listdir("") == ([], ["a.txt", "kept.txt"])
    with moved.storage.open(name, "ab") as file:
        file.write(b"!")
    assert moved.read(name) == "two!"
    moved.storage.delete(name)
    assert not moved.storage.exists(name)
    for ask in (moved.storage.open, moved.storage.size, moved.storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            ask(name)
    assert moved.read(kept) == "kept"
    again = moved.save("kept.txt", "another")
    assert again != kept and moved.read(kept) == "kept"


@pytest.mark.parametrize("step", UP_TO)
def test_every_store_in_use_ends_up_with_the_same(moved, step):
    for name in ("replaced.txt", "deleted.txt"):
        moved.save(name, "old")
        moved.put("bucket", name, "old")
    state = moved.climb(*UP_TO[step])
    moved.save("new.txt", "new")
    moved.replace("replaced.txt", "changed")
    moved.storage.delete("deleted.txt")

    moved.drain()
    wanted = {"new.txt": "new", "replaced.txt": "changed"}
    assert {store: moved.held(store) for store in state.in_use} == dict.fromkeys(state.in_use, wanted)
    assert moved.open_keys() == set()


def test_a_store_that_was_left_behind_hears_of_deletes_and_overwrites_alone(moved):
    for name in ("replaced.txt", "deleted.txt"):
        moved.save(name, "old")
        moved.put("bucket", name, "old")
    state = moved.climb(*UP_TO["left"])
    assert (state.active, state.standby, state.retired) == ("bucket", "", ("disk",))
    moved.save("new.txt", "new")
    moved.replace("replaced.txt", "changed")
    moved.storage.delete("deleted.txt")
    moved.drain()
    assert moved.held("disk") == {"replaced.txt": "changed"}
    assert moved.held("bucket") == {"replaced.txt": "changed", "new.txt": "new"}


@pytest.mark.parametrize(
    ("step", "begins"),
    [
        ("settled", f"{SITE}/disk/"),
        ("mirroring", f"{SITE}/disk/"),
        ("handover", f"{SITE}/disk/"),
        ("unconfirmed", f"{SITE}/disk/"),
        ("switched", "the bucket"),
        ("left", "the bucket"),
    ],
)
def test_a_link_points_at_a_store_only_when_every_file_is_there(moved, step, begins):
    moved.climb(*UP_TO[step])
    public_url = conf.store_settings("bucket").public_url if begins == "the bucket" else begins
    assert moved.storage.url("a b.txt") == f"{public_url}a%20b.txt"
    assert conf.public_url_in_use("default") == public_url


def test_from_bucket_to_bucket_links_point_at_the_site_in_between(moved):
    moved.climb(*UP_TO["left"])
    moved.configure(second={**moved.values["bucket"], "PREFIX": "second/"})
    moved.climb("begin_mirroring", "begin_handover", target="second")
    assert moved.storage.url("a.txt") == f"{SITE}/disk/a.txt"
    state = moved.climb("exchange", "confirm", "settle")
    assert (state.active, state.retired) == ("second", ("disk", "bucket"))


@pytest.mark.parametrize(
    ("step", "hosts"), [("settled", 1), ("mirroring", 2), ("unconfirmed", 2), ("switched", 2), ("left", 1)]
)
def test_the_policy_for_browsers_lists_both_hosts_while_both_are_in_use(moved, step, hosts):
    moved.climb(*UP_TO[step])
    assert len(conf.public_hosts()) == hosts


def test_the_path_of_a_file_is_told_only_while_all_files_stay_on_the_disk(moved):
    name = moved.save("a.txt", "one")
    assert moved.storage.path(name) == str(moved.folders / "disk" / "a.txt")
    moved.climb("begin_mirroring")
    with pytest.raises(NotImplementedError, match="on the way to 'bucket'"):
        moved.storage.path(name)
    moved.climb("begin_handover", "exchange", "confirm", "settle")
    with pytest.raises(NotImplementedError, match="in the store 'bucket'"):
        moved.storage.path(name)


# Reading


@pytest.mark.parametrize("step", ["mirroring", "handover", "unconfirmed", "switched"])
def test_what_the_store_in_use_lost_is_read_from_the_other_one(moved, step):
    moved.save("a.txt", "one")
    moved.put("bucket", "a.txt", "one")
    state = moved.climb(*UP_TO[step])
    moved.drop(state.active, "a.txt")
    assert moved.read("a.txt") == "one"
    assert moved.storage.exists("a.txt")
    assert moved.storage.size("a.txt") == 3


@pytest.mark.parametrize("step", ["unconfirmed", "switched"])
def test_a_fallback_read_that_meets_an_error_is_an_error_and_not_a_missing_file(moved, step):
    moved.save("a.txt", "one")
    state = moved.climb(*UP_TO[step])
    assert state.active == "bucket"
    (port,) = free_ports(1)
    good = moved.values["bucket"]["ENDPOINT_URL"]
    moved.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    for ask in (moved.storage.open, moved.storage.exists, moved.storage.size):
        with pytest.raises(StoreUnreachable):
            ask("a.txt")
    moved.configure(bucket={"ENDPOINT_URL": good})
    assert moved.read("a.txt") == "one"


def test_a_second_store_that_is_away_is_an_error_and_not_a_missing_file(moved):
    moved.climb("begin_mirroring")
    (port,) = free_ports(1)
    moved.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    with pytest.raises(StoreUnreachable):
        moved.storage.exists("never-was.txt")


def test_a_disk_that_is_not_mounted_is_an_error_and_not_a_missing_file(moved):
    moved.save("a.txt", "one")
    moved.put("bucket", "a.txt", "older")
    moved.climb("begin_mirroring")
    (moved.folders / "disk").rename(moved.folders / "elsewhere")
    with pytest.raises(ContainerMissing):
        moved.read("a.txt")


def test_a_file_that_was_deleted_is_not_found_in_the_other_store(moved):
    moved.save("a.txt", "one")
    moved.put("bucket", "a.txt", "one")
    moved.climb("begin_mirroring")
    moved.storage.delete("a.txt")
    assert not moved.storage.exists("a.txt")
    moved.drain()
    moved.put("bucket", "a.txt", "one")  # as a copier does that began before the delete
    assert not moved.storage.exists("a.txt")


def test_a_change_not_yet_carried_over_is_read_from_where_it_was_made(moved):
    moved.save("replaced.txt", "old")
    moved.put("bucket", "replaced.txt", "old")
    moved.climb("begin_mirroring", "begin_handover")
    moved.replace("replaced.txt", "changed")
    moved.save("new.txt", "new")
    moved.time_passes()
    # The marks are of the step before, so this is only what `--force` would do.
    marks_before = moved.open_keys()
    assert marks_before == {("replaced.txt", "bucket"), ("new.txt", "bucket")}
    _exchange_at_once(moved)
    assert (moved.read("replaced.txt"), moved.read("new.txt")) == ("changed", "new")
    assert set(moved.storage.listdir("")[1]) == {"replaced.txt", "new.txt"}
    moved.replace("replaced.txt", "changed again")
    assert moved.held("disk")["replaced.txt"] == "changed again", "a change follows the version it changes"
    moved.drain()
    assert moved.held("bucket") == moved.held("disk") == {"replaced.txt": "changed again", "new.txt": "new"}
    moved.replace("replaced.txt", "at last")
    assert moved.held("bucket")["replaced.txt"] == "at last"


def test_a_listing_has_what_has_not_arrived_and_not_what_was_deleted(site):
    for name in ("kept.txt", "deleted.txt", "again.txt"):
        site.save(name, "x")
    site.climb("begin_mirroring", "begin_handover", target="other")
    for name in ("kept.txt", "deleted.txt", "again.txt"):
        site.put("other", name, "x")
    site.save("new/a.txt", "x")
    site.storage.delete("deleted.txt")
    site.storage.delete("again.txt")
    site.replace("again.txt", "y")
    site.time_passes()
    database.run("UPDATE external_storage_aliasstate SET step = 'unconfirmed', active = 'other', standby = 'disk'")
    forget()
    assert site.storage.listdir("") == (["new"], ["again.txt", "kept.txt"])
    assert site.storage.listdir("new") == ([], ["a.txt"])
    with pytest.raises(FileNotFoundError):
        site.storage.listdir("never-was")


def _exchange_at_once(moved) -> None:
    database.run("UPDATE external_storage_aliasstate SET step = 'unconfirmed', active = 'bucket', standby = 'disk'")
    database.run("UPDATE external_storage_aliasstate SET epoch = epoch + 1")
    forget()


# Writing


def test_a_mark_outlives_the_transaction_that_was_rolled_back(moved):
    moved.save("a.txt", "one")
    moved.put("bucket", "a.txt", "one")
    moved.climb("begin_mirroring")

    class ChangeOfMind(Exception):
        pass

    with pytest.raises(ChangeOfMind), transaction.atomic():
        moved.replace("a.txt", "two")
        moved.storage.save("b.txt", ContentFile(b"new"))
        raise ChangeOfMind
    assert moved.open_keys() == {("a.txt", "bucket"), ("b.txt", "bucket")}
    moved.drain()
    assert moved.held("bucket") == moved.held("disk") == {"a.txt": "two", "b.txt": "new"}


def test_an_upload_does_not_wait_for_the_other_store(moved):
    moved.climb("begin_mirroring")
    (port,) = free_ports(1)
    moved.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    name = moved.save("a.txt", "one")
    assert moved.read(name) == "one"
    moved.replace(name, "two")
    drained = moved.drain()
    assert (drained.delivered, drained.failed) == (0, 1)
    (mark,) = marks.open_marks("default")
    assert (mark.attempts, f"127.0.0.1:{port}" in mark.last_error) == (1, True)
    assert f"127.0.0.1:{port}" in drained.reasons["bucket"]
    moved.storage.delete(name)
    assert not moved.storage.exists(name)


def test_an_upload_the_store_does_not_take_leaves_nothing_behind(moved):
    moved.climb(*UP_TO["switched"])
    good = moved.values["bucket"]["ENDPOINT_URL"]
    (port,) = free_ports(1)
    moved.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    with pytest.raises(StorageError):
        moved.save("a.txt", "one")
    moved.configure(bucket={"ENDPOINT_URL": good})
    moved.time_passes()
    moved.drain()
    assert moved.held("bucket") == moved.held("disk") == {}
    assert moved.open_keys() == set()


@pytest.mark.parametrize("step", ["settled", "mirroring", "unconfirmed", "left"])
def test_eight_uploads_of_one_name_at_once_give_eight_files(moved, step):
    moved.climb(*UP_TO[step])
    given: dict[str, str] = {}
    together = threading.Barrier(8)

    def upload(text: str) -> None:
        together.wait()
        given[text] = moved.save("cover.jpg", text)

    threads = [threading.Thread(target=upload, args=[f"picture {number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given.values())) == 8
    assert {text: moved.read(name) for text, name in given.items()} == {text: text for text in given}
    moved.drain()
    for store in fresh_state_of("default").in_use:
        assert sorted(moved.held(store).values()) == sorted(given)


def test_a_name_given_on_one_step_is_not_given_again_on_the_next(moved):
    moved.climb("begin_mirroring", "begin_handover")
    first = moved.save("a.txt", "one")
    moved.time_passes()
    _exchange_at_once(moved)  # "a.txt" has not reached the bucket
    second = moved.save("a.txt", "two")
    assert first != second
    assert (moved.read(first), moved.read(second)) == ("one", "two")


def test_a_name_that_is_taken_in_the_store_left_a_moment_ago_is_not_given(moved):
    moved.climb("begin_mirroring", "begin_handover")
    moved.replace("a.txt", "one")
    moved.time_passes()
    _exchange_at_once(moved)  # "a.txt" has not reached the bucket
    assert moved.save("a.txt", "two") != "a.txt"
    assert moved.read("a.txt") == "one"


def test_what_may_not_become_public_is_named_and_not_carried_over(moved):
    moved.climb("begin_mirroring")
    marks.end(marks.begin("default", "secret.txt"))
    (moved.folders / "disk" / "secret.txt").write_text("s3cret")
    moved.time_passes()
    assert moved.drain().failed == 1
    (mark,) = marks.open_marks("default")
    assert "It is a secret." in mark.last_error
    assert moved.held("bucket") == {}
