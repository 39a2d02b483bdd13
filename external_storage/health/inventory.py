"""Judge what is in a store against what the site says should be there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..objects import in_key_order
from ..sentences import say
from .findings import Finding, failure, ok, unknown, warning
from .preflight import PROBES

NAMED = 3
"""How many files a sentence names before it only counts."""


@dataclass(slots=True)
class Tally:
    """How many files are of a kind, and the first few of them. It stays small however many there are."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(key)

    @property
    def in_words(self) -> str:
        return _in_words(self.named, self.count)


def judge_references(missing: Tally, referenced: int, place: str) -> Finding:
    """Judge how many of the files that the database refers to are not in the store."""
    if not missing.count:
        return ok(
            "files.missing",
            say(
                "Every file that the database refers to is in {place} ({referenced} in all).",
                referenced=referenced,
                place=place,
            ),
        )
    return failure(
        "files.missing",
        say(
            "Of the files that the database refers to, {place} lacks {count} of {referenced}: {named}.",
            count=missing.count,
            referenced=referenced,
            place=place,
            named=missing.in_words,
        ),
        say("storage_missing names the rows and where a copy is; sync_media_to_s3 sends what is on the disk."),
    )


def judge_unreferenced(unreferenced: Tally, place: str) -> Finding:
    """Judge how many files the database knows nothing of."""
    if not unreferenced.count:
        return ok("files.unreferenced", say("The database refers to every file in {place}.", place=place))
    return warning(
        "files.unreferenced",
        say(
            "{place} holds files that the database does not refer to ({count}): {named}.",
            count=unreferenced.count,
            place=place,
            named=unreferenced.in_words,
        ),
        say(
            "They harm nobody, and are readable like the others. storage_orphans names them, and removes "
            "them if you like."
        ),
    )


def judge_thumbnails(missing: Tally, place: str, *, remade_by: str) -> Finding:
    """Judge how many of the smaller pictures are missing that are made from others."""
    if not missing.count:
        return ok("files.thumbnails", say("Every smaller picture is in {place}.", place=place))
    return warning(
        "files.thumbnails",
        say(
            "{place} lacks smaller pictures ({count}): {named}.",
            count=missing.count,
            place=place,
            named=missing.in_words,
        ),
        say("Pages show the large ones meanwhile. Make them again: {remade_by}", remade_by=remade_by),
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that the database has to do with: a row refers to it, or it may, or should, be made from such a file."""

    key: str
    is_referred_to: bool
    is_expected: bool


@dataclass(slots=True)
class Inventory:
    """What a walk through a store found, compared with what the database refers to."""

    referenced: int = 0
    missing: Tally = field(default_factory=Tally)
    missing_derived: Tally = field(default_factory=Tally)
    unreferenced: Tally = field(default_factory=Tally)

    @classmethod
    def made_of(cls, wanted: Iterable[Wanted], held: Iterable[str]) -> Inventory:
        """Compare two walks side by side, both in key order; memory stays flat."""
        inventory = cls()
        listed = iter(held)
        found = next(listed, None)
        for each in wanted:
            while found is not None and in_key_order(found) < in_key_order(each.key):
                inventory._take_unreferenced(found)
                found = next(listed, None)
            inventory._take(each, is_there=found == each.key)
            if found == each.key:
                found = next(listed, None)
        for key in chain([] if found is None else [found], listed):
            inventory._take_unreferenced(key)
        return inventory

    def _take(self, wanted: Wanted, *, is_there: bool) -> None:
        self.referenced += wanted.is_referred_to
        if is_there:
            return
        if wanted.is_referred_to:
            self.missing.add(wanted.key)
        elif wanted.is_expected:
            self.missing_derived.add(wanted.key)

    def _take_unreferenced(self, key: str) -> None:
        if not key.startswith(PROBES):
            self.unreferenced.add(key)


def judge_manifest(named: Collection[str], held: Collection[str], place: str) -> Finding:
    """Judge whether every file that the manifest lets pages name is in the store."""
    if not named:
        return unknown(
            "static.manifest", say("No static files were collected on this machine."), say("Run collectstatic.")
        )
    missing = set(named) - set(held)
    if not missing:
        return ok(
            "static.manifest",
            say("Every file that pages may name is in {place} ({count} in all).", count=len(set(named)), place=place),
        )
    return failure(
        "static.manifest",
        say(
            "Of the files that pages may name, {place} lacks {count} of {named_count}: {named}.",
            count=len(missing),
            named_count=len(set(named)),
            place=place,
            named=_named(missing),
        ),
        say("Run collectstatic."),
    )


def judge_staleness(changed: Collection[str], *, manifest_differs: bool, place: str) -> Finding:
    """Judge whether what was collected is what the code holds, and whether the store has the same manifest."""
    if changed:
        return warning(
            "static.stale",
            say(
                "Static files have changed since they were collected ({count}): {named}.",
                count=len(changed),
                named=_named(changed),
            ),
            say("Run collectstatic."),
        )
    if manifest_differs:
        return warning(
            "static.stale",
            say(
                "{place} holds another manifest than this machine: the files were last collected elsewhere.",
                place=place,
            ),
            say("Run collectstatic on the machine that serves the pages."),
        )
    return ok("static.stale", say("The static files are those of the code that runs."))


def _named(keys: Collection[str]) -> str:
    return _in_words(sorted(keys)[:NAMED], len(keys))


def _in_words(named: Sequence[str], count: int) -> str:
    told = ", ".join(map(repr, named))
    return say("{named} and {count} more", named=told, count=count - len(named)) if count > len(named) else told
