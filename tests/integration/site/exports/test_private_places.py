"""Where private files may be, what a store of them does, and what is done about them from time to time."""

from __future__ import annotations

import copy
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from bookwyrm import env
from bookwyrm.models import Export
from bookwyrm.operate import schedule
from external_storage.django import checks
from tests import site

pytestmark = pytest.mark.usefixtures("media")

A_BUCKET = {
    "AWS_STORAGE_BUCKET_NAME": "pictures",
    "AWS_ACCESS_KEY_ID": "public-key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_S3_ENDPOINT_URL": "https://s3.example.org",
}
OWN_BUCKET = {"EXPORTS_STORAGE_BUCKET_NAME": "vault", "EXPORTS_ACCESS_KEY_ID": "k", "EXPORTS_SECRET_ACCESS_KEY": "s"}
OVER_SFTP = {"EXPORTS_URL": "sftp://books@host/srv/exports", "EXPORTS_PASSWORD": "CANARY"}


def problems_of(**values: str) -> dict[str, str]:
    environment = env.Environment({"SECRET_KEY": "k" * 50, **values}, Path("settings.env"))
    return {problem.variable: str(problem) for problem in env.check(environment)}


# The lines of .env


@pytest.mark.parametrize("good", [{}, OWN_BUCKET, A_BUCKET | OWN_BUCKET, OVER_SFTP, {"EXPORTS_FOLDER": "/srv/exports"}])
def test_private_files_have_a_place_of_their_own(good):
    assert problems_of(**good) == {}


def test_a22_the_bucket_of_the_pictures_is_refused_at_the_start():
    own = {**OWN_BUCKET, "EXPORTS_STORAGE_BUCKET_NAME": "pictures"}
    assert "holds the public files" in problems_of(**A_BUCKET, **own)["EXPORTS_STORAGE_BUCKET_NAME"]
    elsewhere = {"EXPORTS_S3_ENDPOINT_URL": "https://s3.example.net"}
    assert problems_of(**A_BUCKET, **own, **elsewhere) == {}


def test_a22_a_folder_in_that_of_the_pictures_or_around_it_is_refused_at_the_start(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIA_ROOT", str(tmp_path / "site" / "images"))
    (tmp_path / "link").symlink_to(tmp_path / "site")
    for folder in ("site/images", "site/images/exports", "site", "link/images/exports", "site/x/../images"):
        assert "apart from" in problems_of(EXPORTS_FOLDER=str(tmp_path / folder))["EXPORTS_FOLDER"], folder
    assert problems_of(EXPORTS_FOLDER=str(tmp_path / "site" / "images-private")) == {}


def test_a23_a_domain_is_refused_at_the_start():
    refused = problems_of(**OWN_BUCKET, EXPORTS_S3_CUSTOM_DOMAIN="exports.example.org")
    assert "not signed" in refused["EXPORTS_S3_CUSTOM_DOMAIN"]
    public = {**OVER_SFTP, "EXPORTS_URL": "sftp://books@host/srv/exports?public_url=https://x.test/"}
    assert "public_url" in problems_of(**public)["EXPORTS_URL"]


@pytest.mark.parametrize(
    ("lines", "variable"),
    [
        ({"EXPORTS_STORAGE_BUCKET_NAME": "vault"}, "EXPORTS_SECRET_ACCESS_KEY"),
        ({"EXPORTS_ACCESS_KEY_ID": "k", "EXPORTS_SECRET_ACCESS_KEY": "s"}, "EXPORTS_STORAGE_BUCKET_NAME"),
        ({**OWN_BUCKET, **OVER_SFTP}, "EXPORTS_URL"),
        ({**OWN_BUCKET, "EXPORTS_FOLDER": "/srv/exports"}, "EXPORTS_FOLDER"),
        ({"EXPORTS_FOLDER": "exports"}, "EXPORTS_FOLDER"),
        ({"EXPORTS_INTERNAL_URL": "exports"}, "EXPORTS_INTERNAL_URL"),
        ({"EXPORTS_DAYS": "0"}, "EXPORTS_DAYS"),
        ({"EXPORTS_URL": "sftp://host/srv/exports"}, "EXPORTS_URL"),
        ({"EXPORTS_URL": "sftp://books@host/srv/exports"}, "EXPORTS_KEY_FILE"),
        ({"EXPORTS_URL": "sftp://books:CANARY@host/srv"}, "EXPORTS_URL"),
    ],
)
def test_what_is_missing_or_wrong_is_named(lines, variable):
    found = problems_of(**lines)
    assert variable in found
    assert "CANARY" not in str(found)


def test_a48_the_key_of_the_pictures_deserves_a_remark():
    own = {**A_BUCKET, **OWN_BUCKET, "EXPORTS_ACCESS_KEY_ID": "public-key"}
    environment = env.Environment({"SECRET_KEY": "k" * 50, **own}, Path("settings.env"))
    assert any(
        hint.startswith("EXPORTS_ACCESS_KEY_ID is the key of the public files") for hint in env.hints(environment)
    )


def test_the_folder_is_made_for_the_site_alone_and_one_that_cannot_be_made_is_refused(tmp_path):
    def made(folder: Path) -> Path:
        lines = {"SECRET_KEY": "k" * 50, "EXPORTS_FOLDER": str(folder)}
        return env.private_folder(env.Environment(lines, Path("settings.env")), tmp_path)

    assert made(tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(env.BadEnvironment, match="EXPORTS_FOLDER: found a folder that cannot be made"):
        made(tmp_path / "file" / "exports")


# The settings of any site


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"KIND": "local", "ROOT": "{media}/exports"}, "lie beside, in or around"),
        ({"KIND": "local", "ROOT": "{media}/.."}, "lie beside, in or around"),
        ({"KIND": "local", "ROOT": "{media}-private", "PUBLIC_URL": "/exports/"}, "have the public URL"),
        ({"KIND": "local", "ROOT": "{media}-private"}, ""),
    ],
)
def test_a22_a23_a_private_alias_is_kept_apart(settings, media, vault, said):
    described = copy.deepcopy(settings.EXTERNAL_STORAGE)
    described["STORES"]["vault"] = {**vault, "ROOT": Path(vault["ROOT"].format(media=media))}
    described["ALIASES"]["exports"] = {"ACTIVE": "vault", "PRIVATE": True}
    settings.EXTERNAL_STORAGE = described
    found = [message.msg for message in checks.settings_are_sound(None) if message.id == "external_storage.E004"]
    assert [said in message for message in found] == ([True] if said else [])


def test_a22_the_store_of_a_public_alias_is_no_private_one(settings):
    described = copy.deepcopy(settings.EXTERNAL_STORAGE)
    described["ALIASES"]["exports"] = {"ACTIVE": "disk", "PRIVATE": True}
    settings.EXTERNAL_STORAGE = described
    assert "external_storage.E004" in [message.id for message in checks.settings_are_sound(None)]


# A private alias


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["disk", "seaweedfs", "ceph", "sftp"])
def test_a_private_alias_stores_what_nobody_else_can_read(on, where):
    place = on(where)
    storage = storages["exports"]
    name = storage.save("any/kind.html", ContentFile(b"<p>mine</p>"))
    with storage.open(name) as file:
        assert file.read() == b"<p>mine</p>"
    with pytest.raises(ValueError, match="private"):
        storage.url(name)
    if "ENDPOINT_URL" in place.values:
        assert place.store.describe(name).headers.cache_control == "private, no-store"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{place.values['ENDPOINT_URL']}/{place.values['BUCKET']}/{name}")
        assert refused.value.code == 403
    storage.delete(name)
    assert place.keys == []


# From time to time


@pytest.mark.django_db
def test_what_is_due_is_queued_once_in_its_time_whoever_looks(private):
    cache.clear()
    old = Export.objects.create(owner=site.person(), status="running", heard_at="2020-01-01T00:00Z")
    assert schedule.queue_what_is_due() == ["bookwyrm.exports.tasks.remove_outdated_exports"]
    old.refresh_from_db()
    assert old.status == "failed"
    assert schedule.queue_what_is_due() == []
