"""Talk to the running supervisor: one JSON line each way over a socket that only its owner can open."""

from __future__ import annotations

import json
import os
import queue
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# sockaddr_un holds 108 bytes on Linux, 104 elsewhere.
LONGEST_SOCKET_PATH = 100

Message = dict[str, Any]


class NotRunning(Exception):
    """No supervisor answers for this state directory."""


def socket_directory(state: Path) -> Path:
    """Return a directory for sockets: below the state directory, or a fresh short one where that path is too long."""
    directory = state / "run"
    if len(os.fsencode(directory)) + len("/web-999999") > LONGEST_SOCKET_PATH:
        return Path(tempfile.mkdtemp(prefix="bw-"))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    return directory


def ask(state: Path, message: Message, *, timeout: float = 10.0) -> Message:
    """Send *message* to the supervisor of *state* and return its answer; raise `NotRunning` where there is none."""
    try:
        path = json.loads((state / "supervisor.json").read_text())["control"]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps(message).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as answers:
                line = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError, json.JSONDecodeError):
        raise NotRunning from None
    if not line:
        raise NotRunning
    return json.loads(line)


@dataclass
class Request:
    """What a client asked; the supervisor's main thread answers it."""

    message: Message
    answer: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)


class Listener:
    """Take requests on threads; *at_once* answers what needs no turn, everything else queues for the main thread."""

    def __init__(self, path: Path, at_once: Callable[[Message], Message | None]) -> None:
        path.unlink(missing_ok=True)
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._at_once = at_once
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw", encoding="utf-8") as lines:
            try:
                message = json.loads(lines.readline())
                answer = self._at_once(message)
                if answer is None:
                    request = Request(message)
                    self.requests.put(request)
                    answer = request.answer.get()
                lines.write(json.dumps(answer) + "\n")
                lines.flush()
            except (json.JSONDecodeError, BrokenPipeError, ConnectionResetError):
                return  # the client left, or is none of ours
