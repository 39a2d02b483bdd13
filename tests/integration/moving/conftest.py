"""An alias with three places to be moved between: two folders, and a bucket on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from external_storage.django import conf
from external_storage.django.moving import database, ladder, marks, state
from external_storage.django.moving.state import State
from external_storage.objects import Headers
from external_storage.stores import BytesSource
from tests.servers import S3Server

SITE = "https://books.test"
RULE = "tests.integration.moving.publishing.may_publish"
TABLES = ("aliasstate", "mark", "reservedname", "move")


@dataclass
class MovedSite:
    """The test's own site, as far as moving goes."""

    settings: Any
    folders: Path
    values: dict[str, Any] = field(default_factory=dict)
    deadline: float = 5.0

    def configure(self, **stores: Any) -> None:
        """Apply the settings; *stores* adds entries, or replaces values of those that are there."""
        for name, values in stores.items():
            self.values[name] = {**self.values.get(name, {}), **values}
        described = {"DEADLINE": self.deadline, "STORES": dict(self.values), "ALIASES": {"default": self._alias()}}
        self.settings.EXTERNAL_STORAGE = described

    def _alias(self) -> dict[str, Any]:
        return {"ACTIVE": "disk", "STORES": list(self.values), "PUBLISHING_RULE": RULE}

    @property
    def storage(self) -> Any:
        return storages["default"]

    def save(self, name: str, text: str) -> str:
        return self.storage.save(name, ContentFile(text.encode()))

    def replace(self, name: str, text: str) -> None:
        with self.storage.open(name, "wb") as file:
            file.write(text.encode())

    def read(self, name: str) -> str:
        with self.storage.open(name) as file:
            return file.read().decode()

    def held(self, store: str) -> dict[str, str]:
        """Return every object of a store, and what is in it."""
        opened = conf.store_named(store)
        contents = {}
        for info in opened.list():
            with opened.open(info.key) as source:
                contents[info.key] = source.read().decode()
        return contents

    def put(self, store: str, key: str, text: str) -> None:
        """Store an object behind the site's back."""
        conf.store_named(store).put(key, BytesSource(key, text.encode()), Headers("text/plain", public=True))

    def drop(self, store: str, key: str) -> None:
        """Lose an object behind the site's back."""
        assert conf.store_named(store).delete([key])[key] is None

    # Moving

    def time_passes(self, seconds: float = 60) -> None:
        """Let every process have heard of the step, as it would after a few seconds."""
        database.run("UPDATE external_storage_aliasstate SET since = since - %s", seconds)
        database.run("UPDATE external_storage_mark SET writing_until = 0, claimed_until = 0, next_try_at = 0")
        state.forget()

    def climb(self, *steps: str, target: str = "bucket") -> State:
        """Take the steps, each as soon as the one before is complete."""
        reached = state.fresh_state_of("default")
        for step in steps:
            marks.drain("default")
            self.time_passes()
            take = getattr(ladder, step)
            reached = take("default", target) if step == "begin_mirroring" else take("default")
        return reached

    def drain(self) -> marks.Drained:
        return marks.drain("default")

    def open_keys(self) -> set[tuple[str, str]]:
        """Return the key and the target of every mark that is not delivered."""
        return {(mark.key, mark.target) for mark in marks.open_marks("default")}


UP_TO = {
    "settled": (),
    "mirroring": ("begin_mirroring",),
    "handover": ("begin_mirroring", "begin_handover"),
    "unconfirmed": ("begin_mirroring", "begin_handover", "exchange"),
    "switched": ("begin_mirroring", "begin_handover", "exchange", "confirm"),
    "left": ("begin_mirroring", "begin_handover", "exchange", "confirm", "settle"),
}


@pytest.fixture
def never_moved(transactional_db) -> Iterator[None]:
    """Begin and end without a trace of any move."""
    forget_moves()
    yield
    forget_moves()


def forget_moves() -> None:
    """Make it so that nothing was ever moved, whatever is in the stores."""
    with database.transaction():
        for table in TABLES:
            database.run(f"DELETE FROM external_storage_{table}")
    state.forget()


@pytest.fixture
def site(settings, tmp_path: Path, never_moved) -> MovedSite:
    """A site whose files are on the disk; "other" is a second folder."""
    made = MovedSite(settings, tmp_path)
    for name in ("disk", "other"):
        (tmp_path / name).mkdir()
        made.values[name] = {"KIND": "local", "ROOT": tmp_path / name, "PUBLIC_URL": f"{SITE}/{name}/"}
    made.configure()
    settings.STORAGES = dict(settings.STORAGES)
    return made


@pytest.fixture
def site_with_bucket(site: MovedSite, seaweedfs: S3Server) -> MovedSite:
    """The same, and "bucket" is one on SeaweedFS."""
    bucket = seaweedfs.make_bucket()
    site.configure(
        bucket={
            "KIND": "s3",
            "BUCKET": bucket.name,
            "PREFIX": "images/",
            "REGION": seaweedfs.region,
            "ENDPOINT_URL": seaweedfs.endpoint_url,
            "CUSTOM_DOMAIN": bucket.public_url,
            "ACCESS_KEY_ID": seaweedfs.access_key_id,
            "SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
            "USE_HTTPS": False,
        }
    )
    return site
