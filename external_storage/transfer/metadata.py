"""Compare how objects are served with how they should be, and mend it where they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..errors import StorageError, StoreRefused
from ..objects import Headers, HoldBack, ObjectInfo
from ..sentences import Sentence, joined, say
from ..stores.base import Republishes, Store
from ..stores.retrying import RetryingStore
from .copy import FIRST_BYTES, copy_object
from .plan import Rules
from .side_by_side import side_by_side
from .verify import Line, Stretch, find_unproven


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a stranger can read an object, None if that could not be seen; *seen* is what was, in a sentence."""

    readable: bool | None
    seen: str


def differences(wanted: Headers, found: Headers, access: Access) -> list[str]:
    """Return a sentence for each point in which an object is not served as wanted.

    ==================  ==========================================
    point               the same if
    ==================  ==========================================
    content type        equal but for case and spaces
    cache control       the same directives, in any order and case
    access              a stranger can read what is public, and nothing else
    ==================  ==========================================
    """
    told = []
    if _parts(wanted.content_type, ";") != _parts(found.content_type, ";"):
        told.append(
            say(
                "Its content type is {found!r} instead of {wanted!r}.",
                found=found.content_type,
                wanted=wanted.content_type,
            )
        )
    if set(_parts(wanted.cache_control, ",")) != set(_parts(found.cache_control, ",")):
        told.append(
            say(
                "Its cache control is {found!r} instead of {wanted!r}.",
                found=found.cache_control,
                wanted=wanted.cache_control,
            )
        )
    if access.readable is not None and access.readable is not bool(wanted.public):
        should_be = say("It should be public: {seen}") if wanted.public else say("It should be private: {seen}")
        told.append(Sentence(should_be, seen=access.seen))
    return told


def _parts(value: str, separator: str) -> list[str]:
    return [part.strip().lower() for part in value.split(separator) if part.strip()]


def look_at_metadata(
    lines: Iterable[Line],
    source: Store,
    target: Store,
    rules: Rules,
    access: Callable[[str], Access] | None,
    *,
    mend: bool = False,
    threads: int = 8,
) -> Iterator[Line]:
    """Yield *lines*, each ``=`` among them only if the object is also served as the site's rule says.

    Without *access* it is nobody's business whether strangers can read there. With *mend* what is served otherwise is
    repaired; its line then tells so, and is ``=`` if that worked.
    """
    inspector = _Inspector(source, target, rules, access, mend)
    yield from side_by_side(inspector.look_at, lines, threads=threads)


@dataclass(frozen=True)
class _Inspector:
    source: Store
    target: Store
    rules: Rules
    access: Callable[[str], Access] | None
    mend: bool

    def look_at(self, line: Line) -> Line:
        if line.symbol != "=":
            return line
        try:
            return self._look_closer(line)
        except StoreRefused:
            raise
        except StorageError as error:
            return Line("!", line.key, error.what)

    def _look_closer(self, line: Line) -> Line:
        wanted = self._wanted(line.key)
        if isinstance(wanted, HoldBack):
            return Line("-", line.key, say("It should not be in the target: {reason}", reason=wanted.reason))
        found, access = self._described(line.key), self._access(line.key)
        told = differences(wanted, found.headers or Headers(""), access)
        if told and self.mend:
            return self._mended(found, wanted, told)
        if told:
            return Line("*", line.key, joined(told, " "))
        return line if self.access is None or access.readable is not None else Line("!", line.key, access.seen)

    def _access(self, key: str) -> Access:
        return Access(None, "") if self.access is None else self.access(key)

    def _wanted(self, key: str) -> Headers | HoldBack:
        with RetryingStore(self.source).open(key) as opened:
            answer = self.rules.publish(key, opened.read(FIRST_BYTES))
        return answer if isinstance(answer, HoldBack) else answer.headers

    def _described(self, key: str) -> ObjectInfo:
        return RetryingStore(self.target).describe(key)

    def _mended(self, found: ObjectInfo, wanted: Headers, told: list[str]) -> Line:
        """Repair one object and look at it again, whatever the store said to the repair."""
        key = found.key
        if not self._republished(found, wanted):
            self._put_again(key)
        left = differences(wanted, self._described(key).headers or Headers(""), self._access(key))
        if left:
            return Line("*", key, say("The repair did not help. {left}", left=joined(left, " ")))
        return Line("=", key, say("Repaired. {told}", told=joined(told, " ")))

    def _republished(self, found: ObjectInfo, wanted: Headers) -> bool:
        """Let the store change the headers where the object lies; return whether it did, and harmed nothing.

        Some stores answer that they did, and did not.
        """
        if not isinstance(self.target, Republishes):
            return False
        try:
            self.target.republish(found, wanted)
            now = self._described(found.key)
        except StoreRefused:
            raise
        except StorageError:
            return False
        return _holds_the_same(now, found) and not differences(wanted, now.headers or Headers(""), Access(None, ""))

    def _put_again(self, key: str) -> None:
        rules = dataclasses.replace(self.rules, on_difference="replace")
        sent = copy_object(RetryingStore(self.source), RetryingStore(self.target), key, rules)
        alone = Stretch(rules.prefix, "", key, objects_before=10**9)
        if trouble := find_unproven(self.target, [sent], alone):
            raise StorageError(trouble[key], key=key)


def _holds_the_same(now: ObjectInfo, before: ObjectInfo) -> bool:
    """Return whether the store itself says so; what we recorded beside the object proves nothing of its content."""
    if now.size != before.size:
        return False
    # An object that was sent in parts may have become one whole.
    return now.md5 in (before.md5, before.recorded_md5) if now.md5 is not None else now.etag == before.etag
