"""Judge what is in a store against what the site says should be there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .findings import Finding, failure, ok, unknown, warning
from .preflight import PROBES

NAMED = 3
"""How many files a sentence names before it only counts."""


def judge_references(missing: Collection[str], referenced: int, place: str) -> Finding:
    """Judge how many of the files that the database refers to are not in the store."""
    if not missing:
        return ok("files.missing", f"All {referenced} files that the database refers to are in {place}.")
    return failure(
        "files.missing",
        f"{len(missing)} of {referenced} files that the database refers to are not in {place}: {_named(missing)}.",
        "storage_missing names the rows and where a copy is; sync_media_to_s3 sends what is on the disk.",
    )


def judge_unreferenced(unreferenced: Collection[str], place: str) -> Finding:
    """Judge how many files the database knows nothing of."""
    if not unreferenced:
        return ok("files.unreferenced", f"The database refers to every file in {place}.")
    return warning(
        "files.unreferenced",
        f"The database refers to none of {len(unreferenced)} files in {place}: {_named(unreferenced)}.",
        "They harm nobody, and are readable like the others. storage_orphans names them, and removes them if you like.",
    )


def judge_thumbnails(missing: Collection[str], place: str, *, remade_by: str) -> Finding:
    """Judge how many of the smaller pictures are missing that are made from others."""
    if not missing:
        return ok("files.thumbnails", f"Every smaller picture is in {place}.")
    return warning(
        "files.thumbnails",
        f"{len(missing)} smaller pictures are not in {place}: {_named(missing)}.",
        f"Pages show the large ones meanwhile. Make them again: {remade_by}",
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
        return unknown("static.manifest", "No static files were collected on this machine.", "Run collectstatic.")
    missing = set(named) - set(held)
    if not missing:
        return ok("static.manifest", f"All {len(set(named))} files that pages may name are in {place}.")
    return failure(
        "static.manifest",
        f"{len(missing)} of {len(set(named))} files that pages may name are not in {place}: {_named(missing)}.",
        "Run collectstatic.",
    )


def judge_staleness(changed: Collection[str], *, manifest_differs: bool, place: str) -> Finding:
    """Judge whether what was collected is what the code holds, and whether the store has the same manifest."""
    if changed:
        return warning(
            "static.stale",
            f"{len(changed)} static files have changed since they were collected: {_named(changed)}.",
            "Run collectstatic.",
        )
    if manifest_differs:
        return warning(
            "static.stale",
            f"{place} holds another manifest than this machine: the files were last collected elsewhere.",
            "Run collectstatic on the machine that serves the pages.",
        )
    return ok("static.stale", "The static files are those of the code that runs.")


def _named(keys: Iterable[str]) -> str:
    listed = sorted(keys)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(repr(key) for key in listed[:NAMED]) + more
