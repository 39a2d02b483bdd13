"""What one thread has on its way lands when its answer comes, in whatever order."""

from __future__ import annotations

import socket

from external_storage.objects import ObjectInfo
from external_storage.transfer.flight import MOST_BYTES, Flight


class Parcel:
    """Something on its way over a socket that has arrived when a byte comes back."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.here.setblocking(False)
        self.waits_to_send = False
        self.connects_anew = False

    def fileno(self) -> int:
        return self.here.fileno()

    def advance(self, *, is_first: bool = True) -> bool:
        if self.connects_anew:
            self.connects_anew = False
            self.here.close()
            self.here, self.there = socket.socketpair()
            self.here.setblocking(False)
            return False
        try:
            return bool(self.here.recv(1))
        except BlockingIOError:
            return False

    def finish(self) -> ObjectInfo:
        raise AssertionError("nobody asks a parcel for what it was")


def test_what_is_answered_lands_and_what_is_not_stays():
    flight: Flight[str] = Flight()
    parcels = {name: Parcel() for name in "abc"}
    for name, parcel in parcels.items():
        flight.add(name, parcel, 1)
    parcels["b"].there.send(b"!")
    assert [label for label, _ in flight.landed()] == ["b"]
    assert len(flight) == 2
    parcels["c"].there.send(b"!")
    parcels["a"].there.send(b"!")
    assert sorted(label for label, _ in flight.landed()) == ["a", "c"]
    assert len(flight) == 0


def test_when_no_answer_comes_each_is_asked_whether_it_goes_on():
    flight: Flight[str] = Flight()
    asked = []
    parcel = Parcel()
    parcel.advance = lambda is_first: bool(asked.append(1)) or len(asked) == 2
    flight.add("a", parcel, 1)
    assert list(flight.landed()) == []
    assert list(flight.landed()) == [("a", parcel)]


def test_a_parcel_that_had_to_connect_anew_is_followed_to_its_new_socket():
    flight: Flight[str] = Flight()
    parcel = Parcel()
    flight.add("a", parcel, 1)
    parcel.connects_anew = True
    parcel.there.send(b"!")
    assert list(flight.landed()) == []
    parcel.there.send(b"!")
    assert [label for label, _ in flight.landed()] == ["a"]


def test_a_parcel_that_waits_to_send_goes_on_when_there_is_room():
    flight: Flight[str] = Flight()
    parcel = Parcel()
    parcel.waits_to_send = True
    sent = []

    def advance(*, is_first: bool) -> bool:
        sent.append(1)
        parcel.waits_to_send = False
        return False

    parcel.advance = advance
    flight.add("a", parcel, 1)
    assert list(flight.landed()) == []
    assert sent == [1]
    del parcel.advance
    parcel.there.send(b"!")
    assert [label for label, _ in flight.landed()] == ["a"]


def test_of_several_on_one_socket_the_first_looks_there_and_each_lands_when_it_has_arrived():
    flight: Flight[str] = Flight()
    line, looked = Parcel(), []
    arrived = {"a": False, "b": True, "c": False}
    for name in arrived:
        parcel = Parcel()
        parcel.here = line.here

        def advance(*, is_first: bool, name: str = name) -> bool:
            looked.append((name, is_first))
            return arrived[name]

        parcel.advance = advance
        flight.add(name, parcel, 1)
    line.there.send(b"!")
    assert [label for label, _ in flight.landed()] == ["b"]
    assert looked == [("a", True), ("b", False), ("c", False)]
    arrived |= {"a": True, "c": True}
    assert [label for label, _ in flight.landed()] == ["a", "c"]
    assert len(flight) == 0


def test_what_has_landed_and_was_not_asked_for_is_handed_out_the_next_time():
    flight: Flight[str] = Flight()
    for name in "ab":
        parcel = Parcel()
        parcel.there.send(b"!")
        flight.add(name, parcel, 1)
    first, _ = next(flight.landed())
    [(second, _)] = flight.landed()
    assert {first, second} == {"a", "b"}


def test_so_many_bytes_are_heavy_until_they_land():
    flight: Flight[str] = Flight()
    parcel = Parcel()
    flight.add("a", parcel, MOST_BYTES)
    assert flight.is_heavy
    parcel.there.send(b"!")
    assert [label for label, _ in flight.landed()] == ["a"]
    assert not flight.is_heavy
