"""Decide who answers for a file: the site itself, or the store, to which the site leads."""

from __future__ import annotations

from .. import conf
from ..moving.state import State


def leads_to(state: State, mode: str) -> str:
    """Return the URL below which the store in use answers for the files, "" where the site does.

    =========================  ============  =============  =================================
    the alias is               its mode is   links name     the site, when asked for a file
    =========================  ============  =============  =================================
    handed over, unconfirmed   any           the site       answers, from whichever store
    on any other step          proxy         the site       answers
    on any other step          redirect      the site       leads to the store
    on any other step          direct        the store      leads to the store
    =========================  ============  =============  =================================

    To a folder of this machine it leads nobody: the site is what answers for that. So an old link is good in each mode
    and on each step, whatever it was made by.
    """
    active = conf.store_settings(state.active)
    if state.links_to_the_site or mode == conf.PROXY or active.is_on_this_machine:
        return ""
    return active.public_url
