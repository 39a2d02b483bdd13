"""Find the objects whose names the target would take for one, before one of them is written over the other.

Some file systems and servers take ``A.jpg`` for ``a.jpg``, or ``é`` as one character for ``e`` with an accent after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import groupby
from unicodedata import normalize

from ..errors import ObjectMissing
from ..objects import Headers
from ..sentences import say
from ..stores.base import Store
from ..stores.sorting import sorted_on_disk
from ..stores.sources import BytesSource
from .plan import Decision, Verdict
from .scan import Pair, scan

Folding = Callable[[str], str]

# Written beside the first object whose name may meet another one, and removed at once. Always the same name: what a
# killed run left of it is removed by the next.
PROBE = ".Names-told-apart"
DECOMPOSED = "e\N{COMBINING ACUTE ACCENT}"
PROBE_HEADERS = Headers("text/plain", "no-store", public=False)


def composed(key: str) -> str:
    """Return *key* with each accented letter as one character, where there is one."""
    return normalize("NFC", key)


class Collisions:
    """What of a run's source cannot be told apart in its target.

    Nothing is asked as long as the names are in small letters, and composed: of two that meet under a folding, one at
    least is changed by it. The first name that is makes us try out what the target does with such names; only where it
    folds them are all names looked at.
    """

    def __init__(self, source: Store, target: Store, prefix: str) -> None:
        self._source = source
        self._target = target
        self._prefix = prefix
        self._untried: set[Folding] = {str.lower, composed}
        self._others: dict[str, str] = {}

    def judged(self, pair: Pair, decision: Decision) -> Decision:
        """Return *decision*; or, if the object would meet another one in the target, that it cannot be copied."""
        if any(folding(pair.key) != pair.key for folding in self._untried):
            self._try_out(pair.key)
        other = self._others.get(pair.key)
        if other is None:
            return decision
        return Decision(
            Verdict.UNUSABLE,
            say("The target takes the names {key!r} and {other!r} for one.", key=pair.key, other=other),
            say("Rename one of the two; neither was written over the other."),
        )

    def _try_out(self, key: str) -> None:
        """Let the target show which foldings, of those that change *key*, it makes; look at all names if it does."""
        tried = {folding for folding in self._untried if folding(key) != key}
        self._untried -= tried
        folder = key[: key.rfind("/") + 1]
        probe = folder + PROBE + (DECOMPOSED if composed in tried else "")
        self._target.put(probe, BytesSource(probe, b""), PROBE_HEADERS)
        try:
            made = [folding for folding in tried if self._is_there(folder + folding(probe[len(folder) :]))]
        finally:
            self._target.delete([probe])
        if made:
            self._others |= dict(self._met_under(made))

    def _is_there(self, key: str) -> bool:
        try:
            self._target.describe(key)
        except ObjectMissing:
            return False
        return True

    def _met_under(self, foldings: list[Folding]) -> Iterator[tuple[str, str]]:
        """Yield each name of either store that becomes the same as another one, with that one."""

        def folded(key: str) -> str:
            return reduce(lambda name, folding: folding(name), foldings, key)

        keys = (pair.key for pair in scan(self._source, self._target, prefix=self._prefix))
        in_order = sorted_on_disk(keys, order=folded, packed=lambda key: [key], unpacked=lambda fields: fields[0])
        for _, group in groupby(in_order, key=folded):
            first, *rest = group
            for each in rest:
                yield each, first
            if rest:
                yield first, rest[0]
