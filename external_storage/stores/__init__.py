"""Places where a site's bytes live. Each is a `Store` (see ``base``) and passes the same contract."""

from .base import Source, Store
from .local import LocalStore
from .memory import MemoryStore
from .sources import BytesSource

__all__ = ["BytesSource", "LocalStore", "MemoryStore", "Source", "Store"]
