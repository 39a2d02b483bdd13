"""The ``EXTERNAL_STORAGE`` setting: what it means, and what is said when it is wrong."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.files.storage import storages

from external_storage.django import conf
from external_storage.django.management.commands.storage_status import guarantees
from external_storage.django.places_by_url import described_and_opened
from external_storage.errors import SettingsError

from .conftest import CANARY

BUCKET = {
    "KIND": "s3",
    "BUCKET": "my-books",
    "PREFIX": "images/",
    "REGION": "eu-west-1",
    "ACCESS_KEY_ID": "AKIA-any",
    "SECRET_ACCESS_KEY": CANARY,
}
GOOD = {
    "STORES": {
        "disk": {"KIND": "local", "ROOT": Path("/srv/images"), "PUBLIC_URL": "https://books.test/images/"},
        "bucket": BUCKET,
    },
    "ALIASES": {
        "default": {
            "ACTIVE": "bucket",
            "STORES": ["disk", "bucket"],
            "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish",
        }
    },
    "CONFIGURED_BY": {"ENDPOINT_URL": "AWS_S3_ENDPOINT_URL", "BUCKET": "AWS_STORAGE_BUCKET_NAME"},
    "SITE_ORIGINS": ["https://books.test"],
}


def changed(store: str = "bucket", **values):
    """Return the good settings with some values of one store replaced."""
    settings = copy.deepcopy(GOOD)
    settings["STORES"][store] |= values
    return settings


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"BUCKET": None}, "AWS_STORAGE_BUCKET_NAME"),
        ({"BUCKET": "https://my-books.s3"}, "AWS_STORAGE_BUCKET_NAME"),
        ({"BUCKET": "None"}, "AWS_STORAGE_BUCKET_NAME"),
        ({"BUCKET": "my-books\r"}, "AWS_STORAGE_BUCKET_NAME"),
        ({"ENDPOINT_URL": "s3.fr-par.scw.cloud"}, "AWS_S3_ENDPOINT_URL"),
        ({"ENDPOINT_URL": "https://me:pw@s3.example"}, "AWS_S3_ENDPOINT_URL"),
        ({"CUSTOM_DOMAIN": "media books"}, "CUSTOM_DOMAIN"),
        ({"REGION": "eu west"}, "REGION"),
        ({"PREFIX": "../images"}, "PREFIX"),
        ({"USE_HTTPS": "true"}, "USE_HTTPS"),
        ({"DEFAULT_ACL": "public"}, "DEFAULT_ACL"),
        ({"ADDRESSING_STYLE": "virtuel"}, "ADDRESSING_STYLE"),
        ({"ACCESS_KEY_ID": ""}, "ACCESS_KEY_ID"),
        ({"SECRET_ACCESS_KEY": f" {CANARY}"}, "SECRET_ACCESS_KEY"),
        ({"REGOIN": "x"}, "REGOIN"),
        ({"KIND": "ftp"}, "KIND"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected_and_no_secret(values, named):
    with pytest.raises(SettingsError) as problem:
        conf.read(changed(**values))
    assert named in f"{problem.value.setting} {problem.value}"
    assert "xpected" in str(problem.value) or "Known keys" in str(problem.value)
    assert CANARY not in str(problem.value)
    assert ":pw@" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("STORES"), "STORES"),
        (lambda s: s["ALIASES"]["default"].update(ACTIVE="bukket"), "bukket"),
        (lambda s: s["ALIASES"]["default"].update(STORES=["tape"]), "tape"),
        (lambda s: s.update(DEADLINE="10"), "DEADLINE"),
        (lambda s: s.update(STATE_DIR="state"), "STATE_DIR"),
        (lambda s: s.update(SITE_ORIGINS=["books.test"]), "SITE_ORIGINS"),
        (lambda s: s["STORES"]["disk"].update(ROOT="images"), "ROOT"),
        (lambda s: s["STORES"]["disk"].update(PUBLIC_URL="/images"), "PUBLIC_URL"),
        (lambda s: s.update(STOERS={}), "STOERS"),
    ],
)
def test_a_setting_that_does_not_fit_together_is_refused(change, said):
    settings = copy.deepcopy(GOOD)
    change(settings)
    with pytest.raises(SettingsError, match=said):
        conf.read(settings)


def test_no_secret_is_in_the_representation_of_the_settings():
    assert CANARY not in repr(conf.read(GOOD))


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "https://my-books.s3.eu-west-1.amazonaws.com/images/"),
        ({"REGION": None}, "https://my-books.s3.us-east-1.amazonaws.com/images/"),
        ({"REGION": "cn-north-1"}, "https://my-books.s3.cn-north-1.amazonaws.com.cn/images/"),
        ({"BUCKET": "books.example.org"}, "https://s3.eu-west-1.amazonaws.com/books.example.org/images/"),
        ({"USE_HTTPS": False}, "http://my-books.s3.eu-west-1.amazonaws.com/images/"),
        ({"CUSTOM_DOMAIN": "media.books.test"}, "https://media.books.test/images/"),
        ({"CUSTOM_DOMAIN": "https://media.books.test/"}, "https://media.books.test/images/"),
        ({"CUSTOM_DOMAIN": "http://media.books.test"}, "https://media.books.test/images/"),
        ({"CUSTOM_DOMAIN": "store.test:9000/my-books"}, "https://store.test:9000/my-books/images/"),
        (
            {"ENDPOINT_URL": "https://s3.fr-par.scw.cloud", "REGION": "fr-par"},
            "https://my-books.s3.fr-par.scw.cloud/images/",
        ),
        ({"ENDPOINT_URL": "https://store.test:9000/"}, "https://store.test:9000/my-books/images/"),
        ({"ENDPOINT_URL": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/my-books/images/"),
        ({"PREFIX": ""}, "https://my-books.s3.eu-west-1.amazonaws.com/"),
        ({"PREFIX": "/a b"}, "https://my-books.s3.eu-west-1.amazonaws.com/a%20b/"),
    ],
)
def test_the_public_address_follows_from_the_settings(values, url):
    assert conf.read(changed(**values)).stores["bucket"].public_url == url
    assert conf.public_url_of(BUCKET | values) == url


def named(provider: str, **values):
    """Return the good settings with a bucket at a named service, and nothing but what is given."""
    settings = copy.deepcopy(GOOD)
    bare = {key: BUCKET[key] for key in ("KIND", "BUCKET", "PREFIX", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")}
    settings["STORES"]["bucket"] = bare | {"PROVIDER": provider} | values
    return settings


@pytest.mark.parametrize(
    ("provider", "values", "endpoint", "url", "acl", "addressing"),
    [
        (
            *("scaleway", {"REGION": "fr-par"}),
            *("https://s3.fr-par.scw.cloud", "https://my-books.s3.fr-par.scw.cloud/images/", "public-read", "auto"),
        ),
        (
            *("akamai", {"REGION": "us-east-1"}),
            "https://us-east-1.linodeobjects.com",
            *("https://my-books.us-east-1.linodeobjects.com/images/", "public-read", "auto"),
        ),
        ("aws", {"REGION": "eu-west-3"}, None, "https://my-books.s3.eu-west-3.amazonaws.com/images/", None, "virtual"),
        (
            "google",
            {},
            "https://storage.googleapis.com",
            "https://storage.googleapis.com/my-books/images/",
            None,
            "path",
        ),
        (
            *("minio", {"ENDPOINT_URL": "https://store.test:9000"}),
            *("https://store.test:9000", "https://store.test:9000/my-books/images/", None, "path"),
        ),
        (
            *(
                "cloudflare-r2",
                {"ENDPOINT_URL": "https://0123.r2.cloudflarestorage.com", "CUSTOM_DOMAIN": "media.test"},
            ),
            *("https://0123.r2.cloudflarestorage.com", "https://media.test/images/", None, "auto"),
        ),
    ],
)
def test_a_services_name_a_region_a_bucket_and_keys_are_enough(provider, values, endpoint, url, acl, addressing):
    bucket = conf.read(named(provider, **values)).stores["bucket"]
    assert (bucket.endpoint_url, bucket.public_url) == (endpoint, url)
    assert (bucket.acl, bucket.addressing_style) == (acl, addressing)
    assert bucket.contradictions == []


def test_a_server_of_ones_own_is_known_by_the_name_its_owner_gives_it():
    bucket = conf.read(named("seaweedfs", ENDPOINT_URL="http://127.0.0.1:8333")).stores["bucket"]
    assert bucket.service.name == "SeaweedFS"
    assert bucket.region == "us-east-1"
    assert {"SeaweedFS", "no ACL is sent; the bucket's policy decides who may read"} <= set(guarantees(bucket))


def test_what_the_owner_writes_beats_what_follows_from_the_service():
    own = {"REGION": "fr-par", "DEFAULT_ACL": "none", "ADDRESSING_STYLE": "path", "CUSTOM_DOMAIN": "media.test"}
    bucket = conf.read(named("scaleway", **own)).stores["bucket"]
    assert (bucket.acl, bucket.addressing_style) == (None, "path")
    assert bucket.public_url == "https://media.test/images/"


@pytest.mark.parametrize(
    ("provider", "values", "setting", "said"),
    [
        ("scalway", {}, "PROVIDER", "scaleway"),
        ("scaleway", {}, "REGION", "fr-par"),
        ("minio", {}, "AWS_S3_ENDPOINT_URL", "MinIO"),
        (
            *("linode", {"REGION": "us-east-1", "ENDPOINT_URL": "https://my-books.us-east-1.linodeobjects.com"}),
            *("AWS_S3_ENDPOINT_URL", "'https://us-east-1.linodeobjects.com' alone"),
        ),
        (
            *("scaleway", {"REGION": "fr-par", "ENDPOINT_URL": "https://nyc3.digitaloceanspaces.com"}),
            *("AWS_S3_ENDPOINT_URL", "https://s3.{region}.scw.cloud"),
        ),
        (
            *("scaleway", {"REGION": "fr-par", "CUSTOM_DOMAIN": "your-books.s3.fr-par.scw.cloud"}),
            *("CUSTOM_DOMAIN", "'my-books.s3.fr-par.scw.cloud'"),
        ),
        ("garage", {"ENDPOINT_URL": "https://garage.test"}, "CUSTOM_DOMAIN", "garage bucket website --allow"),
    ],
)
def test_what_cannot_work_at_the_service_it_names_is_refused_and_explained(provider, values, setting, said):
    with pytest.raises(SettingsError) as refused:
        conf.read(named(provider, **values))
    assert refused.value.setting.endswith(setting) or refused.value.setting.endswith(f'["{setting}"]')
    assert said in str(refused.value)
    assert CANARY not in str(refused.value)


def test_without_the_services_name_contradictions_are_told_and_nothing_is_refused():
    """A site that has been running so for years goes on running."""
    values = {"ENDPOINT_URL": "https://my-books.us-east-1.linodeobjects.com", "REGION": "us-east-1"}
    (doubled,) = conf.read(changed(**values)).stores["bucket"].contradictions
    assert doubled.id == "endpoint.holds-bucket"


def test_hosts_are_those_of_stores_in_use_and_urls_those_of_all(settings):
    settings.EXTERNAL_STORAGE = GOOD
    assert conf.public_hosts() == ["https://my-books.s3.eu-west-1.amazonaws.com"]
    assert conf.public_urls() == [
        "https://books.test/images/",
        "https://my-books.s3.eu-west-1.amazonaws.com/images/",
    ]


def test_an_alias_or_store_that_is_not_there_is_named_with_those_that_are(settings):
    settings.EXTERNAL_STORAGE = GOOD
    with pytest.raises(SettingsError, match=r"'exports'.*default"):
        conf.alias_named("exports")
    with pytest.raises(SettingsError, match=r"'tape'.*bucket, disk"):
        conf.store_named("tape")


def test_a_public_storage_without_a_rule_says_that_one_is_needed(settings):
    without = copy.deepcopy(GOOD)
    del without["ALIASES"]["default"]["PUBLISHING_RULE"]
    settings.EXTERNAL_STORAGE = without
    with pytest.raises(SettingsError, match="may become public"):
        _ = conf.alias_named("default").rule
    assert "external_storage.E002" in check_ids()


def check_ids() -> list[str]:
    return [message.id for message in run_checks() if message.id.startswith("external_storage")]


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"CUSTOM_DOMAIN": "http://media.books.test"}, "external_storage.W001"),
        ({"DEFAULT_ACL": "private"}, "external_storage.W002"),
        ({"ENDPOINT_URL": "https://my-books.eu-1.linodeobjects.com"}, "external_storage.W003"),
        ({"BUCKET": ""}, "external_storage.E001"),
    ],
)
def test_system_checks_point_out_what_contradicts_itself(settings, values, check):
    settings.EXTERNAL_STORAGE = changed(**values)
    assert check in check_ids()


def test_what_two_stores_have_in_common_is_pointed_out_once(settings):
    doubtful = changed(ADDRESSING_STYLE="path")
    doubtful["STORES"]["static-bucket"] = doubtful["STORES"]["bucket"] | {"PREFIX": "static/"}
    settings.EXTERNAL_STORAGE = doubtful
    assert [found.id for found in run_checks() if found.id == "external_storage.W005"] == ["external_storage.W005"]


@pytest.mark.parametrize("endpoint", ["http://store.test:9000", "http://10.0.0.5:9000", "http://localhost.store.test"])
def test_a49_an_unencrypted_way_to_the_store_is_refused_unless_the_owner_allows_it(settings, endpoint):
    with pytest.raises(SettingsError, match=r"ENDPOINT_URL.* is 'http://.*https address.*ALLOW_HTTP"):
        conf.read(changed(ENDPOINT_URL=endpoint))
    settings.EXTERNAL_STORAGE = GOOD
    at_the_store = f"s3://another/?endpoint={endpoint}&credentials=bucket"
    with pytest.raises(SettingsError, match="https address"):
        described_and_opened(at_the_store)
    settings.EXTERNAL_STORAGE = changed(ENDPOINT_URL=endpoint, ALLOW_HTTP=True)
    assert described_and_opened(at_the_store)[0].endpoint_url == endpoint


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000"])
def test_a49_what_stays_on_this_machine_needs_no_encryption(endpoint):
    assert conf.read(changed(ENDPOINT_URL=endpoint)).stores["bucket"].endpoint_url == endpoint


def test_good_settings_pass_the_system_checks(settings):
    settings.EXTERNAL_STORAGE = GOOD
    assert check_ids() == []


def test_collectstatic_of_django_must_not_win_over_ours(settings):
    settings.EXTERNAL_STORAGE = GOOD
    ours, theirs = "external_storage.django", "django.contrib.staticfiles"
    settings.INSTALLED_APPS = [*(app for app in settings.INSTALLED_APPS if app != ours), ours]
    assert settings.INSTALLED_APPS.index(theirs) < settings.INSTALLED_APPS.index(ours)
    assert check_ids() == ["external_storage.E003"]


def test_a_storage_follows_the_settings_without_being_made_again(settings, tmp_path):
    settings.EXTERNAL_STORAGE = GOOD
    storage = storages["default"]
    assert storage.url("covers/a.png").startswith("https://my-books.s3")
    local = changed("disk", ROOT=tmp_path)
    local["ALIASES"]["default"]["ACTIVE"] = "disk"
    settings.EXTERNAL_STORAGE = local
    assert storage.url("covers/a.png") == "https://books.test/images/covers/a.png"
    assert storage.path("covers/a.png") == str(tmp_path / "covers/a.png")
