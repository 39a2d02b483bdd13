"""A place as a URL: what it means, and what it must not hold."""

from __future__ import annotations

import pytest

from external_storage.errors import SettingsError
from external_storage.stores.urls import BucketUrl, FolderUrl, is_url, read_url


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("file:///srv/images", "/srv/images"),
        ("file:///srv/images/", "/srv/images/"),
        ("file://localhost/srv/images", "/srv/images"),
        ("file:///srv/my%20images%3F", "/srv/my images?"),
        ("file:///srv/caf%C3%A9", "/srv/café"),
    ],
)
def test_a_file_url_names_a_folder(url, root):
    assert read_url(url) == FolderUrl(root)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://books", BucketUrl("books")),
        ("s3://books/", BucketUrl("books")),
        ("s3://books/images", BucketUrl("books", "images/")),
        ("s3://books/images/covers/", BucketUrl("books", "images/covers/")),
        ("s3://books/my%20images", BucketUrl("books", "my images/")),
        ("s3://books?region=eu-west-3", BucketUrl("books", region="eu-west-3")),
        (
            "s3://books/images?endpoint=https://s3.fr-par.scw.cloud/&region=fr-par",
            BucketUrl("books", "images/", endpoint_url="https://s3.fr-par.scw.cloud", region="fr-par"),
        ),
        ("s3://books?endpoint=http%3A%2F%2F127.0.0.1%3A8333", BucketUrl("books", endpoint_url="http://127.0.0.1:8333")),
        ("s3://books?acl=none&addressing=path", BucketUrl("books", acl=None, addressing_style="path")),
        ("s3://books?acl=private&credentials=bucket", BucketUrl("books", acl="private", credentials_of="bucket")),
        ("s3://books?domain=media.example.org", BucketUrl("books", domain="media.example.org")),
    ],
)
def test_an_s3_url_names_a_bucket_and_how_to_reach_it(url, place):
    assert read_url(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIDEXAMPLE:hunter2hunter2@books/images",
        "s3://books?access_key=AKIDEXAMPLE&secret_key=hunter2hunter2",
        "s3://books?secret_access_key=hunter2hunter2",
        "s3://books?session_token=hunter2hunter2",
        "s3://books?password=hunter2hunter2",
        "s3://books?X-Amz-Signature=hunter2hunter2",
        "s3://books?endpoint=https://AKIDEXAMPLE:hunter2hunter2@s3.example.com",
    ],
)
def test_a_url_with_a_secret_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsError) as refused:
        read_url(url)
    assert "AWS_SECRET_ACCESS_KEY" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "AKIDEXAMPLE" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "url",
    [
        "file://server/share",
        "file:srv/images",
        "file:///srv/images?x=1",
        "file:///srv/a#b",
        "s3://",
        "s3:///images",
        "s3://b",
        "s3://books/../other",
        "s3://books/a//b",
        "s3://books/a%0Ab",
        "s3://books?colour=blue",
        "s3://books?region=",
        "s3://books?region=a&region=b",
        "s3://books?region=eu_west 1",
        "s3://books?endpoint=s3.example.com",
        "s3://books?endpoint=https://s3.example.com/books",
        "s3://books?acl=public-read-write",
        "s3://books?addressing=dns",
        "s3://books?domain=media.example.org?x",
        "https://books.s3.example.com",
        "gopher://books",
        "s3://[",
    ],
)
def test_what_names_no_place_is_refused_with_a_remedy_or_the_choices(url):
    with pytest.raises(SettingsError) as refused:
        read_url(url)
    assert len(str(refused.value)) > 30


@pytest.mark.parametrize(("text", "answer"), [("default", False), ("s3://books", True), ("file:///srv", True)])
def test_a_name_is_told_from_a_url(text, answer):
    assert is_url(text) is answer
