"""Small objects go from the thread that walks the listings, unless the disk is slow or the store has trouble."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from external_storage import transfer
from external_storage.objects import Headers, Publish
from external_storage.stores import LocalStore, S3Store
from external_storage.testing import FakeS3, Fault
from external_storage.transfer.pace import FIRST_GOAL

PICTURE = Headers("image/jpeg", "public", public=True)
RULES = transfer.Rules(lambda key, first_bytes: Publish(PICTURE))


class Slow(LocalStore):
    """A folder on a disk that takes its time, and notes who reads, and how many at once."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.readers: list[str] = []
        self.most_at_once = 0
        self._reading: set[str] = set()

    def _opened(self, key):
        self.readers.append(threading.current_thread().name)
        self._reading.add(key)
        time.sleep(0.02)
        self.most_at_once = max(self.most_at_once, len(self._reading))
        self._reading.remove(key)
        return super()._opened(key)


def many_pictures(folder: Path) -> None:
    for n in range(200):
        (folder / f"{n:03}.jpg").write_bytes(b"%d" % n)


def bucket_of(fake: FakeS3) -> S3Store:
    return S3Store("b", bucket="pictures", endpoint_url=fake.endpoint_url, access_key_id="i", secret_access_key="s")


def test_small_objects_are_sent_by_one_thread_over_few_connections(tmp_path, monkeypatch):
    # A machine with much else to do looks like a slow disk and like a store far away: both want several threads.
    monkeypatch.setattr("external_storage.transfer.engine.SLOW_READ_SECONDS", 1.0)
    monkeypatch.setattr("external_storage.stores.s3.connection.SHORT_WAY_SECONDS", 1.0)
    many_pictures(tmp_path)
    with FakeS3() as fake:
        source = LocalStore("disk", tmp_path)
        before = threading.active_count()
        most = []
        rules = transfer.Rules(lambda key, first: most.append(threading.active_count()) or Publish(PICTURE))
        report = transfer.copy(source, bucket_of(fake), rules, concurrency=FIRST_GOAL)
    assert (report.copied, report.failed) == (200, 0)
    assert max(most) <= before + 2 + FIRST_GOAL  # what the fake has for each connection, the hashing, and a worker


def test_a_slow_disk_is_read_by_several_threads(tmp_path):
    many_pictures(tmp_path)
    with FakeS3() as fake:
        source = Slow("disk", tmp_path)
        report = transfer.copy(source, bucket_of(fake), RULES)
    assert (report.copied, report.failed) == (200, 0)
    assert len(set(source.readers)) > 4
    assert source.most_at_once > 4


def test_an_object_that_fails_on_its_way_is_tried_again_while_others_go_on(tmp_path):
    many_pictures(tmp_path)
    with FakeS3() as fake:
        fault = fake.misbehave(Fault.answer(503, "ServiceUnavailable"), method="PUT", key="100.jpg", times=1)
        report = transfer.copy(LocalStore("disk", tmp_path), bucket_of(fake), RULES)
    assert (fault.fired, report.copied, report.failed, report.retries) == (1, 200, 0, 1)
