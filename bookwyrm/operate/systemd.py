"""Tell systemd how the site fares, where systemd started it (``Type=notify``)."""

from __future__ import annotations

import os
import socket
import time


def notify(state: str) -> None:
    """Send *state* (``READY=1``, ``STOPPING=1``, …); without a ``NOTIFY_SOCKET`` nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if state == "RELOADING=1":
        state += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.connect(address)
        notifier.sendall(state.encode())
