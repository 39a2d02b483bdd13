"""Make the archive of one export and put it into the private store. Done by a worker, who may be killed at any moment.

Whoever begins gives the archive a name of its own and says so in the row; from then on every word to the row is
spoken under that name. So of two workers at one export the later one goes on, the earlier one stops, and what a killed
one left under its name is found there and removed.
"""

from __future__ import annotations

import logging
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from external_storage.django import conf
from external_storage.errors import ObjectMissing
from external_storage.objects import Headers
from external_storage.stores.retrying import RetryingStore

from ..people.models import User
from .archive import Archive, Member
from .describing import as_json, cover_in_archive, editions_of
from .models import ALIAS, Export
from .removing import remove

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/gzip"
HEADERS = Headers(CONTENT_TYPE, "private, no-store", public=False)
DESCRIPTION = "archive.json"

AT_WORK_FOR = timedelta(minutes=2)
"""How long a worker may say nothing before another one takes its place."""

SAID_EVERY = 1.0

IN_MEMORY = 2**20


class StillAtWork(Exception):
    """Another worker said something of this export a moment ago; to be tried again later, when that may have died."""


class Overtaken(Exception):
    """Another worker has begun anew, or nobody wants the export any more."""


def make(export_id: str) -> None:
    """Make the export, unless it is made. Raise `StillAtWork` while another worker is at it."""
    export = Export.objects.under_way().select_related("owner").filter(pk=export_id).first()
    if export is None:
        return
    _take(export)
    try:
        with _packed(export) as archive:
            _store(export, archive)
    except Overtaken:
        logger.warning("The export %s is made by another worker, or not wanted any more.", export.pk)
        remove(export.store, export.archive.name)


def _take(export: Export) -> None:
    """Begin under a new name, and remove what somebody who began before may have left under the old one."""
    if export.status == Export.Status.RUNNING and export.heard_at > timezone.now() - AT_WORK_FOR:
        raise StillAtWork(str(export.pk))
    store, left_behind = export.store, export.archive.name
    rows = Export.objects.under_way().filter(pk=export.pk, archive=left_behind)
    begun = {"status": Export.Status.RUNNING, "store": conf.alias_named(ALIAS).active, "done": 0}
    if not rows.update(archive=f"{uuid.uuid4()}.tar.gz", heard_at=timezone.now(), **begun):
        raise StillAtWork(str(export.pk))
    export.refresh_from_db()
    if left_behind:
        remove(store, left_behind)


def _say(export: Export, **words: Any) -> None:
    """Write to the row. Raise `Overtaken` if it is not ours any more."""
    ours = Export.objects.filter(pk=export.pk, archive=export.archive.name, status=Export.Status.RUNNING)
    if not ours.update(heard_at=timezone.now(), **words):
        raise Overtaken


@contextmanager
def _packed(export: Export) -> Iterator[Archive]:
    pictures = list(_pictures(export.owner))
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as text:
        for piece in as_json(export.owner, {member.name for member in pictures}):
            text.write(piece.encode())
        members = [Member(DESCRIPTION, text.tell(), lambda: _from_the_start(text)), *pictures]
        progress = _Progress(export, len(members))
        yield Archive(export.archive.name, members, made_at=int(export.asked_at.timestamp()), begun=progress.one_more)


class _Progress:
    """Tells the row how far it is. Each member is read twice: see `archive`."""

    def __init__(self, export: Export, members: int) -> None:
        self._export = export
        self._done, self._total = 0, 2 * members
        self._said_at = time.monotonic()
        _say(export, done=0, total=self._total)

    def one_more(self, name: str) -> None:
        self._done = min(self._done + 1, self._total)
        if time.monotonic() - self._said_at >= SAID_EVERY:
            self._said_at = time.monotonic()
            _say(self._export, done=self._done)


def _pictures(person: User) -> Iterator[Member]:
    """Yield the person's picture and the covers of their books, as far as the storage has them."""
    if person.avatar:
        yield from _picture(person.avatar.name, person.avatar.name)
    covers = editions_of(person).exclude(cover="").order_by("cover").values_list("cover", flat=True).distinct()
    for name in covers.iterator():
        yield from _picture(name, cover_in_archive(name))


def _picture(name: str, name_there: str) -> Iterator[Member]:
    # A row may refer to a file that was lost years ago; the rest is worth having all the same.
    with suppress(FileNotFoundError, ObjectMissing):
        yield Member(name_there, default_storage.size(name), lambda: default_storage.open(name))


@contextmanager
def _from_the_start(text: IO[bytes]) -> Iterator[IO[bytes]]:
    text.seek(0)
    yield text


def _store(export: Export, archive: Archive) -> None:
    RetryingStore(conf.store_named(export.store)).put(export.archive.name, archive, HEADERS)
    kept_until = timezone.now() + timedelta(days=settings.EXPORTS_DAYS)
    _say(export, status=Export.Status.READY, size=archive.info.size, expires_at=kept_until)
