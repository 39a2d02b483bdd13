"""Azure Blob Storage passes the contract, on Azurite. By hand, because Azurite brings 186 MB of npm packages:

npm install --global azurite@3.34.0
python -m pytest tests/contract/azure_on_azurite.py
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from external_storage.errors import ContainerMissing
from external_storage.stores import Store
from external_storage.stores.azure import AzureStore
from tests.contract.containers import ContainerContract
from tests.servers.azurite import azurite


@pytest.fixture(scope="session")
def service() -> Iterator[BlobServiceClient]:
    with azurite() as connection:
        yield BlobServiceClient.from_connection_string(connection)


class TestAzure(ContainerContract):
    keeps_headers = True

    @pytest.fixture
    def store(self, service: BlobServiceClient) -> Store:
        return AzureStore("azure", service.create_container(f"books-{secrets.token_hex(6)}"), prefix="images/")


def test_a_missing_container_is_no_missing_object(service: BlobServiceClient):
    store = AzureStore("azure", service.get_container_client("not-there"))
    for ask in (lambda: list(store.list()), lambda: store.describe("a"), lambda: store.open("a")):
        with pytest.raises(ContainerMissing):
            ask()
