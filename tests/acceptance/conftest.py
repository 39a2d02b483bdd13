"""The steps of the page as fixtures: each brings the site one step further, so a test asks for the step it looks at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instance import Instance, new_instance
from tests.servers import Bucket, S3Server


@pytest.fixture(scope="module")
def instance(s3_server: S3Server) -> Iterator[Instance]:
    """A fresh copy of the tree for this story and this server."""
    with new_instance() as instance:
        yield instance


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.make_bucket()
