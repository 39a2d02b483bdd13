"""Turn the signals that ask a command to stop into an exception where the run waits."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from ..errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalsRaise:
    """Between `begin` and `end`, a stopping signal raises `Interrupted`, once, in the main thread.

    Elsewhere signals cannot be caught, and nothing is changed.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._ignoring = False
        self._came: int | None = None

    def begin(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._raise) for each in STOPPING}

    def ignore(self) -> None:
        """From now on signals change nothing: the run is ending already."""
        self._ignoring = True

    def end(self) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._before = {}

    def came(self) -> bool:
        """Return whether a stopping signal came, for loops that also go on without what it raised."""
        return self._came is not None

    def raise_what_was_lost(self) -> None:
        """Raise again what was raised where Python ignores exceptions: in a finaliser, or while it collects garbage."""
        if self._came is not None and not self._ignoring:
            raise Interrupted(self._came)

    def _raise(self, signum: int, _frame: FrameType | None) -> None:
        if self._came is None and not self._ignoring:
            self._came = signum
            raise Interrupted(signum)
