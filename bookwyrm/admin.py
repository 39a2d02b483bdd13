"""Gather every page of the admin where Django looks for them."""

from .books import admin as books
from .connectors import admin as connectors
from .people import admin as people
from .shelves import admin as shelves
from .site import admin as site

__all__ = ["books", "connectors", "people", "shelves", "site"]
