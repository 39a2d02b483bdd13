"""A new site begins its life in a bucket: nothing to copy, everything there from the first page on."""

from __future__ import annotations

import json

import pytest

from tests.instance import Instance, Outcome, Visitor, ask
from tests.servers import Bucket, S3Server

from .story import (
    add_book,
    assert_bucket_serves,
    assert_no_secret_shows,
    covers_of,
    csp_hosts,
    first_account,
    loaded_by,
    named_in_stylesheet,
    origin_of,
    picture,
    wait_until,
)


@pytest.fixture(scope="module")
def prepared(instance: Instance, s3_server: S3Server, bucket: Bucket) -> Outcome:
    """Settings, static files and CORS are in place; the site has never run."""
    instance.write_env()
    instance.use_bucket(s3_server, bucket)
    instance.set(USE_S3="true")
    instance.run("./bw-dev collectstatic")
    return instance.run("./bw-dev set_cors_to_s3")


@pytest.fixture(scope="module")
def started(instance: Instance, prepared: Outcome) -> Outcome:
    return instance.run("./bw-dev up -d")


@pytest.fixture(scope="module")
def owner(instance: Instance, started: Outcome) -> Visitor:
    return first_account(instance)


def test_the_right_cors_rules_are_made_from_the_sites_own_address(instance, prepared, bucket):
    (rule,) = bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    assert instance.url in rule["AllowedOrigins"]
    assert sorted(rule["AllowedMethods"]) == ["GET", "HEAD"]


def test_the_first_page_comes_with_everything_from_the_bucket(instance, started, bucket):
    page = Visitor(instance.url).get("/")
    assert_bucket_serves(loaded_by(page), bucket.public_url)
    fonts = [url for sheet in page.stylesheets for url in named_in_stylesheet(ask(sheet)) if ".woff2" in url]
    assert_bucket_serves(fonts, bucket.public_url)
    assert csp_hosts(page.answer) == {origin_of(bucket.public_url)}


def test_check_storage_is_content_from_the_start(instance, started):
    assert instance.run("./bw-dev check_storage").exit_code == 0


def test_the_first_pictures_land_in_the_bucket_and_never_on_the_disk(instance, owner, bucket):
    form = owner.get("/preferences/").form_with("display_name", "avatar")
    owner.submit(form, files={"avatar": ("me.png", picture("olive", (500, 500)))}, display_name="Owner")
    book = add_book(owner, "First book", picture("maroon"))
    assert_bucket_serves(covers_of(book), bucket.public_url)
    kinds = {key.split("/")[1] for key in bucket.keys_under("images/")}
    assert {"avatars", "covers"} <= kinds
    assert instance.media_files() == {}


def test_small_versions_are_made_in_the_background_and_used(instance, owner, bucket):
    add_book(owner, "Small versions", picture("orchid"))

    def shown() -> list[str]:
        return covers_of(Visitor(instance.url).get("/search/?q=Small+versions"))

    wait_until(lambda: any("/thumbnails/" in url for url in shown()))
    assert_bucket_serves(shown(), bucket.public_url)


def test_the_sites_own_logo_lands_in_the_bucket(instance, owner, bucket):
    form = owner.get(owner.get("/admin/bookwyrm/sitesettings/").link_to(r"/admin/.*/change/")).form_with("name", "logo")
    logo = picture("indigo", (320, 320))
    owner.submit(form, files={"logo": ("logo.png", logo)}, _save="Save")
    # Itself, or the smaller version of it that is made in the background.
    logos = [url for url in Visitor(instance.url).get("/").pictures if "/logos/" in url]
    assert_bucket_serves(logos, bucket.public_url)


def test_a_replaced_and_a_deleted_picture_leave_the_bucket(instance, owner, bucket):
    before = set(bucket.keys_under("images/covers/"))

    def added() -> set[str]:
        return set(bucket.keys_under("images/covers/")) - before

    page = add_book(owner, "Changing covers", picture("salmon"))
    first = added()
    edit = owner.get(page.link_to(r"/book/\d+/edit/")).form_with("title", "cover")
    page = owner.submit(edit, files={"cover": ("other.png", picture("sienna"))})
    wait_until(lambda: len(added()) == 1 and added() != first)
    owner.submit(page.form_with_button("remove"), remove="1")
    wait_until(lambda: added() == set())


def test_search_shows_covers_from_the_bucket_without_touching_the_connector(instance, owner, bucket):
    add_book(owner, "Zephyr over Zanzibar", picture("plum"))
    told = json.loads(ask(f"{instance.url}/search.json?q=zanzibar").body)
    shown = covers_of(Visitor(instance.url).get("/search/?q=zanzibar"))
    assert_bucket_serves([*shown, *(book["cover"] for book in told)], bucket.public_url)
    assert len(told) == 1


def test_a34_no_secret_was_printed_logged_or_shown_in_the_process_list(instance, owner):
    assert_no_secret_shows(instance)
