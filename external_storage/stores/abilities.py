"""What each kind of store can promise beyond the least that every store does, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Abilities:
    """What may be relied on; where something is False, the rest of the code does without it."""

    replaces_atomically: bool
    """An object that replaces another is never missing, and never half there."""
    refuses_to_overwrite: bool
    """Of two writers of one new name the second is refused, however close they are."""
    knows_digests: bool
    """A listing tells the MD5 of what was stored, so nothing has to be read to compare it."""
    keeps_headers: bool
    """Type and cache header are stored with the object."""
    lists_in_order: bool
    """The service lists in key order; else each listing is sorted on this machine."""

    def in_words(self) -> list[str]:
        """Return each promise as the owner reads it."""
        answers = {True: "yes", False: "no"}
        return [
            f"replaces atomically: {answers[self.replaces_atomically]}",
            f"two writers never overwrite each other unseen: {answers[self.refuses_to_overwrite]}",
            f"digest known without reading: {answers[self.knows_digests]}",
            f"keeps type and cache header: {answers[self.keeps_headers]}",
            f"lists in order: {'yes' if self.lists_in_order else 'sorted by us'}",
        ]


SFTP = Abilities(
    replaces_atomically=True,
    refuses_to_overwrite=True,
    knows_digests=False,
    keeps_headers=False,
    lists_in_order=False,
)
LIBCLOUD = {
    "local": Abilities(
        replaces_atomically=False,
        refuses_to_overwrite=False,
        knows_digests=False,
        keeps_headers=False,
        lists_in_order=False,
    ),
    "s3": Abilities(
        replaces_atomically=True,
        refuses_to_overwrite=True,
        knows_digests=True,
        keeps_headers=True,
        lists_in_order=False,
    ),
    "openstack_swift": Abilities(
        replaces_atomically=True,
        refuses_to_overwrite=True,
        knows_digests=True,
        keeps_headers=True,
        lists_in_order=False,
    ),
}
AZURE = Abilities(
    replaces_atomically=True,
    refuses_to_overwrite=True,
    knows_digests=True,
    keeps_headers=True,
    lists_in_order=False,
)
GOOGLE = Abilities(
    replaces_atomically=True,
    refuses_to_overwrite=True,
    knows_digests=True,
    keeps_headers=True,
    lists_in_order=True,
)
ANY_DJANGO_STORAGE = Abilities(
    replaces_atomically=False,
    refuses_to_overwrite=False,
    knows_digests=False,
    keeps_headers=False,
    lists_in_order=False,
)
