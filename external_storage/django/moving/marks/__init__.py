"""Remember which keys a store has not caught up with, from before they are touched until it has.

A mark says that a key is dirty, not what was done to it: whoever delivers it makes the other store equal to what the
holder has *then*. So it does not matter how often a key was touched, in which order, or whether whoever meant to touch
it was killed before he could.

``begin`` → touch the holder → ``end``; ``readable_in`` for whoever reads; ``drain`` for the background.
"""

from __future__ import annotations

from .delivering import Drained, deliver, drain, open_again
from .reading import not_yet_in_active, readable_in, true_holder
from .rows import Mark, Waiting, count_open, delivered_keys, keys_held_by, of_key, open_marks, waiting_for
from .touching import Touch, begin, end

__all__ = [
    "Drained",
    "Mark",
    "Touch",
    "Waiting",
    "begin",
    "count_open",
    "deliver",
    "delivered_keys",
    "drain",
    "end",
    "keys_held_by",
    "not_yet_in_active",
    "of_key",
    "open_again",
    "open_marks",
    "readable_in",
    "true_holder",
    "waiting_for",
]
