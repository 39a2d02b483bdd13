"""A place is the same place however it is written, and its rules hold."""

from __future__ import annotations

import pytest

from external_storage.django import publishing
from external_storage.django.places import place_called, refuse_overlap
from external_storage.django.ways import way_between
from external_storage.errors import SettingsError

SECRET = "a-secret-that-nobody-may-see"


def rule(key, first_bytes):
    return publishing.nothing_public(key, first_bytes)


def bucket(name: str, **values) -> dict:
    return {
        "KIND": "s3",
        "BUCKET": name,
        "PREFIX": "images/",
        "ACCESS_KEY_ID": "the-sites-key",
        "SECRET_ACCESS_KEY": SECRET,
        **values,
    }


@pytest.fixture(autouse=True)
def site(settings, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "media").mkdir()
    (tmp_path / "link").symlink_to("media")
    settings.EXTERNAL_STORAGE = {
        "STORES": {
            "disk": {"KIND": "local", "ROOT": tmp_path / "media", "PUBLIC_URL": "/media/"},
            "amazon": bucket("books", REGION="eu-west-3"),
            "own": bucket("books", ENDPOINT_URL="https://store.test"),
            "spare": bucket("spare", ENDPOINT_URL="https://store.test"),
        },
        "ALIASES": {
            "default": {"ACTIVE": "own", "STORES": ["disk", "own", "amazon"], "PUBLISHING_RULE": rule},
            "exports": {"ACTIVE": "disk", "PUBLISHING_RULE": rule},
        },
    }
    return tmp_path


@pytest.mark.parametrize(
    ("url", "store"),
    [
        ("s3://books/images", "amazon"),
        ("s3://books/images/?region=eu-west-3", "amazon"),
        ("s3://books/images?endpoint=https://s3.eu-west-3.amazonaws.com", "amazon"),
        ("s3://books/images?endpoint=https://store.test", "own"),
        ("s3://books/images?endpoint=https://STORE.test:443/", "own"),
        ("s3://books/images?endpoint=http://127.0.0.1", None),
        ("s3://books/images?endpoint=https://store.test:9000", None),
        ("s3://books/other?endpoint=https://store.test", None),
        ("s3://other/images?endpoint=https://store.test", None),
    ],
)
def test_a_configured_bucket_is_known_by_its_url(url, store):
    assert place_called(url).configured == store


@pytest.mark.parametrize("name", ["media", "media/", "link", "media/../media"])
def test_a_configured_folder_is_known_by_its_url(site, name):
    assert place_called(f"file://{site}/{name}").configured == "disk"


def test_an_alias_is_its_active_store():
    place = place_called("default")
    assert (place.alias, place.configured, place.store.place) == ("default", "own", "s3://books/images")


def test_a_name_that_is_an_alias_and_another_store_is_refused(settings):
    described = settings.EXTERNAL_STORAGE
    settings.EXTERNAL_STORAGE = {
        **described,
        "STORES": {**described["STORES"], "default": bucket("another")},
    }
    with pytest.raises(SettingsError, match="alias, and also a store"):
        place_called("default")


def test_a_mistyped_url_is_not_repeated():
    with pytest.raises(SettingsError) as refused:
        place_called(f"s3:/AKIDOFSOMEBODY:{SECRET}@books")
    assert SECRET not in str(refused.value)


def test_of_several_access_keys_none_is_guessed(settings):
    described = settings.EXTERNAL_STORAGE
    stores = {**described["STORES"], "spare": bucket("spare", ACCESS_KEY_ID="another-key-of-the-site")}
    settings.EXTERNAL_STORAGE = {**described, "STORES": stores}
    with pytest.raises(SettingsError, match="several access keys"):
        place_called("s3://elsewhere")
    assert place_called("s3://elsewhere?credentials=spare").settings.access_key_id == "another-key-of-the-site"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("own", "s3://books?endpoint=https://store.test"),
        ("own", "s3://books/images/covers?endpoint=https://store.test"),
        ("disk", "file:///"),
        ("amazon", "s3://books/images"),
    ],
)
def test_places_that_overlap_are_refused_either_way(one, other):
    for source, target in ((one, other), (other, one)):
        with pytest.raises(SettingsError, match="overlap"):
            refuse_overlap(place_called(source), place_called(target))


@pytest.mark.parametrize("other", ["spare", "amazon", "s3://books/images2?endpoint=https://store.test", "disk"])
def test_places_side_by_side_are_fine(other):
    assert refuse_overlap(place_called("own"), place_called(other)) is None


@pytest.mark.parametrize(
    ("source", "target", "alias"),
    [
        ("default", "spare", "default"),
        ("spare", "default", "default"),
        ("amazon", "s3://elsewhere", "default"),
        ("disk", "own", "default"),  # the disk belongs to two aliases, the bucket to one of them
        ("exports", "spare", "exports"),
        ("disk", "s3://books/images?endpoint=https://store.test", "default"),
    ],
)
def test_the_alias_concerned_is_found(source, target, alias):
    assert way_between(source, target).alias.name == alias


@pytest.mark.parametrize(
    ("source", "target", "named"), [("disk", "spare", "exports"), ("spare", "s3://elsewhere", "--rule")]
)
def test_where_the_alias_is_not_plain_it_has_to_be_named(source, target, named):
    with pytest.raises(SettingsError) as refused:
        way_between(source, target)
    assert named in str(refused.value)
    assert way_between(source, target, alias="exports").alias.name == "exports"


def test_a_store_in_use_is_in_use_however_it_is_written():
    assert way_between("disk", "own").target_is_in_use
    assert way_between("disk", "s3://books/images?endpoint=https://store.test").target_is_in_use
    assert not way_between("own", "amazon").target_is_in_use


SFTP = {"KIND": "sftp", "HOST": "files.test", "USER": "books", "ROOT": "/srv/images", "KNOWN_HOSTS": "/srv/known"}
SWIFT = {"KIND": "libcloud", "DRIVER": "openstack_swift", "CONTAINER": "books", "KEY": "site", "SECRET": SECRET}


@pytest.fixture
def elsewhere(settings, monkeypatch):
    """A site with a server over SFTP and a container of Swift, and nothing about them in the environment."""
    for name in ("STORAGE_PASSWORD", "STORAGE_KEY_FILE", "STORAGE_PASSPHRASE", "STORAGE_KNOWN_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    described = settings.EXTERNAL_STORAGE
    stores = {"host": SFTP | {"PASSWORD": SECRET}, "swift": SWIFT | {"PREFIX": "images"}}
    settings.EXTERNAL_STORAGE = {**described, "STORES": {**described["STORES"], **stores}}


@pytest.mark.usefixtures("elsewhere")
def test_another_kind_of_store_is_known_by_its_url():
    assert place_called("sftp://books@FILES.test:22/srv/images/").configured == "host"
    assert place_called("sftp://books@files.test/srv/others").configured is None
    container = place_called("libcloud+openstack-swift://books/images?user=site&credentials=swift")
    assert (container.configured, container.settings.secret) == ("swift", SECRET)


@pytest.mark.usefixtures("elsewhere")
def test_who_logs_in_to_a_server_is_who_the_url_the_environment_or_the_settings_name(monkeypatch):
    assert place_called("sftp://books@files.test/srv/others").settings.password == SECRET
    with pytest.raises(SettingsError, match="STORAGE_KEY_FILE is missing"):
        place_called("sftp://somebody@files.test/srv/others")
    monkeypatch.setenv("STORAGE_PASSWORD", "of the environment")
    place = place_called("sftp://somebody@elsewhere.test/srv/others")
    assert (place.settings.password, str(place.settings.known_hosts)) == ("of the environment", "/srv/known")
    assert place_called("sftp://x@elsewhere.test/srv?credentials=host").settings.password == SECRET


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("url", [f"sftp://books:{SECRET}@files.test/srv", f"azure://a/b?account_key={SECRET}", "gs://"])
def test_a_url_of_another_kind_that_is_wrong_says_so_and_repeats_no_secret(url):
    with pytest.raises(SettingsError) as refused:
        place_called(url)
    assert SECRET not in f"{refused.value!r} {refused.value}"
    assert refused.value.remedy
