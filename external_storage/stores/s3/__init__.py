"""Keep objects in any service that speaks S3, through a client of our own that is made for moving many of them."""

from .signing import Credentials
from .store import S3Store

__all__ = ["Credentials", "S3Store"]
