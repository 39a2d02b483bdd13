"""Whatever happens to a site that is moved, in whatever order, it has the files that a plain disk would have.

Hypothesis makes up the order: people upload, replace, delete, rename and copy; processes are killed and frozen; steps
are taken up and down the ladder; objects are lost and spoiled behind the site's back. The model is a dictionary.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from external_storage import transfer
from external_storage.django import conf, live
from external_storage.django.moving import journey, marks
from external_storage.django.moving.marks import delivering
from external_storage.django.moving.state import Step, fresh_state_of
from external_storage.django.moving.telling import Unseen
from external_storage.django.moving.watching import sparing, watched
from external_storage.django.names import GUARD_KEY
from external_storage.django.uploads import Upload
from external_storage.errors import ContentRefused
from external_storage.stores import BytesSource

from .conftest import SITE, UP_TO, MovedSite, forget_moves

NAMES = st.sampled_from(["a.txt", "b.txt", "covers/c.txt", "covers/d.txt"])
WHICH = st.integers(0, 5)
"""Which one of several: taken modulo their number, so that a failing example stays short."""

GONE = None

EXAMPLES = int(os.environ.get("MOVING_EXAMPLES", "20"))
"""How many orders are tried: the same each time, unless somebody asks for a number of them."""


class Killed(BaseException):
    """A process ended here, without a chance to do anything about it."""


class AnyOrder(RuleBasedStateMachine):
    """The site, the model, and everything that may happen.

    *answers* is the model: what may be read under each name that was ever given; `GONE` stands for "no such file".
    There is one answer, unless somebody meddled with the store or was killed before he could say that he had written.
    """

    site: MovedSite

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, set[str | None]] = {}
        self.written: dict[str, set[str]] = {}
        # Objects that somebody meddled with, by store and key; the last scan has to find those in the standby.
        self.meddled: set[tuple[str, str]] = set()
        self.frozen: list[tuple[marks.Touch, str]] = []
        self.in_copiers_hands: dict[str, str] = {}
        self.copied = False
        self._numbers = itertools.count(1)

    def teardown(self) -> None:
        forget_moves()
        for store in self.site.values:
            for key in [*self.site.held(store), GUARD_KEY]:
                self.site.drop(store, key)

    # People

    @rule(name=NAMES)
    def upload(self, name: str) -> None:
        text = self._new_text()
        given = self.site.save(name, text)
        assert self._may_be_given(given), "a name was given twice"
        self._is_new(given, text)

    @rule(name=NAMES)
    def write(self, name: str) -> None:
        """Replace a file, or make one under exactly this name."""
        text = self._new_text()
        self.site.replace(name, text)
        self._is_now(name, text)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        if name := self._one_of(self.files, which):
            self.site.storage.delete(name)
            self._is_now(name, GONE)

    @rule(which=WHICH, new=NAMES, keep=st.booleans())
    def copy_or_rename(self, which: int, new: str, keep: bool) -> None:
        """As a site does it: read, save under another name, and delete the old one if it was a renaming."""
        name = self._one_of(self.files, which)
        if name is None or len(self.answers[name]) > 1:
            return
        with self.site.storage.open(name) as file:
            given = self.site.storage.save(new, ContentFile(file.read()))
        (text,) = self.answers[name]
        self._is_new(given, text)
        if not keep:
            self.site.storage.delete(name)
            self._is_now(name, GONE)

    @rule()
    def upload_what_is_private(self) -> None:
        with pytest.raises(ContentRefused):
            self.site.save("secret.txt", "s3cret")

    # Kills and freezes

    @rule(name=NAMES, deletes=st.booleans(), after=st.booleans())
    def kill_a_writer(self, name: str, deletes: bool, after: bool) -> None:
        """It is killed between its mark and its store, or between its store and saying so."""
        touch = marks.begin("default", name, deletes=deletes)
        if after:
            self._carry_out(touch, text := GONE if deletes else self._new_text())
            self._is_now(name, text)

    @rule(name=NAMES, deletes=st.booleans())
    def freeze_a_writer(self, name: str, deletes: bool) -> None:
        self.frozen.append((marks.begin("default", name, deletes=deletes), GONE if deletes else self._new_text()))

    @precondition(lambda self: self.frozen)
    @rule(which=WHICH)
    def thaw_a_writer(self, which: int) -> None:
        touch, text = self.frozen.pop(which % len(self.frozen))
        self._carry_out(touch, text)
        marks.end(touch)
        self._is_now(touch.key, text)

    @rule(after=st.booleans())
    def kill_the_drainer(self, after: bool) -> None:
        where, method = (delivering, "_done") if after else (delivering, "_make_equal")
        with _killed_in(where, method), suppress(Killed):
            self.site.drain()

    @rule()
    def drain(self) -> None:
        self.site.time_passes()
        assert self.site.drain().failed == 0
        assert self.site.open_keys() == set()

    # The copier

    @precondition(lambda self: self._is(Step.MIRRORING))
    @rule(which=WHICH)
    def the_copier_reads(self, which: int) -> None:
        held = self.site.held(self._state.active)
        if key := self._one_of(sorted(held), which):
            self.in_copiers_hands[key] = held[key]

    @precondition(lambda self: self.in_copiers_hands)
    @rule(which=WHICH, dies=st.booleans())
    def the_copier_writes(self, which: int, dies: bool) -> None:
        """Its PUT arrives, maybe long after what it read has changed; it may be killed before it looks at the mark."""
        key = self._one_of(sorted(self.in_copiers_hands), which)
        text, standby = self.in_copiers_hands.pop(key), self._state.standby
        target = conf.store_named(standby) if dies else watched("default", standby)
        target.put(key, BytesSource(key, text.encode()), self._headers(key))
        if dies:
            self.meddled.add((standby, key))

    @precondition(lambda self: self._is(Step.MIRRORING) and not self.in_copiers_hands)
    @rule()
    def copy_everything(self) -> None:
        self._copy()

    # The ladder

    @precondition(lambda self: not self.in_copiers_hands)
    @rule(which=WHICH)
    def climb(self, which: int) -> None:
        self._climb(which)

    @precondition(lambda self: not self.in_copiers_hands)
    @rule(which=WHICH, steps=st.integers(2, 5))
    def climb_on(self, which: int, steps: int) -> None:
        for _ in range(steps):
            self._climb(which)

    @precondition(lambda self: not self.in_copiers_hands and not self._is(Step.SETTLED))
    @rule()
    def climb_down(self) -> None:
        before = self._state
        after = self._step("cancel")
        self.copied = False
        if after.active != before.active or not after.is_moving:
            self._uncover(after.active)

    @precondition(lambda self: not self.in_copiers_hands)
    @rule(which=WHICH, settles=st.booleans())
    def move(self, which: int, settles: bool) -> None:
        """The whole journey, there or back, as the command makes it."""
        state = self._state
        target = self._one_of(list(state.in_use) if state.is_moving else sorted(self.site.values), which)
        self.site.time_passes()
        try:
            journey.move("default", target, settles=settles, sleep=lambda _: self.site.time_passes())
        except journey.Blocked:
            assert self.meddled, "nothing was in its way"
            for name in sorted({key for _, key in self.meddled}):
                self.write(name)  # whoever looks after the site decides
        else:
            assert self._state.active == target
            # Nothing is compared by whoever is there already, or turns back before links pointed elsewhere.
            if (state.active != target or state.links_to_the_site) and state.linked != target:
                self.meddled = {(store, key) for store, key in self.meddled if store != target}
        self._uncover(self._state.active)
        self.copied = False

    # Trouble behind the site's back

    @rule(which=WHICH, store=WHICH, drops=st.booleans())
    def meddle(self, which: int, store: int, drops: bool) -> None:
        """Lose an object of one store, or change its bytes."""
        stores = self._state.stores
        store = stores[store % len(stores)]
        held = self.site.held(store)
        key = self._one_of(sorted(held), which)
        if key is None:
            return
        before, elsewhere = (
            self._seen(key),
            {self.site.held(other).get(key) for other in self._state.in_use if other != store},
        )
        if drops:
            self.site.drop(store, key)
        else:
            self.site.put(store, key, "x" * len(held[key]))
        self.meddled.add((store, key))
        if self._seen(key) != before:
            assert not (drops and self._may_be_read_anywhere(key) and before in elsewhere), "there is another copy"
            self._is_unsure(key)

    # What holds at any moment

    @invariant()
    def every_file_is_there_and_nothing_else_is(self) -> None:
        """P1, P6, P8: what people see is what the model says."""
        for name, answers in self.answers.items():
            seen = self._seen(name)
            assert seen in answers, f"{name!r} is {seen!r}, expected {answers}"
            assert self.site.storage.exists(name) is (seen is not GONE)

    @invariant()
    def every_link_leads_to_its_file(self) -> None:
        """P6: browsers do not ask the site which store has a file."""
        state = self._state
        if state.links_to_the_site:
            return
        held, still_open = self.site.held(state.active), {key for key, _ in self.site.open_keys()}
        assert self.site.storage.url("a") == conf.store_settings(state.active).public_url + "a"
        for name, answers in self.answers.items():
            if len(answers) == 1 and name not in still_open and (state.active, name) not in self.meddled:
                assert {held.get(name)} == answers, f"{name!r} in {state.active!r}"

    @invariant()
    def no_store_keeps_what_it_should_not(self) -> None:
        """P5, P7, P8, P11: no half objects, no secrets, and, once it was told, nothing old; left behind or not."""
        still_open = self.site.open_keys()
        for store in self._state.stores:
            for key, text in self.site.held(store).items():
                assert text in self.written[key], "it holds what nobody wrote"
                if (key, store) not in still_open and (store, key) not in self.meddled and len(self.answers[key]) == 1:
                    assert self.answers[key] == {text}, f"{key!r} in {store!r}"

    # How

    @property
    def _state(self):
        return fresh_state_of("default")

    def _is(self, step: Step) -> bool:
        return self._state.step is step

    @property
    def files(self) -> list[str]:
        return sorted(name for name, answers in self.answers.items() if answers != {GONE})

    def _one_of(self, many: list[str], which: int) -> str | None:
        return many[which % len(many)] if many else None

    def _new_text(self) -> str:
        return f"version {next(self._numbers)}"

    def _may_be_given(self, name: str) -> bool:
        """Whether nobody has the name, or the store in use has lost what had it: uploads ask no other one."""
        answers, state = self.answers.get(name, {GONE}), self._state
        return GONE in answers or (state.active, name) in self.meddled

    def _is_new(self, name: str, text: str) -> None:
        """As `_is_now`; but where an object was lost, its name is free, and stores left behind may still have it."""
        was_lost = self.answers.get(name, {GONE}) != {GONE}
        self._is_now(name, text)
        if was_lost:
            self.meddled |= {(store, name) for store in self._state.retired}

    def _is_now(self, name: str, text: str | None) -> None:
        self.answers[name] = {text}
        self.written.setdefault(name, set())
        if text is not GONE:
            self.written[name] |= {text, "x" * len(text)}
        self.meddled -= {(store, name) for store in self._state.stores}

    def _uncover(self, store: str) -> None:
        """What was meddled with in *store* is what people may see from now on."""
        for where, key in self.meddled:
            if where == store:
                self._is_unsure(key)

    def _is_unsure(self, key: str) -> None:
        """Nobody can tell any more what the key should be; but it is one of the things it ever was somewhere."""
        held = {self.site.held(store).get(key, GONE) for store in self._state.stores}
        self.answers[key] = {*self.answers.get(key, ()), *held, GONE}

    def _may_be_read_anywhere(self, key: str) -> bool:
        return len(marks.readable_in(self._state, key)) > 1

    def _seen(self, name: str) -> str | None:
        try:
            return self.site.read(name)
        except FileNotFoundError:
            return GONE

    def _headers(self, key: str):
        return conf.configured_alias("default").rule(key, b"").headers

    def _carry_out(self, touch: marks.Touch, text: str | None) -> None:
        """Do to the store what the killed or frozen process was about to do."""
        store = live.storage_named(touch.holder)
        if text is GONE:
            store.delete(touch.key)
            return
        with Upload.of(touch.key, ContentFile(text.encode())) as upload:
            store.put(touch.key, upload, self._headers(touch.key), replace=True)

    def _climb(self, which: int) -> None:
        state = self._state
        take = {
            Step.SETTLED: self._begin_mirroring,
            Step.MIRRORING: self._begin_handover,
            Step.HANDOVER: self._exchange,
            Step.UNCONFIRMED: lambda which: self._step("confirm"),
            Step.SWITCHED: self._settle,
        }
        take[state.step](which)

    def _step(self, step: str, **arguments: str):
        self.site.time_passes()
        return self.site.climb(step, **arguments)

    def _begin_mirroring(self, which: int) -> None:
        others = [store for store in self.site.values if store != self._state.active]
        self._step("begin_mirroring", target=others[which % len(others)])
        self.copied = False

    def _begin_handover(self, _: int) -> None:
        if not self.copied:
            self._copy()
        self._step("begin_handover")

    def _exchange(self, _: int) -> None:
        self._last_scan()
        self._step("exchange")

    def _settle(self, _: int) -> None:
        self._uncover(self._step("settle").active)  # what only the other store has is not found any more

    def _last_scan(self) -> None:
        """Leave nothing to do: what is only in the standby is removed if somebody deleted it, else somebody decides."""
        self.drain()
        self._copy()
        state, rules = self._state, transfer.Rules(publish=conf.configured_alias("default").rule)
        for line in transfer.verify(conf.store_named(state.active), conf.store_named(state.standby), rules):
            assert line.symbol in "=-", line
            if line.symbol == "-" and any(mark.deleted for mark in marks.of_key("default", line.key)):
                marks.open_again("default", line.key, state.standby)
            elif line.symbol == "-":
                is_explained = len(self.answers[line.key]) > 1 or (state.active, line.key) in self.meddled
                known = self.answers[line.key], marks.of_key("default", line.key)
                assert is_explained, f"{line.key!r} is only in the standby; {known}"
                self.write(line.key)
        self.drain()
        self.meddled = {(store, key) for store, key in self.meddled if store != state.standby}

    def _copy(self) -> None:
        """P2, P4: what is copied is verified, and a second run sends nothing."""
        state = self._state
        rules = sparing(
            transfer.Rules(publish=conf.configured_alias("default").rule),
            ahead := marks.keys_held_by(state, state.standby, also_delivered=False),
        )
        source, target = conf.store_named(state.active), watched("default", state.standby)
        first, second = transfer.copy(source, target, rules), transfer.copy(source, target, rules)
        assert (first.failed, second.failed, second.sent) == (0, 0, 0)
        concerned = self.site.held(state.active).keys() - set(ahead)
        assert first.verified == first.copied + first.already_there == len(concerned)
        self.copied = True


@contextmanager
def _killed_in(owner: Any, method: str) -> Iterator[None]:
    """Kill whoever calls *method* of *owner*."""
    real = getattr(owner, method)

    def dying(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    setattr(owner, method, dying)
    try:
        yield
    finally:
        setattr(owner, method, real)


def run(site: MovedSite, *, examples: int, steps: int) -> None:
    machine = type("AnyOrderThere", (AnyOrder,), {"site": site})
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize="MOVING_EXAMPLES" not in os.environ,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_between_three_folders_nothing_is_lost_and_nothing_comes_back(site):
    (site.folders / "third").mkdir()
    site.configure(third={"KIND": "local", "ROOT": site.folders / "third", "PUBLIC_URL": f"{SITE}/third/"})
    run(site, examples=EXAMPLES, steps=40)


def test_between_a_folder_and_two_places_on_a_server_nothing_is_lost_and_nothing_comes_back(site_with_bucket):
    site = site_with_bucket
    del site.values["other"]
    site.configure(second={**site.values["bucket"], "PREFIX": "static/"})
    run(site, examples=EXAMPLES // 5, steps=25)


# What was found so, in few lines


def test_what_was_spoiled_in_the_store_left_behind_does_not_come_back_with_it(site):
    site.climb("begin_mirroring", target="other")
    site.save("a.txt", "one")
    site.climb("begin_handover", "exchange", "confirm")
    site.put("disk", "a.txt", "xxx")
    journey.move("default", "disk", sleep=lambda _: site.time_passes())
    assert site.held("disk") == site.held("other") == {"a.txt": "one"}


def test_what_a_process_writes_that_thaws_between_two_copies_is_not_lost(site):
    frozen_at = site.save("a.txt", "one")
    spoiled = site.save("b.txt", "two")
    site.climb("begin_mirroring", target="other")
    frozen = marks.begin("default", frozen_at)
    site.replace(spoiled, "three")
    site.climb("begin_handover", "exchange", "confirm")
    site.put("disk", spoiled, "xxx")

    class Thaws(Unseen):
        copies = 0

        def begins(self, chapter: str, text: str) -> None:
            self.copies += chapter == "copy"
            if self.copies == 2 and chapter == "copy":
                site.put("disk", frozen_at, "thawed")
            elif self.copies == 2:
                self.copies = 3
                marks.end(frozen)

    journey.move("default", "disk", view=Thaws(), sleep=lambda _: site.time_passes())
    site.drain()
    assert site.held("disk") == site.held("other") == {frozen_at: "thawed", spoiled: "three"}


@pytest.mark.parametrize("steps", [("begin_handover",), ("begin_handover", "exchange")], ids=["before", "after"])
def test_whoever_turns_back_before_links_were_moved_finds_his_files_as_they_were(site, steps):
    site.save("a.txt", "one")
    site.save("b.txt", "two")
    site.climb("begin_mirroring", target="other")
    for name, text in (("a.txt", "xxx"), ("b.txt", "two")):
        site.put("other", name, text)
    site.climb(*steps)
    site.replace("b.txt", "three")
    journey.move("default", "disk", sleep=lambda _: site.time_passes())
    assert site.held("disk") == {"a.txt": "one", "b.txt": "three"}


def test_a_copy_by_hand_leaves_alone_what_was_written_in_the_standby_by_a_process_that_thawed(site):
    name = site.save("a.txt", "one")
    site.climb("begin_mirroring", "begin_handover", "exchange", "confirm", target="other")
    frozen = marks.begin("default", name)
    site.climb("cancel", "cancel", "cancel")
    site.put("other", name, "two")
    marks.end(frozen)
    call_command("storage_copy", "disk", "other", stdout=io.StringIO())
    assert site.read(name) == "two"
    site.time_passes()
    site.drain()
    assert site.held("disk") == site.held("other") == {name: "two"}


def test_a_name_that_was_deleted_where_the_files_were_before_is_copied_there_when_it_is_used_again(site):
    site.climb(*UP_TO["left"], target="other")
    site.storage.delete(site.save("a.txt", "one"))
    journey.move("default", "disk", settles=True, sleep=lambda _: site.time_passes())
    site.save("a.txt", "two")
    journey.move("default", "other", sleep=lambda _: site.time_passes())
    assert site.held("other") == {"a.txt": "two"}


def test_a_name_whose_deletion_only_a_store_of_long_ago_remembers_is_copied_when_it_is_used_again(site):
    (site.folders / "third").mkdir()
    site.configure(third={"KIND": "local", "ROOT": site.folders / "third", "PUBLIC_URL": f"{SITE}/third/"})
    site.climb("begin_mirroring", "cancel", target="other")
    site.climb(*UP_TO["left"], target="third")
    site.storage.delete(site.save("a.txt", "one"))
    journey.move("default", "disk", settles=True, sleep=lambda _: site.time_passes())
    site.save("a.txt", "two")
    journey.move("default", "third", sleep=lambda _: site.time_passes())
    assert site.held("third") == {"a.txt": "two"}
