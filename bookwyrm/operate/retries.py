"""Decide whether a task that failed, or whose worker was killed, is tried again; the same for both queues."""

from __future__ import annotations

from django.conf import settings

DEFAULT_PAUSES = (10, 60, 300)


def pauses() -> tuple[float, ...]:
    """Return the seconds before the second, third, … attempt; there is one attempt more than pauses."""
    return tuple(settings.TASKS["default"].get("OPTIONS", {}).get("RETRY_PAUSES", DEFAULT_PAUSES))


def pause_before_retry(attempts: int) -> float | None:
    """Return how long to wait after the *attempts*-th attempt, or None once there have been enough."""
    return pauses()[attempts - 1] if 0 < attempts <= len(pauses()) else None


def most_attempts() -> int:
    return len(pauses()) + 1
