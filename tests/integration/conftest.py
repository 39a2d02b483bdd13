"""What several kinds of tests need before the tests' own site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.front import Front, behind_nginx


@pytest.fixture
def before_site(certificates, nginx_program, live_server) -> Callable[..., AbstractContextManager[Front]]:
    """A function that puts nginx, with its file changed here and there, before the site."""
    return lambda **changed: behind_nginx(certificates, live_server.thread.port, changed)


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that nginx's workers, who are somebody else, may read."""
    with TemporaryDirectory(prefix="bookwyrm-pictures-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
