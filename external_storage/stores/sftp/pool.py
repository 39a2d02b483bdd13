"""Keep connections open for the next who needs one, each process its own.

All stores with the same login share them: a server counts connections, and to log in takes a quarter of a second.
"""

from __future__ import annotations

import os
import threading
from functools import cache

from .channel import Channel, Reach
from .ssh import Login

# For what is asked by many threads, and for what one thread sends ahead. A server's own limit is ten that have not
# logged in yet, and each costs it two processes.
MOST_SHARED = 4
MOST_AHEAD = 2

# A further connection is opened only while all others have this much to do.
BUSY_REQUESTS = 8


class Pool:
    """At most *most* connections, shared by all who ask."""

    def __init__(self, login: Login, most: int) -> None:
        self._login = login
        self._reach = _reach_of(login)
        self._most = most
        self._channels: list[Channel] = []
        self._process = os.getpid()
        self._lock = threading.Lock()

    def least_busy(self) -> Channel:
        """Return the connection with the fewest requests under way; a new one where all are busy or none is left."""
        with self._lock:
            self._leave_alone_what_is_not_ours()
            self._channels = [channel for channel in self._channels if channel.lost is None]
            going = [channel for channel in self._channels if not channel.seems_stuck]
            may_open = len(self._channels) < self._most
            if not going and not may_open:
                going = self._channels
            channel = min(going, key=lambda each: each.requests_due, default=None)
            if channel is None or (channel.requests_due >= BUSY_REQUESTS and may_open):
                channel = Channel(self._login, self._reach)
                self._channels.append(channel)
            return channel

    def close(self) -> None:
        with self._lock:
            self._leave_alone_what_is_not_ours()
            while self._channels:
                self._channels.pop().close()

    def _leave_alone_what_is_not_ours(self) -> None:
        """After a fork the connections are our parent's, and a word of ours would fall into the middle of its."""
        if self._process != os.getpid():
            self._process, self._channels = os.getpid(), []


@cache
def shared(login: Login) -> Pool:
    """Return the connections for what many threads ask."""
    return Pool(login, MOST_SHARED)


@cache
def ahead(login: Login) -> Pool:
    """Return the connections for what one thread sends without waiting for the answers."""
    return Pool(login, MOST_AHEAD)


@cache
def _reach_of(login: Login) -> Reach:
    return Reach()
