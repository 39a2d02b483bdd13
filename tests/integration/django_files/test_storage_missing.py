"""``storage_missing``: each row whose file is not there, and where a copy of it is."""

from __future__ import annotations

import tracemalloc

import pytest

from bookwyrm.models import Edition, Work
from external_storage.django import missing, references
from external_storage.stores import sorting

PICTURE = b"\x89PNG\r\n\x1a\n" + b"picture " * 40

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)]


def row_with(key: str, width: int | None = 100) -> Edition:
    return Edition.objects.create(work=Work.objects.create(), title="A book", cover=key, cover_width=width)


def test_each_row_without_its_file_and_where_a_copy_is(site, run):
    row_with("covers/there.png")
    site.put_in_bucket("images/covers/there.png", PICTURE)
    copied, lost = row_with("covers/on-disk.png"), row_with("covers/lost.png")
    site.put_on_disk("covers/on-disk.png", PICTURE)
    ran = run("storage_missing")
    assert ran.code == 5
    assert f"missing: 'covers/lost.png' of bookwyrm.Edition {lost.pk}, cover\n" in ran.out
    assert "No store has it." in ran.out
    assert f"missing: 'covers/on-disk.png' of bookwyrm.Edition {copied.pk}, cover\n" in ran.out
    assert "has it: python manage.py storage_copy disk bucket" in ran.out
    assert run("storage_copy", "disk", "bucket").code == 0
    (first, summary) = run("storage_missing", "--json").json
    assert (first["key"], first["lost"], first["store"]) == ("covers/lost.png", True, "bucket")
    assert (summary["references"], summary["elsewhere"], summary["lost"], summary["exit_code"]) == (3, 0, 1, 5)


def test_smaller_pictures_that_can_be_made_again(site, run):
    """A picture 400 pixels wide should have two; one that is smaller than any of them needs none."""
    site.configure(active="disk")
    row_with("covers/wide.png", width=400)
    row_with("covers/small.png", width=100)
    for key in ("covers/wide.png", "covers/small.png", "thumbnails/covers/wide-160.webp"):
        site.put_on_disk(key, PICTURE)
    ran = run("storage_missing")
    assert ran.code == 0
    assert "missing: 'thumbnails/covers/wide-320.webp' of bookwyrm.Edition" in ran.out
    assert "It can be made again from 'covers/wide.png': python manage.py rebuild_thumbnails" in ran.out
    assert "to be made again 1" in ran.out
    assert "covers/small" not in ran.out


def test_many_rows_of_one_file_are_counted_and_the_first_are_named(site, run):
    site.configure(active="disk")
    for _ in range(missing.MOST_ROWS_NAMED + 2):
        row_with("covers/shared.png")
    (told, _) = run("storage_missing", "--json").json
    assert (told["row_count"], len(told["rows"])) == (7, 5)


def test_a_store_that_cannot_be_asked_is_no_proof_that_a_file_is_lost(site, run):
    row_with("covers/a.png")
    site.configure(active="disk", SECRET_ACCESS_KEY="another-secret-than-that-of-the-server")
    (told, summary) = run("storage_missing", "--json").json
    assert (told["lost"], list(told["unasked"])) == (False, ["bucket"])
    assert (summary["unknown"], summary["exit_code"]) == (1, 5)


def test_a_folder_that_is_not_mounted_has_lost_nothing(site, run):
    row_with("covers/a.png")
    site.configure(active="disk")
    site.media.rmdir()
    assert run("storage_missing").code == 3


def test_the_rows_take_no_more_memory_when_there_are_more_of_them(site, monkeypatch):
    """What does not fit into one run is sorted on disk."""
    monkeypatch.setattr(sorting, "RUN", 50)
    work = Work.objects.create()
    Edition.objects.bulk_create(Edition(work=work, title="A book", cover=f"covers/{n:05}.png") for n in range(800))
    tracemalloc.start()
    try:
        assert sum(1 for _ in references.references_in_order("default")) == 3_200
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
