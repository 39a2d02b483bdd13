"""Places where a site's bytes live. Each is a `Store` (see ``base``) and passes the same contract."""

from .base import Source, Store
from .django_storage import DjangoStorageStore
from .local import LocalStore
from .memory import MemoryStore
from .s3 import S3Store
from .sources import BytesSource

__all__ = ["BytesSource", "DjangoStorageStore", "LocalStore", "MemoryStore", "S3Store", "Source", "Store"]
