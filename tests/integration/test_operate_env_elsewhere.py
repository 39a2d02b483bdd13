"""The lines of `.env` about a storage that is no S3: each wrong one is named, and none gives a secret away."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookwyrm import env
from bookwyrm.operate import wishes
from external_storage.django.store_url import Secrets, described_by
from external_storage.errors import SettingsError

SECRET = "geheim-und-lang"
SFTP, AZURE = "sftp://books@files.test:2222/srv/images", "azure://account/books/images"


def environment(tmp_path: Path, **values: str) -> env.Environment:
    lines = {"SECRET_KEY": "k" * 40, **values}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return env.read({"BOOKWYRM_ENV_FILE": str(tmp_path / ".env")})


@pytest.mark.parametrize(
    ("values", "variable", "said"),
    [
        ({"USE_STORAGE_URL": "true"}, "STORAGE_URL", "found nothing"),
        ({"USE_STORAGE_URL": "true", "USE_S3": "true"}, "USE_STORAGE_URL", "USE_S3 is true as well"),
        ({"STORAGE_URL": SFTP}, "STORAGE_KEY_FILE", "missing, and so is STORAGE_PASSWORD"),
        ({"STORAGE_URL": SFTP, "STORAGE_KEY_FILE": "key"}, "STORAGE_KEY_FILE", "the absolute path of a file"),
        ({"STORAGE_URL": f"sftp://books:{SECRET}@files.test/srv"}, "STORAGE_URL", "a URL with a password in it"),
        ({"STORAGE_URL": f"libcloud+s3://c?secret={SECRET}"}, "STORAGE_URL", "a URL with 'secret' in it"),
        ({"STORAGE_URL": "libcloud+backblaze-b2://c?user=u"}, "STORAGE_URL", "libcloud+openstack-swift"),
        ({"STORAGE_URL": "ftp://files.test"}, "STORAGE_URL", "one such as sftp://user@host/srv/images"),
        ({"STORAGE_URL": AZURE}, "STORAGE_PASSWORD", "the key of the storage account"),
        ({"STORAGE_URL": "gs://books"}, "STORAGE_KEY_FILE", "a JSON file"),
        ({"STORAGE_URL": "django://a.b.C", "STORAGE_PASSWORD": SECRET}, "STORAGE_URL", "&password_for="),
        ({"STORAGE_URL": "django://NoPath"}, "STORAGE_URL", "the dotted path of a storage class"),
    ],
)
def test_a_wrong_or_missing_line_is_explained(tmp_path, values, variable, said):
    problems = {each.variable: str(each) for each in env.check(environment(tmp_path, **values))}
    assert said in problems[variable]
    assert SECRET not in "".join(problems.values())


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, "disk"),
        ({"STORAGE_URL": AZURE, "STORAGE_PASSWORD": SECRET}, "disk"),
        ({"STORAGE_URL": AZURE, "STORAGE_PASSWORD": SECRET, "USE_STORAGE_URL": "true"}, "elsewhere"),
    ],
)
def test_a_storage_is_known_before_it_is_used(tmp_path, values, wanted):
    found = environment(tmp_path, **values)
    assert env.check(found) == []
    assert env.media_store(found) == wanted
    assert (env.elsewhere(found, tmp_path) is None) == ("STORAGE_URL" not in values)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (SFTP, {"HOST": "files.test", "PORT": 2222, "USER": "books", "ROOT": "/srv/images", "PASSWORD": SECRET}),
        ("sftp://b@h/a%20b?file_mode=0640&known_hosts=/k", {"ROOT": "/a b", "FILE_MODE": 0o640, "KNOWN_HOSTS": "/k"}),
        (
            "libcloud+s3://books/images?user=id&host=s3.test&port=9000&secure=false&public_url=https://s3.test/books/",
            {
                "DRIVER": "s3",
                "CONTAINER": "books",
                "PREFIX": "images",
                "KEY": "id",
                "SECRET": SECRET,
                "OPTIONS": {"host": "s3.test", "port": 9000, "secure": False},
                "PUBLIC_URL": "https://s3.test/books/",
            },
        ),
        ("django://pkg.Class?a=1&password_for=token", {"CLASS": "pkg.Class", "OPTIONS": {"a": 1, "token": SECRET}}),
    ],
)
def test_one_url_says_it_all(url, expected):
    described = described_by(url, Secrets(password=SECRET), known_hosts="/known_hosts")
    assert expected.items() <= described.items()


def test_a_url_for_azure_or_google_stands_for_their_class():
    azure = described_by(AZURE, Secrets(password=SECRET), known_hosts="")
    assert azure["OPTIONS"] == {
        "account_name": "account",
        "account_key": SECRET,
        "azure_container": "books",
        "location": "images",
    }
    google = described_by("gs://books/images", Secrets(key_file="/srv/key.json"), known_hosts="")
    assert google["OPTIONS"] == {"bucket_name": "books", "location": "images", "credentials_file": "/srv/key.json"}


def test_a_misspelt_parameter_is_not_passed_over():
    with pytest.raises(SettingsError, match="'file_mod' means nothing"):
        described_by("sftp://b@h/images?file_mod=644", Secrets(password=SECRET), known_hosts="/k")


@pytest.mark.parametrize(("loaded", "wants", "edited"), [
    ("true", "bucket", False), ("false", "disk", False), ("false", "bucket", True), ("true", "elsewhere", True),
    ("elsewhere", "elsewhere", False), ("elsewhere", "disk", True),
])  # fmt: skip
def test_only_what_was_edited_here_asks_for_a_move(tmp_path, loaded, wants, edited):
    (tmp_path / wishes.LOADED).write_text(loaded)
    wish = wishes.Wish(tmp_path, wants)
    assert wish.was_edited == edited
    wish.remember()
    assert not wishes.Wish(tmp_path, wants).was_edited
