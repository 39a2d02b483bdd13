"""Judge what is in a store against what the site says should be there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ..sentences import say
from .findings import Finding, failure, ok, unknown, warning
from .preflight import PROBES

NAMED = 3
"""How many files a sentence names before it only counts."""


def judge_references(missing: Collection[str], referenced: int, place: str) -> Finding:
    """Judge how many of the files that the database refers to are not in the store."""
    if not missing:
        return ok(
            "files.missing",
            say(
                "All {referenced} files that the database refers to are in {place}.",
                referenced=referenced,
                place=place,
            ),
        )
    return failure(
        "files.missing",
        say(
            "{count} of {referenced} files that the database refers to are not in {place}: {named}.",
            count=len(missing),
            referenced=referenced,
            place=place,
            named=_named(missing),
        ),
        say("storage_missing names the rows and where a copy is; sync_media_to_s3 sends what is on the disk."),
    )


def judge_unreferenced(unreferenced: Collection[str], place: str) -> Finding:
    """Judge how many files the database knows nothing of."""
    if not unreferenced:
        return ok("files.unreferenced", say("The database refers to every file in {place}.", place=place))
    return warning(
        "files.unreferenced",
        say(
            "The database refers to none of {count} files in {place}: {named}.",
            count=len(unreferenced),
            place=place,
            named=_named(unreferenced),
        ),
        say(
            "They harm nobody, and are readable like the others. storage_orphans names them, and removes "
            "them if you like."
        ),
    )


def judge_thumbnails(missing: Collection[str], place: str, *, remade_by: str) -> Finding:
    """Judge how many of the smaller pictures are missing that are made from others."""
    if not missing:
        return ok("files.thumbnails", say("Every smaller picture is in {place}.", place=place))
    return warning(
        "files.thumbnails",
        say(
            "{count} smaller pictures are not in {place}: {named}.",
            count=len(missing),
            place=place,
            named=_named(missing),
        ),
        say("Pages show the large ones meanwhile. Make them again: {remade_by}", remade_by=remade_by),
    )


@dataclass
class Inventory:
    """What a walk through a store found, compared with what the database refers to.

    *derived* is what may be made from the *originals*, *expected* what of it should be there.
    """

    originals: Collection[str]
    derived: Collection[str]
    expected: Collection[str]
    missing: set[str] = field(init=False)
    missing_derived: set[str] = field(init=False)
    unreferenced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.missing, self.missing_derived = set(self.originals), set(self.expected)

    def take(self, keys: Iterable[str]) -> None:
        """Cross off what is there; remember what nobody asked for."""
        for key in keys:
            if key in self.originals:
                self.missing.discard(key)
            elif key in self.derived:
                self.missing_derived.discard(key)
            elif not key.startswith(PROBES):
                self.unreferenced.append(key)


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
            say("All {count} files that pages may name are in {place}.", count=len(set(named)), place=place),
        )
    return failure(
        "static.manifest",
        say(
            "{count} of {named_count} files that pages may name are not in {place}: {named}.",
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
                "{count} static files have changed since they were collected: {named}.",
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


def _named(keys: Iterable[str]) -> str:
    listed = sorted(keys)
    named = ", ".join(repr(key) for key in listed[:NAMED])
    return say("{named} and {count} more", named=named, count=len(listed) - NAMED) if len(listed) > NAMED else named
