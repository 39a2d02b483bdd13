"""A whole site for a test: a copy of the tree, run by its own `./bw-dev`, and people to visit it."""

from __future__ import annotations

from .instance import CommandFailed, Instance, Outcome, new_instance
from .prober import Prober
from .visitor import Form, Page, Visitor
from .web import Answer, ask

__all__ = ["Answer", "CommandFailed", "Form", "Instance", "Outcome", "Page", "Prober", "Visitor", "ask", "new_instance"]
