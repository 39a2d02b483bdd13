"""``storage_orphans``: what a row refers to stays whatever happens meanwhile; what nobody refers to goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bookwyrm.models import Edition, Work
from external_storage.django import orphans
from external_storage.django.moving import ladder, requests
from external_storage.django.moving.ladder import StepRefused
from external_storage.errors import SettingsError
from tests.integration.moving.conftest import forget_moves

from .conftest import SITE

PICTURE = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
AT_ONCE = ("--yes", "--pause", "0")
LONG_AGO = 30 * 86_400.0

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)]


@pytest.fixture(autouse=True)
def never_moved():
    """Leave no trace of a move, nor of who held its lock."""
    yield
    forget_moves()


@pytest.fixture
def disk(site):
    site.configure(active="disk")
    return site


def old_file(site, key: str, age: float = LONG_AGO) -> Path:
    site.put_on_disk(key, PICTURE)
    then = time.time() - age
    os.utime(site.media / key, (then, then))
    return site.media / key


def row_with(key: str) -> Edition:
    return Edition.objects.create(work=Work.objects.create(), title="A book", cover=key, cover_width=400)


def test_what_nobody_refers_to_goes_and_everything_else_stays(disk, run):
    row_with("covers/a.png")
    stay = [
        old_file(disk, "covers/a.png"),
        old_file(disk, "thumbnails/covers/a-160.webp"),  # made from the picture of a row
        old_file(disk, "covers/new.png", age=3600),  # perhaps its row is not written yet
        old_file(disk, "covers/a.tar.gz"),  # what may not become public is nobody's leftover
        old_file(disk, ".external-storage.json"),
    ]
    go = [old_file(disk, "covers/b.png"), old_file(disk, "thumbnails/covers/b-160.webp")]
    ran = run("storage_orphans", *AT_ONCE)
    assert ran.code == 0
    assert "orphan: 'covers/b.png', 328 bytes" in ran.out
    assert "removed 2 (656 bytes), changed meanwhile 0, failed 0" in ran.out
    assert "--older-than 0 names them, too" in ran.out
    assert [path for path in stay if not path.exists()] == []
    assert [path for path in go if path.exists()] == []


def test_they_are_named_first_and_nothing_goes_unless_somebody_says_so(disk, run):
    row_with("covers/a.png")
    orphan = old_file(disk, "covers/b.png")
    assert run("storage_orphans", "--dry-run").code == 0
    asked = run("storage_orphans")
    assert (asked.code, "Nobody can be asked here" in asked.err) == (2, True)
    assert "orphan: 'covers/b.png'" in asked.out
    assert orphan.exists()


def test_no_more_go_than_may(disk, run):
    row_with("covers/a.png")
    found = [old_file(disk, f"covers/b{number}.png") for number in range(3)]
    ran = run("storage_orphans", *AT_ONCE, "--max-delete", "2")
    assert ran.code == 2
    assert "Files without a reference: 3. Allowed to go: 2. None went." in ran.err
    assert all(path.exists() for path in found)


def first_look(older_than: float = 0.0) -> dict:
    return {info.key: info for info in orphans.Search("default", older_than=older_than).orphans()}


def test_what_somebody_refers_to_between_the_two_looks_stays(disk):
    row_with("covers/a.png")
    taken, replaced, gone, orphan = (old_file(disk, f"covers/{name}.png") for name in ("b", "c", "d", "e"))
    found = first_look()
    row_with("covers/b.png")
    replaced.write_bytes(b"another picture, stored just now")
    gone.unlink()
    uploaded = old_file(disk, "covers/f.png", age=1)
    done = orphans.remove("default", found, older_than=0.0)
    assert (done.removed, done.changed) == (1, 3)
    assert taken.exists()
    assert replaced.exists()
    assert uploaded.exists()
    assert not orphan.exists()


def test_a_row_that_comes_while_the_files_go_keeps_its_file(disk, monkeypatch):
    """Between the second look and the deletion the database is asked once more."""
    row_with("covers/a.png")
    late, orphan = old_file(disk, "covers/b.png"), old_file(disk, "covers/c.png")
    found = first_look()
    ask = orphans.fresh_state_of

    def ask_and_save(alias):
        if not Edition.objects.filter(cover="covers/b.png").exists() and looked_twice():
            row_with("covers/b.png")
        return ask(alias)

    calls = []

    def looked_twice() -> bool:
        calls.append(1)
        return len(calls) > 2  # once before the look, once for the neighbours, then before each batch

    monkeypatch.setattr(orphans, "fresh_state_of", ask_and_save)
    assert orphans.remove("default", found, older_than=0.0).removed == 1
    assert late.exists()
    assert not orphan.exists()


def test_never_while_files_are_being_moved(disk, run):
    row_with("covers/a.png")
    orphan = old_file(disk, "covers/b.png")
    found = first_look()
    requests.ask("default", "bucket")
    assert "are being moved" in run("storage_orphans", *AT_ONCE).err
    requests.withdraw("default")
    ladder.begin_mirroring("default", "bucket")
    assert run("storage_orphans", *AT_ONCE).code == 2
    with pytest.raises(StepRefused):
        orphans.remove("default", found, older_than=0.0)
    assert orphan.exists()


def test_files_in_a_bucket_and_beside_them_those_of_another_store(site, run):
    """Media at the top of a bucket, static files below ``static/`` of the same one."""
    site.configure()
    stores = site.settings.EXTERNAL_STORAGE["STORES"]
    changed = {**stores, "bucket": {**stores["bucket"], "PREFIX": ""}}
    site.settings.EXTERNAL_STORAGE = {**site.settings.EXTERNAL_STORAGE, "STORES": changed}
    row_with("covers/a.png")
    for key in ("covers/a.png", "covers/b.png", "static/site.css"):
        site.put_in_bucket(key, PICTURE)
    time.sleep(1.0)  # a listing tells whole seconds
    (*_, told) = run("storage_orphans", *AT_ONCE, "--older-than", "0", "--json").json
    assert (told["in_use"], told["removed"], told["known"], told["exit_code"]) == (1, 1, 1, 0)
    left = {each["Key"] for each in site.bucket.client.list_objects_v2(Bucket=site.bucket.name)["Contents"]}
    assert {"covers/a.png", "static/site.css"} <= left
    assert "covers/b.png" not in left


def test_where_nothing_tells_what_is_in_use_nothing_goes(disk, run):
    orphan = old_file(disk, "covers/b.png")
    ran = run("storage_orphans", *AT_ONCE)
    assert (ran.code, "refers to no file at all" in ran.err) == (2, True)
    ran = run("storage_orphans", *AT_ONCE, "--alias", "staticfiles")
    assert (ran.code, "storage_prune_static" in ran.err) == (2, True)
    assert orphan.exists()


def test_an_alias_without_rows_in_the_same_place_is_no_leftover(disk):
    """Nobody could tell its files from those that nobody needs."""
    given = disk.settings.EXTERNAL_STORAGE
    inside = {"KIND": "local", "ROOT": disk.media, "PUBLIC_URL": f"{SITE}/elsewhere/"}
    disk.settings.EXTERNAL_STORAGE = {
        **given,
        "STORES": {**given["STORES"], "same-disk": inside},
        "ALIASES": {**given["ALIASES"], "reports": {"ACTIVE": "same-disk"}},
    }
    row_with("covers/a.png")
    with pytest.raises(SettingsError, match="also has files of the alias 'reports'"):
        first_look()


LIBRARY = """
import sys
from pathlib import Path
from django.conf import settings

HERE = Path(__file__).parent
settings.configure(
    INSTALLED_APPS=["external_storage.django", "library"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "site.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    STORAGES={"default": {"BACKEND": "external_storage.django.backends.SiteStorage"},
              "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
    EXTERNAL_STORAGE={
        "STORES": {"disk": {"KIND": "local", "ROOT": HERE / "media", "PUBLIC_URL": "/images/"}},
        "ALIASES": {"default": {"ACTIVE": "disk", "PUBLISHING_RULE":
                                "external_storage.django.publishing.nothing_public"}},
    },
)
import django
django.setup()
from django.core.management import call_command
from library.models import Scan

if sys.argv[1] == "fill":
    call_command("migrate", run_syncdb=True, verbosity=0)
    Scan.objects.bulk_create(Scan(file=f"{number:04}.txt") for number in range(0, 1000, 2))
else:
    call_command(*sys.argv[1:])
"""


def test_killed_in_the_middle_it_is_carried_on_by_the_next_one(s3_server, tmp_path):
    """Every other file has a row; none of those may be missing, however often the command was killed."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library/__init__.py").touch()
    (tmp_path / "library/models.py").write_text(
        "from django.db import models\nclass Scan(models.Model):\n    file = models.FileField(db_index=True)\n"
    )
    (tmp_path / "site.py").write_text(LIBRARY)
    media = tmp_path / "media"
    media.mkdir()
    for number in range(1000):
        (media / f"{number:04}.txt").write_text("text")
    program = [sys.executable, str(tmp_path / "site.py")]
    surroundings = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[3]}"}
    subprocess.run([*program, "fill"], check=True, env=surroundings)
    remove = [*program, "storage_orphans", *AT_ONCE, "--older-than", "0"]
    process = subprocess.Popen(remove, env=surroundings, stdout=subprocess.DEVNULL)
    while (media / "0001.txt").exists() and process.poll() is None:
        time.sleep(0.0005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    wanted = {f"{number:04}.txt" for number in range(0, 1000, 2)}
    assert wanted < {path.name for path in media.iterdir()}
    assert subprocess.run(remove, env=surroundings, stdout=subprocess.DEVNULL).returncode == 0
    assert {path.name for path in media.iterdir()} == wanted
