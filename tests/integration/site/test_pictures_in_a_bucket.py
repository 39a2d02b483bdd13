"""The life of a picture on a site whose files are in a bucket."""

from __future__ import annotations

import copy
import urllib.request

import pytest

from bookwyrm.images.publishing import recognise
from bookwyrm.images.urls import picture_versions
from bookwyrm.models import Edition
from external_storage.objects import IMMUTABLE
from tests import pictures, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]


@pytest.fixture
def bucket(s3_server, settings, media):
    made = s3_server.make_bucket(public=("images/",))
    described = copy.deepcopy(settings.EXTERNAL_STORAGE)
    described["STORES"]["bucket"] = {
        "KIND": "s3",
        "BUCKET": made.name,
        "PREFIX": "images/",
        "REGION": s3_server.region,
        "ENDPOINT_URL": s3_server.endpoint_url,
        "CUSTOM_DOMAIN": made.public_url.partition("://")[2],
        "ACCESS_KEY_ID": s3_server.access_key_id,
        "SECRET_ACCESS_KEY": s3_server.secret_access_key,
        "DEFAULT_ACL": "public-read" if s3_server.access_model == "acl" else None,
        "USE_HTTPS": made.public_url.startswith("https:"),
    }
    described["ALIASES"]["default"]["ACTIVE"] = "bucket"
    settings.EXTERNAL_STORAGE = described
    return made


def keys_in(bucket) -> set[str]:
    return {key.removeprefix("images/") for key in bucket.keys_under("images/")}


def test_a_cover_and_its_thumbnails_come_from_the_bucket_and_leave_it_when_replaced(bucket, client, media):
    edition = site.book()
    client.force_login(site.person())
    client.post(f"/book/{edition.pk}/cover/", {"cover": site.upload(pictures.encoded("JPEG"))})
    edition.refresh_from_db()
    first = keys_in(bucket)
    assert len(first) == 3
    assert edition.cover.name in first
    versions = picture_versions(edition, "cover")
    assert [width for width, _ in versions] == [160, 320, 400]
    page = client.get(f"/book/{edition.pk}/").content.decode()
    for _, url in versions:
        assert url.startswith(bucket.public_url)
        assert url in page
        with urllib.request.urlopen(url) as answer:
            assert recognise(answer.read()) == answer.headers["Content-Type"]
            assert answer.headers["Cache-Control"] == IMMUTABLE

    client.post(f"/book/{edition.pk}/cover/", {"cover": site.upload()})
    second = keys_in(bucket)
    assert len(second) == 3
    assert not first & second
    Edition.objects.all().delete()
    assert keys_in(bucket) == set()
    assert site.stored_files(media) == set()
