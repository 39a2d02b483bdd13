"""Stores that are neither a folder nor a bucket: what the settings say of them, and what the site does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, storages

from external_storage.django import conf, live
from external_storage.django.console import without_secrets
from external_storage.django.kinds import GOOGLE
from external_storage.django.management.commands.storage_status import guarantees
from external_storage.django.places import Place, refuse_overlap
from external_storage.django.walking import opened
from external_storage.errors import KeyRefused, SettingsError, StorageError
from external_storage.stores import DjangoStorageStore, MemoryStore
from external_storage.testing.contract import get, put

SECRET = "a-secret-of-the-owner"
SFTP = {"KIND": "sftp", "HOST": "files.test", "USER": "books", "ROOT": "/srv/images", "KNOWN_HOSTS": "/srv/known_hosts"}
SWIFT = {"KIND": "libcloud", "DRIVER": "openstack_swift", "CONTAINER": "books", "KEY": "site:swift", "SECRET": SECRET}
FOLDER = {"KIND": "django", "CLASS": "django.core.files.storage.FileSystemStorage"}
DISK = {"KIND": "local", "ROOT": "/srv/disk", "PUBLIC_URL": "/images/"}


def read(store: dict[str, Any], **alias: Any) -> conf.Configuration:
    described = {"ACTIVE": "store", "STORES": ["store", "disk"], **alias}
    return conf.read({"STORES": {"store": store, "disk": DISK}, "ALIASES": {"default": described}})


def refusal_of(store: dict[str, Any], **alias: Any) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        read(store, **alias)
    assert SECRET not in f"{refused.value!r} {refused.value}"
    return refused.value


@pytest.mark.parametrize(
    ("store", "place"),
    [
        (SFTP | {"PASSWORD": SECRET}, "sftp://books@files.test/srv/images"),
        (SFTP | {"KEY_FILE": "/srv/key", "PORT": 2222}, "sftp://books@files.test:2222/srv/images"),
        (SWIFT | {"PREFIX": "images"}, "libcloud+openstack-swift://books/images/"),
        (FOLDER | {"OPTIONS": {"location": "/srv"}, "PLACE": "the old disk"}, "the old disk"),
        (FOLDER, "FileSystemStorage:store"),
    ],
)
def test_a_store_says_where_it_is_and_not_what_opens_it(store, place):
    described = read(store).stores["store"]
    assert (described.place, described.public_url, described.is_on_this_machine) == (place, "", False)
    assert SECRET not in repr(described)


@pytest.mark.parametrize(
    ("store", "setting", "said"),
    [
        (SFTP, "KEY_FILE", "missing, and so is"),
        (SFTP | {"PASSWORD": SECRET, "KEY_FILE": "/srv/key"}, "KEY_FILE", "set, and so is"),
        (SFTP | {"PASSWORD": SECRET, "KNOWN_HOSTS": ""}, "KNOWN_HOSTS", "missing or empty"),
        (SFTP | {"PASSWORD": SECRET, "PORT": "22"}, "PORT", "'22'"),
        (SFTP | {"PASSWORD": SECRET, "ROOT": "/srv/../etc"}, "ROOT", "'/srv/../etc'"),
        (SFTP | {"PASSWORD": SECRET, "PUBLIC_URL": f"https://u:{SECRET}@h/"}, "PUBLIC_URL", "not what it should be"),
        (SWIFT | {"DRIVER": "backblaze_b2"}, "DRIVER", "'backblaze_b2'"),
        (SWIFT | {"OPTIONS": ["host"]}, "OPTIONS", "a list"),
        (FOLDER | {"CLASS": "FileSystemStorage"}, "CLASS", "'FileSystemStorage'"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_found(store, setting, said):
    refused = refusal_of(store)
    assert refused.setting == f'EXTERNAL_STORAGE["STORES"]["store"]["{setting}"]'
    assert said in refused.what


def test_a_kind_that_nobody_knows_is_refused_with_those_that_there_are():
    assert "'local', 's3', 'sftp', 'libcloud', 'django'" in str(refusal_of({"KIND": "ftp"}))


def test_a_class_that_is_not_there_is_named_without_its_options(settings):
    named = {"CLASS": "nothing.like.This", "OPTIONS": {"password": SECRET}}
    stores = {"store": FOLDER | named, "disk": DISK}
    settings.EXTERNAL_STORAGE = {"STORES": stores, "ALIASES": {"default": {"ACTIVE": "disk"}}}
    with pytest.raises(SettingsError, match=r"nothing\.like\.This") as refused:
        conf.store_named("store")
    assert SECRET not in str(refused.value)
    assert without_secrets(f"It said {SECRET}.") == "It said ….", "what looks like a secret is one, whoever repeats it"


def test_a_store_without_an_address_needs_a_site_that_serves_it():
    assert "SERVED_AT" in str(refusal_of(SWIFT, STORES=["store"]).setting)
    assert read(SWIFT, STORES=["store"], SERVED_AT="/images/").aliases["default"].served_at == "/images/"
    assert read(SWIFT).aliases["default"].served_at == "", "the folder's address will do"
    for mode in (conf.DIRECT, conf.REDIRECT):
        assert "no PUBLIC_URL" in str(refusal_of(SWIFT, SERVING=mode))


def test_two_descriptions_of_one_place_overlap(tmp_path: Path):
    def place(store: dict[str, Any]) -> Place:
        described = read(store).stores["store"]
        return Place(described, opened(described))

    container = SWIFT | {"DRIVER": "local", "KEY": str(tmp_path), "CONTAINER": "images"}
    folder = {"KIND": "local", "ROOT": tmp_path, "PUBLIC_URL": "/x/"}
    with pytest.raises(SettingsError, match="overlap"):
        refuse_overlap(place(folder), place(container))
    with pytest.raises(SettingsError, match="overlap"):
        refuse_overlap(place(SWIFT), place(SWIFT | {"PREFIX": "images"}))
    refuse_overlap(place(SWIFT), place(SWIFT | {"CONTAINER": "others"}))
    bucket = FOLDER | {"CLASS": GOOGLE, "OPTIONS": {"bucket_name": "books"}}
    inside = bucket | {"OPTIONS": {"bucket_name": "books", "location": "images", "project_id": "p"}}
    with pytest.raises(SettingsError, match="overlap"):
        refuse_overlap(*(Place(read(store).stores["store"], MemoryStore()) for store in (bucket, inside)))
    refuse_overlap(place(FOLDER | {"OPTIONS": {"location": "/a"}}), place(FOLDER | {"OPTIONS": {"location": "/b"}}))


def test_each_kind_says_what_it_can_promise():
    assert "digest known without reading: yes" in guarantees(read(SWIFT).stores["store"])
    assert "digest known without reading: no" in guarantees(read(SFTP | {"PASSWORD": SECRET}).stores["store"])
    azure = FOLDER | {"CLASS": "storages.backends.azure_storage.AzureStorage"}
    assert "replaces atomically: yes" in guarantees(read(azure).stores["store"])
    assert "replaces atomically: no" in guarantees(read(FOLDER).stores["store"])


# A Django storage as a store


class Opens(FileSystemStorage):
    """A storage that counts how often it opens a file."""

    opened = 0

    def _open(self, name, mode="rb"):
        self.opened += 1
        return super()._open(name, mode)


class Renames(FileSystemStorage):
    def get_valid_name(self, name):
        return name

    def get_available_name(self, name, max_length=None):
        return super().get_available_name(f"{name}.renamed", max_length)


class KeepsAll(FileSystemStorage):
    def delete(self, name):
        """Delete nothing, and say nothing."""


def test_a_listing_opens_no_file(tmp_path: Path):
    storage = Opens(tmp_path)
    store = DjangoStorageStore("media", storage)
    for name in ("a", "b/c"):
        put(store, name, b"1")
    storage.opened = 0
    assert [(info.key, info.size) for info in store.list()] == [("a", 1), ("b/c", 1)]
    assert storage.opened == 0


def test_a_name_that_the_storage_would_change_is_refused_and_nothing_is_left(tmp_path: Path):
    store = DjangoStorageStore("media", Renames(tmp_path))
    with pytest.raises(KeyRefused, match="under another name"):
        put(store, "a.jpg", b"1")
    assert list(store.list()) == []


def test_a_delete_that_did_nothing_is_told(tmp_path: Path):
    store = DjangoStorageStore("media", KeepsAll(tmp_path))
    put(store, "a", b"1")
    problem = store.delete(["a"])["a"]
    assert isinstance(problem, StorageError)
    assert "did not delete 'a'" in str(problem)


def test_a_storage_that_replaces_by_itself_is_let(tmp_path: Path):
    storage = KeepsAll(tmp_path, allow_overwrite=True)
    store = DjangoStorageStore("media", storage)
    put(store, "a", b"first")
    put(store, "a", b"second")
    assert get(store, "a") == b"second"


def test_the_site_reads_and_writes_through_it(settings, tmp_path: Path):
    stores = {"store": FOLDER | {"OPTIONS": {"location": str(tmp_path)}}}
    described = {"default": {"ACTIVE": "store", "SERVED_AT": "/images/"}}
    settings.EXTERNAL_STORAGE = {"STORES": stores, "ALIASES": described}
    storage = live.storage_named("store")
    assert not storage.exists("a")
    with pytest.raises(FileNotFoundError):
        storage.open("a")

    put(conf.store_named("store"), "covers/a.txt", b"text")
    assert (storage.size("covers/a.txt"), storage.listdir("")) == (4, (["covers"], []))
    assert storage.open("covers/a.txt", "r").read() == "text"
    storage.delete("covers/a.txt")
    assert not storage.exists("covers/a.txt")


@pytest.mark.django_db
def test_t12_a_link_to_a_driver_without_addresses_is_the_sites_own_and_asks_nobody(settings):
    nobody = SWIFT | {"OPTIONS": {"ex_force_auth_url": "http://127.0.0.1:1", "ex_force_auth_version": "1.0"}}
    aliases = {"default": {"ACTIVE": "store", "STORES": ["store", "disk"]}}
    settings.EXTERNAL_STORAGE = {"STORES": {"store": nobody, "disk": DISK}, "ALIASES": aliases}
    settings.STORAGES = dict(settings.STORAGES)
    assert storages["default"].url("covers/a b.png") == "/images/covers/a%20b.png"
