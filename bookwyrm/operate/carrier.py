"""Run ``storage_carry`` beside the worker: a process of its own, which ends with it and is started again if it dies.

Of its own, because a store that hangs must not keep the worker from its tasks nor from ending; and because what it does
may be torn out at any moment: the next one goes on with it.
"""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import env
from .processes import PARENT, STEADY_SECONDS, pause_before_restart

logger = logging.getLogger(__name__)

FAREWELL = 3.0


class Carrier:
    """Keeps the process alive from `start` to `stop`."""

    def __init__(self) -> None:
        # A signal may come while the one before is obeyed. For the lock inside an `Event` it would wait for ever then;
        # whoever sets a flag and puts something into this queue waits for nothing.
        self._is_stopping = False
        self._stops: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        # One thread starts it and lives as long as we do: the kernel ends a child with the thread that started it.
        self._keeper = threading.Thread(target=self._keep_alive, name="carrier", daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def stop(self, *_: object, **__: object) -> None:
        """End the process now. May be called from a signal handler, and more than once."""
        self._is_stopping = True
        self._stops.put(None)
        if self._process is not None:
            self._process.terminate()

    def _keep_alive(self) -> None:
        crashes = 0
        while not self._is_stopping:
            began = time.monotonic()
            code = self._run()
            if self._is_stopping:
                return
            crashes = 1 if time.monotonic() - began > STEADY_SECONDS else crashes + 1
            pause = pause_before_restart(crashes)
            logger.error("storage_carry ended unasked (exit code %d); starting it again in %.0f s", code, pause)
            with suppress(queue.Empty):
                self._stops.get(timeout=pause)

    def _run(self) -> int:
        command = [sys.executable, str(env.CHECKOUT / "manage.py"), "carry_files"]
        environment = {**os.environ, PARENT: str(os.getpid())}
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603 - ours
        if self._is_stopping:
            self._process.terminate()
        while True:
            try:
                return self._process.wait(FAREWELL)
            except subprocess.TimeoutExpired:
                if self._is_stopping:
                    self._process.kill()


@contextmanager
def carrying(*, needed: bool) -> Iterator[Carrier]:
    """Carry files for the length of the block; if that is not *needed*, there is only one store, do nothing."""
    carrier = Carrier()
    if needed:
        carrier.start()
    try:
        yield carrier
    finally:
        carrier.stop()
