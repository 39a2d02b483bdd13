"""Keep objects wherever Apache Libcloud has a driver that holds the contract: see docs/decisions/libcloud.md."""

from .store import DRIVERS, LibcloudStore

__all__ = ["DRIVERS", "LibcloudStore"]
