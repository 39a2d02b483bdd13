"""What a project needs to test a store of its own: the contract every store passes, and a server that misbehaves."""

from .contract import StoreContract
from .fake_s3 import FakeS3, Fault
from .strict_s3 import StrictS3

__all__ = ["FakeS3", "Fault", "StoreContract", "StrictS3"]
