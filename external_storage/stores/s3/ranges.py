"""List a long listing in ranges of keys side by side, and hand it out in order.

A page of a listing names the next, so a listing is a chain of waits. But it may begin after any key, be there such an
object or not. One page tells how densely names lie; from it the ranges are cut in which the rest is asked for, several
at once. A range that holds more or less than expected costs time, never an object: ranges leave no gap.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import takewhile

from ...objects import ObjectInfo, in_key_order
from .listing import Page

# Yields what the store lists with this prefix after this key, page by page.
Pages = Callable[[str, str], Iterator[Page]]

AT_ONCE = 8

# Of each range about a page is asked for in vain; longer ranges hold more in memory.
PAGES_IN_RANGE = 6

# A range that turns out so much longer is not waited for; the rest of it is listed where it is due.
MOST_PAGES_IN_RANGE = 2 * PAGES_IN_RANGE

# Sorts after every name in a folder.
LAST = "\U0010ffff"

# So many characters after the first that differs tell names apart closely enough.
DEPTH = 5


def list_in_ranges(pages: Pages, prefix: str, after: str, until: str | None) -> Iterator[ObjectInfo]:
    """Yield what starts with *prefix* and lies in (*after*, *until*], of a store that lists in key order."""
    position: str | None = after
    while position is not None and (until is None or _comes_before(position, until)):
        position = yield from _one_folder(pages, prefix, position, until)


def _one_folder(pages: Pages, prefix: str, after: str, until: str | None) -> Generator[ObjectInfo, None, str | None]:
    """Yield what comes next, as far as one guess at how names lie reaches; return where to go on, None at the end."""
    for page in pages(prefix, after):
        yield from _up_to(page.objects, until)
        if not page.next_token or _reaches(page.objects, until):
            return None
        names = Names.of([info.key for info in page.objects])
        if names is not None:
            end = names.end if until is None or _comes_before(names.end, until) else until
            yield from _side_by_side(pages, prefix, Cutter(names, page.objects, end))
            return end
    return None


def _side_by_side(pages: Pages, prefix: str, cutter: Cutter) -> Iterator[ObjectInfo]:
    due: deque[tuple[str, Future[Stretch]]] = deque()
    for after, until in cutter:
        due.append((until, _begin(pages, prefix, after, until)))
        if len(due) > AT_ONCE:
            yield from _finish(pages, prefix, cutter, *due.popleft())
    while due:
        yield from _finish(pages, prefix, cutter, *due.popleft())


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was listed of a range, and the key to go on after if it was longer than expected."""

    objects: list[ObjectInfo]
    pages: int
    go_on_after: str | None


def _begin(pages: Pages, prefix: str, after: str, until: str) -> Future[Stretch]:
    """List a range in a thread of its own, which does not keep the process from ending."""
    listed: Future[Stretch] = Future()

    def work() -> None:
        try:
            listed.set_result(_stretch(pages, prefix, after, until))
        except BaseException as error:  # noqa: BLE001 — raised again where the range is due
            listed.set_exception(error)

    threading.Thread(target=work, name="listing", daemon=True).start()
    return listed


def _stretch(pages: Pages, prefix: str, after: str, until: str) -> Stretch:
    objects: list[ObjectInfo] = []
    for number, page in enumerate(pages(prefix, after), 1):
        objects += _up_to(page.objects, until)
        if not page.next_token or _reaches(page.objects, until):
            break
        if number == MOST_PAGES_IN_RANGE:
            return Stretch(objects, number, page.objects[-1].key)
    return Stretch(objects, number, None)


def _finish(pages: Pages, prefix: str, cutter: Cutter, until: str, listed: Future[Stretch]) -> Iterator[ObjectInfo]:
    stretch = listed.result()
    cutter.learn(len(stretch.objects))
    yield from stretch.objects
    if stretch.go_on_after is None:
        return
    for page in pages(prefix, stretch.go_on_after):
        yield from _up_to(page.objects, until)
        if _reaches(page.objects, until):
            return


class Cutter:
    """Cut the rest of a folder, after the page that was listed, into ranges of about the same number of objects."""

    def __init__(self, names: Names, page: Sequence[ObjectInfo], end: str) -> None:
        self._names = names
        self._end = end
        self._last = page[-1].key
        self._wanted = PAGES_IN_RANGE * len(page)
        self._step = max(1, (names.number(self._last) - names.number(page[0].key)) * self._wanted // len(page))

    def learn(self, found: int) -> None:
        """Make the ranges still to be cut longer or shorter, after one in which so many objects were found."""
        if found < self._wanted // 4:
            self._step *= 2
        elif found > self._wanted * 3 // 2:
            self._step = max(1, self._step // 2)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        after, number = self._last, self._names.number(self._last)
        while (number := number + self._step) < self._names.count:
            cut = self._names.name(number)
            if not _comes_before(cut, self._end):
                break
            if _comes_before(after, cut):
                yield after, cut
                after = cut
        yield after, self._end


class Names:
    """Number the names of one folder, so that a stretch of them can be cut in equal parts.

    Each place of a name is a digit in the characters that were seen there. A place at which all names of the page agree
    has those of the places that differ, if its own is among them: "0" in hexadecimal names, "-" not.
    """

    def __init__(self, folder: str, places: list[str]) -> None:
        self.end = folder + LAST
        self._folder = folder
        self._places = places
        self.count = 1
        for characters in places:
            self.count *= len(characters)

    @classmethod
    def of(cls, keys: Sequence[str]) -> Names | None:
        """Return the numbering that a page's sorted keys suggest, None if they suggest none."""
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(keys[0], keys[-1], strict=False))
        common = "".join(character for character, _ in alike)
        folder = common[: common.rfind("/") + 1]
        depth = len(common) - len(folder) + DEPTH
        seen = [
            set(at_place)
            for at_place in zip(*(key[len(folder) :][:depth].ljust(depth, "\0") for key in keys), strict=True)
        ]
        for characters in seen:
            characters.discard("\0")
        differing = set().union(*(characters for characters in seen if len(characters) > 1))
        places = ["".join(sorted(differing if each <= differing else each)) for each in seen if each]
        names = cls(folder, places)
        in_order = all(ord(character) < 0xD800 for characters in places for character in characters)
        return names if in_order and names.number(keys[0]) < names.number(keys[-1]) else None

    def number(self, key: str) -> int:
        rest, number = key[len(self._folder) :], 0
        for place, characters in enumerate(self._places):
            character = rest[place : place + 1]
            digit = sum(each < character for each in characters)
            number = number * len(characters) + min(digit, len(characters) - 1)
        return number

    def name(self, number: int) -> str:
        digits = []
        for characters in reversed(self._places):
            number, digit = divmod(number, len(characters))
            digits.append(characters[digit])
        return self._folder + "".join(reversed(digits))


def _comes_before(one: str, other: str) -> bool:
    return in_key_order(one) < in_key_order(other)


def _reaches(objects: Sequence[ObjectInfo], until: str | None) -> bool:
    return until is not None and bool(objects) and not _comes_before(objects[-1].key, until)


def _up_to(objects: list[ObjectInfo], until: str | None) -> list[ObjectInfo]:
    if not _reaches(objects, until) or until is None:
        return objects
    end = in_key_order(until)
    return [info for info in objects if in_key_order(info.key) <= end]
