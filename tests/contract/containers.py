"""What the stores of containers have in common when they are put to the contract."""

from __future__ import annotations

from external_storage.testing import StoreContract


class ContainerContract(StoreContract):
    """The contract for a store whose listings the service's own library turns the pages of."""

    many = 60
    every_range = 3
