"""A forecast says what the copy then does, and writes nothing."""

from __future__ import annotations

import pytest

from external_storage import transfer
from external_storage.errors import PermissionRefused
from external_storage.objects import Headers, HoldBack, Publish
from external_storage.stores import LocalStore, MemoryStore, local
from external_storage.testing.contract import put
from external_storage.transfer.cost import Requests
from external_storage.transfer.forecast import forecast


def publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    if key.endswith(".zip"):
        return HoldBack("Archives are held back.")
    if first_bytes is not None and first_bytes.startswith(b"PK"):
        return HoldBack("It is an archive inside.")
    return Publish(Headers("image/jpeg"))


def stores() -> tuple[MemoryStore, MemoryStore]:
    source, target = MemoryStore("source"), MemoryStore("target")
    for key, data in {"a": b"a", "b": b"b", "c": b"c", "d.zip": b"PK", "e": b"PK", "f": b"longer"}.items():
        put(source, key, data)
    for key, data in {"a": b"a", "b": b"other", "z": b"z"}.items():
        put(target, key, data)
    return source, target


COUNTS = ["copied", "already_there", "held_back", "conflicts", "left_out", "failed", "bytes", "only_in_target"]


@pytest.mark.parametrize(
    "rules",
    [
        transfer.Rules(publish),
        transfer.Rules(publish, on_difference="keep"),
        transfer.Rules(publish, may_send=lambda key: key == "c"),
        transfer.Rules(publish, exclude=["c"]),
        transfer.Rules(publish, prefix="b"),
    ],
    ids=["replace", "keep", "referenced", "exclude", "prefix"],
)
def test_the_copy_does_what_was_foreseen(rules):
    source, target = stores()
    foreseen = forecast(source, target, rules, look_inside=True).report
    assert sorted(info.key for info in target.list()) == ["a", "b", "z"]
    done = transfer.copy(source, target, rules)
    assert {name: getattr(foreseen, name) for name in COUNTS} == {name: getattr(done, name) for name in COUNTS}
    assert sorted(map(str, foreseen.outcomes)) == sorted(map(str, done.outcomes))


def test_without_a_look_inside_the_name_decides():
    foreseen = forecast(*stores(), transfer.Rules(publish), look_inside=False).report
    assert (foreseen.copied, foreseen.held_back) == (4, 1)


def test_the_requests_are_those_of_the_copy():
    source, target = MemoryStore("source"), MemoryStore("target")
    put(source, "small", b"x" * 1000)
    put(source, "large", bytes(20 << 20))
    foreseen = forecast(source, target, transfer.Rules(publish), look_inside=True)
    size = 1000 + (20 << 20)
    assert foreseen.source == Requests(gets=2, lists=1, bytes_out=size)
    # One for the small one; a beginning, three parts of 8 MiB and an end for the large one; a listing before and after.
    assert foreseen.target == Requests(puts=1 + 5, lists=2, bytes_in=size)


class Refusing(MemoryStore):
    def list(self, prefix="", *, after="", until=None):
        raise PermissionRefused("You may not list.")
        yield


def test_a_refusal_ends_the_forecast_and_is_reported():
    source, _ = stores()
    with pytest.raises(PermissionRefused) as refused:
        forecast(source, Refusing("target"), transfer.Rules(publish), look_inside=True)
    assert refused.value.report.exit_code == 3


def test_what_was_read_for_the_forecast_need_not_be_read_again(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_bytes(b"data")
    source, target = LocalStore("disk", tmp_path / "files"), MemoryStore("target")
    put(target, "a", b"data")
    state = tmp_path / "state"
    monkeypatch.setattr(local, "UNSEEN_CHANGE_SECONDS", 0)  # a file this new is not trusted to stay as it is
    for _ in range(2):
        foreseen = forecast(source, target, transfer.Rules(publish), look_inside=True, state_dir=state)
        assert foreseen.report.already_there == 1
        monkeypatch.setattr(LocalStore, "open", None)  # so a second reading would fail
