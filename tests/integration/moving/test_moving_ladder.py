"""The steps of a move: in which order, when, and what keeps one from being taken."""

from __future__ import annotations

import json
import time

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.db import connection, transaction

from external_storage.django import conf
from external_storage.django.moving import database, guard, journey, ladder, marks, state
from external_storage.django.moving.state import Step, fresh_state_of, state_of
from external_storage.django.names import GUARD_KEY
from external_storage.errors import SettingsError
from tests.servers.processes import free_ports

from .conftest import RULE, UP_TO


def where(reached: state.State) -> tuple:
    return reached.step, reached.active, reached.standby, reached.retired


def test_up_the_ladder_each_step_changes_one_thing(site):
    assert where(fresh_state_of("default")) == (Step.SETTLED, "disk", "", ())
    seen = [where(site.climb(step, target="other")) for step in UP_TO["left"]]
    assert seen == [
        (Step.MIRRORING, "disk", "other", ()),
        (Step.HANDOVER, "disk", "other", ()),
        (Step.UNCONFIRMED, "other", "disk", ()),
        (Step.SWITCHED, "other", "disk", ()),
        (Step.SETTLED, "other", "", ("disk",)),
    ]
    assert fresh_state_of("default").epoch == 5


def test_down_the_ladder_it_ends_where_it_began(site):
    site.save("a.txt", "one")
    site.climb(*UP_TO["switched"], target="other")
    seen = [where(site.climb("cancel")) for _ in range(4)]
    assert seen == [
        (Step.UNCONFIRMED, "other", "disk", ()),
        (Step.HANDOVER, "disk", "other", ()),
        (Step.MIRRORING, "disk", "other", ()),
        (Step.SETTLED, "disk", "", ("other",)),
    ]
    assert site.read("a.txt") == "one"


def test_the_way_back_is_the_same_ladder(site):
    site.save("a.txt", "one")
    site.climb(*UP_TO["left"], target="other")
    site.replace("a.txt", "two")
    assert where(site.climb("begin_mirroring", target="disk")) == (Step.MIRRORING, "other", "disk", ())
    reached = site.climb("begin_handover", "exchange", "confirm", "settle")
    assert where(reached) == (Step.SETTLED, "disk", "", ("other",))
    assert site.read("a.txt") == "two"


@pytest.mark.parametrize("step", ["begin_handover", "exchange", "confirm", "settle", "cancel"])
def test_a_step_is_refused_where_it_cannot_be_taken_from(site, step):
    with pytest.raises(ladder.StepRefused, match="settled"):
        getattr(ladder, step)("default")
    assert fresh_state_of("default").epoch == 0


def test_a_step_is_refused_until_everybody_has_heard_of_the_one_before(site):
    ladder.begin_mirroring("default", "other")
    with pytest.raises(ladder.StepRefused, match="only a moment ago"):
        ladder.begin_handover("default")
    (blocker,) = ladder.blockers("default")
    assert blocker.name == "too-soon"
    site.time_passes(5.0)
    assert ladder.blockers("default")
    site.time_passes(2.1)
    assert ladder.blockers("default") == []
    assert ladder.begin_handover("default").step is Step.HANDOVER


def test_waiting_for_a_step_takes_two_seconds_and_the_deadline(site):
    site.deadline = 0.3
    site.configure()
    began = time.monotonic()
    ladder.begin_mirroring("default", "other")
    assert ladder.wait_until_complete("default").step is Step.MIRRORING
    assert 2.3 <= time.monotonic() - began < 5


def test_a_step_waits_for_the_changes_made_before_it(site):
    site.climb("begin_mirroring", target="other")
    site.save("a.txt", "one")
    site.time_passes()
    ladder.begin_handover("default")
    site.time_passes()
    with pytest.raises(ladder.StepRefused, match=r"not reached their store yet \(1\), 'a\.txt' in 'other'"):
        ladder.exchange("default")
    with pytest.raises(ladder.StepRefused, match=r"a\.txt"):
        ladder.wait_until_complete("default", at_most=0.1)
    assert [blocker.name for blocker in ladder.blockers("default")] == ["open-marks"]
    ladder.wait_until_complete("default", drain=site.drain)
    assert ladder.exchange("default").step is Step.UNCONFIRMED


def test_changes_made_on_the_step_itself_are_in_nobodys_way(site):
    site.climb("begin_mirroring", "begin_handover", target="other")
    site.save("a.txt", "one")
    site.time_passes()
    assert ladder.exchange("default").step is Step.UNCONFIRMED
    assert site.read("a.txt") == "one"


def test_links_point_at_no_store_that_lacks_a_change(site):
    site.climb("begin_mirroring", "begin_handover", target="other")
    site.save("a.txt", "one")
    site.time_passes()
    ladder.exchange("default")
    site.time_passes()
    with pytest.raises(ladder.StepRefused, match=r"a\.txt"):
        ladder.confirm("default")
    site.drain()
    assert ladder.confirm("default").step is Step.SWITCHED


def test_not_even_on_the_way_down_or_after_a_change_made_on_the_step_itself(site):
    site.climb("begin_mirroring", "begin_handover", target="other")
    site.save("a.txt", "one")
    site.time_passes()
    ladder.exchange("default")
    site.replace("a.txt", "two")  # to the disk, which has the version before, and marked as of this step
    site.time_passes()
    with pytest.raises(ladder.StepRefused, match=r"'a\.txt' in 'other'"):
        ladder.confirm("default")
    site.drain()
    site.replace("a.txt", "three")
    ladder.cancel("default")
    site.time_passes()
    with pytest.raises(ladder.StepRefused, match=r"'a\.txt' in 'disk'"):
        ladder.cancel("default")
    site.drain()
    assert ladder.cancel("default").step is Step.MIRRORING
    assert site.held("disk") == {"a.txt": "three"}


def test_a_dead_store_is_not_in_the_way_down(site_with_bucket):
    site = site_with_bucket
    site.climb("begin_mirroring", "begin_handover")
    (port,) = free_ports(1)
    site.configure(bucket={"ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    site.save("a.txt", "one")
    reached = site.climb("cancel", "cancel")
    assert where(reached) == (Step.SETTLED, "disk", "", ("bucket",))
    assert site.read("a.txt") == "one"


def test_a_step_is_not_undone_by_the_transaction_it_is_taken_in(site):
    class ChangeOfMind(Exception):
        pass

    with pytest.raises(ChangeOfMind), transaction.atomic():
        ladder.begin_mirroring("default", "other")
        raise ChangeOfMind
    assert fresh_state_of("default").step is Step.MIRRORING


def test_a_purged_store_hears_of_nothing_any_more(site):
    site.save("a.txt", "one")
    site.climb(*UP_TO["left"], target="other")
    site.storage.delete("a.txt")
    assert site.open_keys() == {("a.txt", "disk")}
    site.time_passes()
    assert ladder.purged("default", "disk").retired == ()
    assert marks.of_key("default", "a.txt") == []
    assert not (site.folders / "disk" / GUARD_KEY).exists()
    with pytest.raises(ladder.StepRefused):
        ladder.purged("default", "disk")


def test_a_move_leaves_no_marks_but_those_of_deletions(site):
    site.climb("begin_mirroring", target="other")
    site.save("kept.txt", "kept")
    site.storage.delete(site.save("deleted.txt", "x"))
    site.climb("begin_handover", "exchange", "confirm", "settle")
    assert database.rows("SELECT key, target, deleted FROM external_storage_mark") == [("deleted.txt", "other", True)]
    assert database.rows("SELECT key FROM external_storage_reservedname") == []


# Asking where it stands


def test_in_peace_a_thousand_reads_and_links_ask_the_database_a_few_times(site, django_assert_num_queries, monkeypatch):
    name = site.save("a.txt", "one")
    asked = []
    real = database.rows
    monkeypatch.setattr(database, "rows", lambda *args: asked.append(args) or real(*args))
    began = time.monotonic()
    with django_assert_num_queries(0):
        for _ in range(500):
            site.storage.url(name)
            assert site.storage.exists(name)
    assert len(asked) <= 1 + (time.monotonic() - began) / state.REFRESHED_SECONDS


def test_a_process_hears_of_a_step_within_two_seconds(site):
    assert state_of("default").epoch == 0
    with database.transaction():
        database.run(
            "INSERT INTO external_storage_aliasstate"
            " (alias, identity, epoch, step, active, standby, retired, since, linked)"
            " VALUES ('default', 'x', 7, 'mirroring', 'disk', 'other', '[]', 0, 'disk')"
        )
    began = time.monotonic()
    while state_of("default").epoch == 0:
        assert time.monotonic() - began < 2
        time.sleep(0.05)


def test_the_settings_are_only_what_a_site_begins_with(site):
    site.climb(*UP_TO["left"], target="other")
    assert conf.configured_alias("default").active == "disk"
    assert conf.alias_named("default").active == "other"
    assert [alias.active for alias in conf.aliases()] == ["other"]


# Whose a store is


def test_a_store_tells_whose_it_is_and_no_walk_meets_that(site_with_bucket):
    site = site_with_bucket
    reached = site.climb("begin_mirroring")
    for store in ("disk", "bucket"):
        told = guard.guard_of(store)
        assert (told.site, told.alias, told.epoch, told.active) == (reached.identity, "default", 1, "disk")
        assert site.held(store) == {}
    assert site.storage.listdir("") == ([], [])
    with pytest.raises(SuspiciousFileOperation):
        site.storage.open(GUARD_KEY)
    assert guard.guard_of("other") is None
    site.climb("begin_handover", "exchange", "confirm")
    assert (guard.guard_of("bucket").epoch, guard.guard_of("bucket").active) == (4, "bucket")


def test_another_sites_store_is_refused(site):
    site.climb(*UP_TO["left"], target="other")
    (site.folders / "third").mkdir()
    told = {"site": "somebody", "alias": "default", "epoch": 3, "active": "third"}
    (site.folders / "third" / GUARD_KEY).write_text(json.dumps(told))
    site.configure(third={"KIND": "local", "ROOT": site.folders / "third", "PUBLIC_URL": "/third/"})
    with pytest.raises(guard.NotOurs, match="another site"):
        site.climb("begin_mirroring", target="third")
    assert fresh_state_of("default").step is Step.SETTLED


def test_a_database_from_before_the_move_is_refused(site):
    site.climb(*UP_TO["left"], target="other")
    database.run("DELETE FROM external_storage_aliasstate")
    state.forget()
    with pytest.raises(guard.NotOurs, match="older than the files"):
        ladder.begin_mirroring("default", "other")
    with pytest.raises(guard.NotOurs, match="with the files in 'other'"):
        guard.check_all("default")


def test_a_lost_database_is_begun_again_by_the_owners_word(site):
    site.save("a.txt", "a")
    site.climb(*UP_TO["left"], target="other")
    identity = fresh_state_of("default").identity
    for lost in ("DELETE FROM external_storage_aliasstate", "UPDATE external_storage_aliasstate SET epoch = 1"):
        database.run(lost)
        state.forget()
        adopted = journey.adopt("default", "other")
        assert (adopted.step, adopted.active, adopted.retired) == (Step.SETTLED, "other", ("disk",))
        assert adopted.identity == identity
        guard.check_all("default")
    with pytest.raises(ladder.StepRefused, match="The database knows that the files of 'default' are in 'other'"):
        journey.adopt("default", "disk")
    with pytest.raises(SettingsError, match="none of the stores"):
        journey.adopt("default", "elsewhere")


def test_nobodys_word_makes_another_sites_store_ours(site):
    site.climb(*UP_TO["left"], target="other")
    database.run("UPDATE external_storage_aliasstate SET epoch = 1, identity = %s", "somebody")
    state.forget()
    with pytest.raises(guard.NotOurs, match="another site"):
        journey.adopt("default", "other")


def test_a_store_that_is_away_does_not_keep_the_site_from_starting(site):
    site.climb(*UP_TO["left"], target="other")
    guard.check_all("default")
    (site.folders / "disk").rename(site.folders / "elsewhere")
    guard.check_all("default")


def test_a_guard_that_is_no_guard_is_refused(site):
    (site.folders / "other" / GUARD_KEY).write_text("{}")
    with pytest.raises(guard.NotOurs, match="not what was written there"):
        ladder.begin_mirroring("default", "other")


def test_stores_that_overlap_are_refused(site):
    site.configure(inner={"KIND": "local", "ROOT": site.folders / "disk" / "inner", "PUBLIC_URL": "/inner/"})
    with pytest.raises(SettingsError, match="overlap"):
        ladder.begin_mirroring("default", "inner")


def test_a_move_does_not_begin_where_links_would_point_nowhere_in_its_middle(site_with_bucket):
    site = site_with_bucket
    bucket = site.values["bucket"]
    alias = {"ACTIVE": "bucket", "STORES": ["bucket", "second"], "PUBLISHING_RULE": RULE}
    described = {"STORES": {"bucket": bucket, "second": {**bucket, "PREFIX": "second/"}}, "ALIASES": {"default": alias}}
    site.settings.EXTERNAL_STORAGE = described
    with pytest.raises(SettingsError, match="not known") as refused:
        ladder.begin_mirroring("default", "second")
    assert "SERVED_AT" in refused.value.setting
    alias["SERVED_AT"] = "https://books.test/files/"
    site.settings.EXTERNAL_STORAGE = dict(described)
    ladder.begin_mirroring("default", "second")
    site.climb("begin_handover")
    assert site.storage.url("a.txt") == "https://books.test/files/a.txt"


@pytest.mark.parametrize("target", ["nowhere", "disk"])
def test_a_target_that_is_none_is_refused(site, target):
    with pytest.raises((SettingsError, ladder.StepRefused), match=target):
        ladder.begin_mirroring("default", target)


def test_on_sqlite_a_mark_is_made_while_the_site_holds_the_writers_lock(site):
    if connection.vendor != "sqlite":
        return
    site.climb("begin_mirroring", target="other")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE held (n integer)")
        name = site.save("a.txt", "one")
        assert site.open_keys() == {(name, "other")}
        cursor.execute("DROP TABLE held")
