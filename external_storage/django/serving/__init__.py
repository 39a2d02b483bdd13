"""Serve files through the site itself, wherever they live: in constant memory, within the deadline."""

from __future__ import annotations

from .sending import send_file

__all__ = ["send_file"]
