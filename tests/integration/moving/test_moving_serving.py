"""What the site itself answers for a file on each step, and where an alias is that nothing was written down of."""

from __future__ import annotations

import pytest
from django.http import Http404
from django.test import RequestFactory

from external_storage.django import conf
from external_storage.django.moving import beginning, guard
from external_storage.django.moving.state import fresh_state_of
from external_storage.django.views import serve
from external_storage.errors import SettingsError

from .conftest import UP_TO, forget_moves


def answer(key: str, **headers: str):
    return serve(RequestFactory().get("/images/x", headers=headers), key)


def body(response) -> bytes:
    return b"".join(response) if response.streaming else response.content


@pytest.mark.parametrize("step", ["settled", "mirroring", "handover", "unconfirmed"])
def test_until_links_point_at_the_bucket_the_site_answers_with_the_file_itself(site_with_bucket, step):
    site = site_with_bucket
    site.save("a.txt", "as it was")
    site.put("bucket", "a.txt", "as it was")
    site.climb(*UP_TO[step])
    response = answer("a.txt")
    assert (response.status_code, body(response)) == (200, b"as it was")
    assert response["Content-Type"].startswith("text/plain")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert answer("a.txt", if_none_match=response["ETag"]).status_code == 304


def test_a_file_that_only_the_store_before_has_is_found_there(site_with_bucket):
    site_with_bucket.save("a.txt", "left on the disk")
    site_with_bucket.climb(*UP_TO["unconfirmed"])
    assert body(answer("a.txt")) == b"left on the disk"


def test_a_disk_that_is_not_mounted_lacks_nothing_for_certain(site_with_bucket):
    site = site_with_bucket
    site.save("a.txt", "new on the disk")
    site.put("bucket", "a.txt", "old in the bucket")
    site.climb(*UP_TO["mirroring"])
    folder = conf.store_settings("disk").root
    folder.rename(folder.with_name("elsewhere"))
    response = answer("a.txt")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    folder.with_name("elsewhere").rename(folder)
    assert body(answer("a.txt")) == b"new on the disk"


def test_a_deleted_file_is_found_in_no_store(site_with_bucket):
    site = site_with_bucket
    site.save("a.txt", "as it was")
    site.climb(*UP_TO["unconfirmed"])
    site.storage.delete("a.txt")
    with pytest.raises(Http404):
        answer("a.txt")


@pytest.mark.parametrize("step", ["switched", "left"])
def test_afterwards_the_site_leads_the_way_for_an_hour(site_with_bucket, step):
    site = site_with_bucket
    site.save("a b.txt", "as it was")
    site.put("bucket", "a b.txt", "as it was")
    site.climb(*UP_TO[step])
    response = answer("a b.txt")
    assert response.status_code == 302
    assert response["Location"] == conf.store_settings("bucket").public_url + "a%20b.txt"
    assert response["Cache-Control"] == "public, max-age=3600"
    for key in ("../settings.py", "/etc/passwd", "a/../../b"):
        with pytest.raises(Http404):
            answer(key)


UNTIL_EXCHANGED = ("begin_mirroring", "begin_handover", "exchange")


@pytest.mark.parametrize(
    ("mode", "links_to_the_bucket", "status"), [("direct", True, 302), ("redirect", False, 302), ("proxy", False, 200)]
)
def test_a52_in_every_mode_old_links_are_good_on_every_step_there_and_back(
    site_with_bucket, settings, mode, links_to_the_bucket, status
):
    site = site_with_bucket
    described = settings.EXTERNAL_STORAGE
    alias = {**described["ALIASES"]["default"], "SERVING": mode}
    settings.EXTERNAL_STORAGE = {**described, "ALIASES": {"default": alias}}
    in_bucket = conf.store_settings("bucket").public_url + "a.txt"
    on_site = conf.served_at("default") + "a.txt"
    site.save("a.txt", "as it was")
    site.put("bucket", "a.txt", "as it was")
    for step in ("nothing", *UNTIL_EXCHANGED):
        if step != "nothing":
            site.climb(step)
        assert site.storage.url("a.txt") == on_site, step
        response = answer("a.txt")
        assert (response.status_code, body(response)) == (200, b"as it was"), step
    for step in ("confirm", "settle"):
        site.climb(step)
        assert site.storage.url("a.txt") == (in_bucket if links_to_the_bucket else on_site), step
        response = answer("a.txt")
        assert response.status_code == status, step
        assert response.get("Location") == (in_bucket if status == 302 else None), step
    site.climb("begin_mirroring", *UNTIL_EXCHANGED[1:], "confirm", "settle", target="disk")
    assert site.storage.url("a.txt") == on_site
    assert body(answer("a.txt")) == b"as it was"


# Where nothing is written down


@pytest.fixture
def named(monkeypatch) -> list[str]:
    """The keys that rows refer to; a test adds its own."""
    keys: list[str] = []
    monkeypatch.setattr(beginning, "referenced_keys", lambda alias: keys)
    return keys


def test_the_store_that_has_all_the_files_is_the_one_in_use(site, named):
    named += ["a.txt", "b.txt"]
    site.put("disk", "a.txt", "a")
    for key in named:
        site.put("other", key, key)
    assert beginning.begin("default").active == "other"
    assert fresh_state_of("default").epoch == 1


def test_without_any_file_it_is_the_configured_one(site, named):
    assert beginning.begin("default").active == "disk"


def test_what_is_written_down_is_not_judged_anew(site, named):
    assert beginning.begin("default", known="other").active == "other"
    named.append("a.txt")
    site.put("disk", "a.txt", "a")
    assert beginning.begin("default").active == "other"


def test_files_in_two_places_are_refused_with_both_counts(site, named):
    named += ["a.txt", "b.txt", "c.txt"]
    site.put("disk", "a.txt", "a")
    site.put("other", "b.txt", "b")
    site.put("other", "c.txt", "c")
    with pytest.raises(SettingsError) as refused:
        beginning.begin("default")
    assert "'disk' has 1, 'other' has 2" in str(refused.value)
    assert fresh_state_of("default").epoch == 0


def test_a_store_that_cannot_be_asked_is_not_taken_for_empty(site_with_bucket, named):
    named.append("a.txt")
    site = site_with_bucket
    site.put("other", "a.txt", "a")
    site.configure(bucket={"ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(SettingsError, match="'bucket' cannot be asked"):
        beginning.begin("default")


def test_a_database_from_before_the_move_is_not_begun_with(site):
    site.save("a.txt", "a")
    site.climb("begin_mirroring", target="other")
    forget_moves()
    with pytest.raises(guard.NotOurs, match="older than the files"):
        beginning.begin("default")
