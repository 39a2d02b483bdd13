"""Make the other stores equal to what the holders have, mark by mark."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ....errors import ObjectMissing, StorageError, StoreRefused, TransientStoreError, VerificationFailed
from ....objects import ObjectInfo
from ....sentences import as_line, say
from ....stores import Store
from ....transfer.copy import copy_object
from ....transfer.plan import Rules
from ....transfer.side_by_side import side_by_side
from ... import conf
from .. import database
from ..state import fresh_state_of
from .reading import true_holder
from .rows import Mark, found

CLAIM_SECONDS = 60.0
"""How long a drainer has a mark for itself. One that was killed holds up nothing longer."""

LONGEST_WAIT = 60.0
"""A mark that cannot be delivered is tried again after 1, 2, 4, … seconds, and at least this often."""

LONGEST_WAIT_FOR_A_STORE = 8.0
"""The same where the store is in trouble and not the file: soon after it is back, it should have everything."""

AT_A_TIME = 200

# What the store as a whole is the reason of, as far as can be told.
IN_TROUBLE = (StoreRefused, TransientStoreError)


@dataclass(slots=True)
class Drained:
    """What one call of `drain` did: how many marks it delivered and failed to, and why a store was left alone."""

    delivered: int = 0
    failed: int = 0
    reasons: dict[str, str] = field(default_factory=dict)


def drain(alias: str, *, threads: int = 8, should_stop: Callable[[], bool] = lambda: False) -> Drained:
    """Deliver every mark of *alias* that is due, and return once none is left that is.

    Any number of processes may drain at once. What cannot be delivered stays open with its reason, and is due again
    after a while; a store that refuses to work, or does not answer, is left alone for the rest of the call.
    """
    done = Drained()

    def attempt(mark: Mark) -> None:
        if mark.target in done.reasons or not _claim(mark):
            return
        try:
            deliver(mark)
        except StorageError as error:
            _put_off(mark, error)
            done.failed += 1
            if isinstance(error, IN_TROUBLE):
                done.reasons.setdefault(mark.target, error.what)
        else:
            done.delivered += 1

    for target in _targets(alias):
        while not should_stop() and target not in done.reasons and (due := _due(alias, target)):
            before = done.delivered + done.failed
            deque(side_by_side(attempt, due, threads=min(threads, len(due))), maxlen=0)
            if done.delivered + done.failed == before:
                break  # others are at all of them
    return done


def _targets(alias: str) -> list[str]:
    rows = database.rows(
        "SELECT DISTINCT target FROM external_storage_mark WHERE alias = %s AND delivered_at IS NULL", alias
    )
    return sorted(target for (target,) in rows)


def _due(alias: str, target: str) -> list[Mark]:
    now = time.time()
    return found(
        "WHERE alias = %s AND target = %s AND delivered_at IS NULL AND next_try_at <= %s AND writing_until <= %s"
        " AND claimed_until <= %s ORDER BY made_at LIMIT %s",
        *(alias, target, now, now, now, AT_A_TIME),
    )


def _claim(mark: Mark) -> bool:
    """Take the mark for ourselves; return False if it changed meanwhile or another drainer was quicker."""
    now = time.time()
    return bool(
        database.run(
            "UPDATE external_storage_mark SET claimed_until = %s"
            " WHERE alias = %s AND key = %s AND target = %s AND sequence = %s AND claimed_until <= %s",
            *(now + CLAIM_SECONDS, *_named(mark), mark.sequence, now),
        )
    )


def deliver(mark: Mark) -> None:
    """Make the mark's target equal to what the holder has now. Raise what kept us from it."""
    state = fresh_state_of(mark.alias)
    holder = true_holder(state, mark.key)
    if mark.target not in state.stores or mark.target == holder:
        _forget(mark)
        return
    is_there = _make_equal(conf.store_named(holder), conf.store_named(mark.target), mark)
    if not _done(mark, is_there=is_there):
        open_again(*_named(mark))


def _make_equal(holder: Store, target: Store, mark: Mark) -> bool:
    """Let *target* have what *holder* has under the key; return whether that is anything."""
    try:
        sent = copy_object(holder, target, mark.key, Rules(publish=conf.configured_alias(mark.alias).rule))
    except ObjectMissing:
        # Only what was deleted is deleted. What the holder merely lacks may be in the target alone, and is left there:
        # readers find it, and the last scan before a switch names it.
        if mark.deleted:
            _delete(target, mark.key)
        return False
    _check_arrival(target, sent)
    return True


def _delete(target: Store, key: str) -> None:
    if error := target.delete([key])[key]:
        raise error


def _check_arrival(target: Store, sent: ObjectInfo) -> None:
    """Raise `VerificationFailed` unless another request shows what was sent."""
    try:
        seen = target.describe(sent.key)
    except ObjectMissing:
        raise VerificationFailed(
            say("{key!r} was stored in {place} and is not there.", key=sent.key, place=target.place), key=sent.key
        ) from None
    if seen.size != sent.size or (seen.md5 or seen.recorded_md5 or sent.md5) != sent.md5:
        raise VerificationFailed(
            say("{key!r} in {place} is not what was sent.", key=sent.key, place=target.place), key=sent.key
        )


# The row


def _named(mark: Mark) -> tuple[str, str, str]:
    return mark.alias, mark.key, mark.target


def _done(mark: Mark, *, is_there: bool) -> bool:
    """Note that the target caught up; return False if the key was touched since the mark was read."""
    return bool(
        database.run(
            "UPDATE external_storage_mark SET delivered_at = %s, claimed_until = 0, attempts = 0, last_error = '',"
            " deleted = %s WHERE alias = %s AND key = %s AND target = %s AND sequence = %s",
            *(time.time(), mark.deleted and not is_there, *_named(mark), mark.sequence),
        )
    )


def open_again(alias: str, key: str, target: str) -> None:
    """See that the key, if it was ever marked for *target*, is delivered once more.

    For whoever wrote to *target* what he had read a while ago: what arrived before his may have been newer.
    """
    database.run(
        "UPDATE external_storage_mark SET delivered_at = NULL, claimed_until = 0, sequence = %s"
        " WHERE alias = %s AND key = %s AND target = %s",
        *(secrets.randbits(62), alias, key, target),
    )


def _forget(mark: Mark) -> None:
    database.run(
        "DELETE FROM external_storage_mark WHERE alias = %s AND key = %s AND target = %s AND sequence = %s",
        *(*_named(mark), mark.sequence),
    )


def _put_off(mark: Mark, error: StorageError) -> None:
    longest = LONGEST_WAIT_FOR_A_STORE if isinstance(error, IN_TROUBLE) else LONGEST_WAIT
    wait = min(2.0 ** min(mark.attempts, 10), longest)
    database.run(
        "UPDATE external_storage_mark SET claimed_until = 0, attempts = attempts + 1, next_try_at = %s, last_error = %s"
        " WHERE alias = %s AND key = %s AND target = %s AND sequence = %s",
        *(time.time() + wait, as_line(str(error)), *_named(mark), mark.sequence),
    )
