"""A running site with pictures on its disk moves to a bucket, as the page says, step by step.

Each fixture is a step of the page and leans on the one before; tests look at what that step left behind.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.page import DocsPage
from tests.instance import Instance, Outcome, Prober, Visitor, ask
from tests.servers import Bucket, S3Server

from .story import (
    add_book,
    assert_bucket_serves,
    assert_no_secret_shows,
    covers_of,
    csp_hosts,
    first_account,
    last_counts,
    loaded_by,
    named_in_stylesheet,
    origin_of,
    picture,
    wait_until,
)

PAGE = DocsPage(Path(__file__).parents[2] / "docs" / "operate" / "en" / "external-storage.md")
DOMAIN = "localhost"

HELD_BACK = {
    "exports/everything.tar.gz": b"\x1f\x8b\x08\x00 somebody's private messages",
    "backup.zip": b"PK\x03\x04 a whole database",
    "covers/page.html": b"<script>alert(1)</script>",
    "covers/drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "covers/no-picture.png": b"PK\x03\x04 an archive that calls itself a picture",
}
RULES_OF_OLDER_INSTRUCTIONS = """\
{
  "CORSRules": [
    {
      "AllowedOrigins": ["https://MY_DOMAIN_NAME", "https://www.MY_DOMAIN_NAME"],
      "AllowedHeaders": ["*"],
      "AllowedMethods": ["GET", "HEAD", "POST", "PUT", "DELETE"],
      "MaxAgeSeconds": 3000,
      "ExposeHeaders": ["Etag"]
    }
  ]
}
"""
STRAY = "covers/00000000-dead-4bad-8000-000000000000.png"


@dataclass
class Library:
    """The site before the move: whoever may do everything, and what lies on the disk."""

    owner: Visitor
    files: dict[str, bytes]

    @property
    def pictures(self) -> dict[str, bytes]:
        return {key: data for key, data in self.files.items() if key not in HELD_BACK}


@pytest.fixture(scope="module")
def first_start(instance: Instance) -> Outcome:
    outcome = instance.start()
    return outcome


@pytest.fixture(scope="module")
def library(instance: Instance, first_start: Outcome) -> Library:
    instance.run("./bw-dev demo --books 40")
    owner = first_account(instance)
    add_book(owner, "Before the move", picture("navy"))
    wait_until_nothing_changes(instance)
    for key, data in HELD_BACK.items():
        path = instance.images / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Library(owner, instance.media_files())


def wait_until_nothing_changes(instance: Instance, seconds: float = 3.0) -> None:
    """Wait until the background worker has made the last small version of the last picture."""
    seen, since = 0, time.monotonic()
    while time.monotonic() - since < seconds:
        if (count := len(instance.media_files())) != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.2)
    assert any(key.startswith("thumbnails/") for key in instance.media_files())


@pytest.fixture(scope="module")
def copied(instance: Instance, library: Library, s3_server: S3Server, bucket: Bucket) -> Outcome:
    instance.use_bucket(s3_server, bucket)
    return instance.run("./bw-dev copy_media_to_s3")


@pytest.fixture(scope="module")
def in_between(instance: Instance, library: Library, copied: Outcome) -> str:
    """The key of a cover uploaded after the copy and before the switch."""
    before = set(instance.media_files())
    add_book(library.owner, "In between", picture("teal"))
    wait_until(lambda: any(key.startswith("thumbnails/") for key in set(instance.media_files()) - before))
    (key,) = (key for key in set(instance.media_files()) - before if key.startswith("covers/"))
    return key


@pytest.fixture(scope="module")
def collected(instance: Instance, in_between: str) -> Outcome:
    # Each step of a move waits for this long; the page's ten seconds would only make this test longer.
    instance.set(USE_S3="true", STORAGE_DEADLINE="3")
    return instance.run("./bw-dev collectstatic")


@pytest.fixture(scope="module")
def shared(instance: Instance, collected: Outcome) -> Outcome:
    """The rules that site owners have been told to write for years, for this site's name, are in force."""
    (instance.root / "cors.json").write_text(RULES_OF_OLDER_INSTRUCTIONS.replace("MY_DOMAIN_NAME", DOMAIN))
    return instance.run("./bw-dev set_cors_to_s3 cors.json")


@dataclass
class Restart:
    outcome: Outcome
    prober: Prober


@pytest.fixture(scope="module")
def switched(instance: Instance, library: Library, shared: Outcome) -> Restart:
    cover = next(key for key in library.pictures if key.startswith("covers/"))
    urls = [f"{instance.url}/", f"{instance.url}/about/", f"{instance.url}/health", f"{instance.url}/images/{cover}"]
    with Prober(*urls) as prober:
        outcome = instance.run("./bw-dev up -d")
        instance.run("./bw-dev status --wait")
    return Restart(outcome, prober)


@dataclass
class Synchronised:
    outcome: Outcome
    newer_key: str
    newer_bytes: bytes


@pytest.fixture(scope="module")
def synchronised(instance: Instance, library: Library, switched: Restart, bucket: Bucket) -> Synchronised:
    """`sync` after the switch, with one object newer in the bucket, and one file that nothing refers to."""
    newer_key, newer = next(key for key in library.pictures if key.endswith(".png")), picture("gold")
    known = bucket.client.head_object(Bucket=bucket.name, Key=f"images/{newer_key}")
    bucket.client.put_object(
        Bucket=bucket.name, Key=f"images/{newer_key}", Body=newer, ACL="public-read", ContentType=known["ContentType"]
    )
    (instance.images / STRAY).write_bytes(picture("black"))
    return Synchronised(instance.run("./bw-dev sync_media_to_s3"), newer_key, newer)


# The site before the move


def test_the_first_start_says_where_the_site_is_and_how_to_make_the_first_account(instance, first_start):
    assert instance.url in first_start.printed
    assert "admin_code" in first_start.printed


def test_before_the_move_covers_come_from_the_site_itself(instance, library):
    covers = covers_of(Visitor(instance.url).get("/"))
    assert_bucket_serves(covers, instance.url)


# Copying your media to the bucket


def test_the_copy_names_every_file_it_holds_back_and_counts_the_rest(copied, library):
    for key in HELD_BACK:
        assert key in copied.printed
    counts = last_counts(copied.printed)
    assert counts["copied"] == counts["verified"] == len(library.pictures)
    assert counts["held back"] == len(HELD_BACK)
    assert counts["failed"] == 0
    assert counts["bytes"] == sum(map(len, library.pictures.values()))


def test_every_picture_is_in_the_bucket_byte_for_byte_and_nothing_else_is(copied, library, bucket):
    in_bucket = {key.removeprefix("images/") for key in bucket.keys_under()}
    assert in_bucket == set(library.pictures)
    for key, data in library.pictures.items():
        assert ask(f"{bucket.public_url}/images/{key}").body == data, key


def test_a_stranger_finds_no_held_back_file_and_no_listing(copied, bucket):
    for key in HELD_BACK:
        assert ask(f"{bucket.public_url}/images/{key}").status in (403, 404)
    for listing in ("/", "/?list-type=2", "/images/", "/?list-type=2&prefix=images/"):
        assert "<Key>" not in ask(bucket.public_url + listing).text


def test_every_copied_object_says_what_it_is_and_may_be_cached_for_good(copied, library, bucket):
    kinds = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
    for key in library.pictures:
        headers = ask(f"{bucket.public_url}/images/{key}", method="HEAD").headers
        assert headers["content-type"] == kinds[key.rpartition(".")[2]], key
        assert "immutable" in headers["cache-control"], key


def test_the_copy_changes_nothing_on_the_disk(instance, copied, library):
    assert instance.media_files() == library.files


def test_a_second_copy_sends_nothing(instance, copied, library):
    counts = last_counts(instance.run("./bw-dev copy_media_to_s3").printed)
    assert counts["copied"] == counts["bytes"] == 0
    assert counts["already there"] == len(library.pictures)


# Enabling external storage


def test_collectstatic_puts_plain_and_hashed_names_into_the_bucket(collected, bucket):
    names = {key.removeprefix("static/") for key in bucket.keys_under("static/")}
    assert "images/logo-small.png" in names
    assert any(re.fullmatch(r"images/logo-small\.[0-9a-f]{8,}\.png", name) for name in names)
    assert ask(f"{bucket.public_url}/static/images/logo-small.png").headers["content-type"] == "image/png"


def test_collectstatic_sends_unchanged_files_only_once(instance, collected, bucket):
    before = written_at(bucket)
    instance.run("./bw-dev collectstatic")
    assert written_at(bucket) == before


def written_at(bucket: Bucket) -> dict[str, object]:
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix="static/")
    return {entry["Key"]: entry["LastModified"] for page in pages for entry in page["Contents"]}


def test_the_cors_file_is_stored_as_written_and_superfluous_methods_are_pointed_out(instance, shared, bucket):
    written = json.loads((instance.root / "cors.json").read_text())["CORSRules"]
    (stored,) = bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    (rule,) = written
    for name in ("AllowedOrigins", "AllowedMethods", "AllowedHeaders"):
        assert sorted(stored[name]) == sorted(rule[name])
    for method in ("POST", "PUT", "DELETE"):
        assert method in shared.printed


# Restarting your site


def test_no_request_fails_while_the_site_moves_to_the_bucket(switched):
    assert switched.prober.failures == []
    assert switched.prober.answered > 50


def test_curl_as_on_the_page_says_nothing(instance, switched, bucket):
    assert instance.run(curl_of_the_page(bucket)).printed == ""


def test_the_http_origin_of_older_instructions_is_refused(instance, switched, bucket):
    command = curl_of_the_page(bucket).replace("Origin: https://", "Origin: http://")
    status = instance.run(command.replace("curl", "curl -o /dev/null -w '%{http_code}'", 1)).printed
    headers = instance.run(command.replace("curl", "curl -i", 1)).printed.lower()
    assert status == "403" or "access-control-allow-origin" not in headers


def curl_of_the_page(bucket: Bucket) -> str:
    """Return the page's command with its placeholders filled in; the test buckets speak plain HTTP."""
    (command,) = (block.text for block in PAGE.blocks if block.text.startswith("curl"))
    command = command.replace("https://BUCKET_URL", bucket.public_url).replace("MY_DOMAIN_NAME", DOMAIN)
    return command.replace("curl", "curl -sS", 1)  # no progress meter where there is no terminal


def test_every_page_loads_everything_from_the_bucket(instance, synchronised, library, bucket):
    for path, shown in (
        ("/", "covers/"),
        ("/about/", "logo"),
        ("/search/?q=the", "covers/"),
        ("/user/demo/", "avatars/"),
    ):
        pictures = loaded_by(Visitor(instance.url).get(path))
        assert_bucket_serves(pictures, bucket.public_url)
        assert any(shown in url for url in pictures), path


def test_the_fonts_come_from_the_bucket(instance, switched, bucket):
    sheets = [ask(url) for url in Visitor(instance.url).get("/").stylesheets]
    fonts = [url for sheet in sheets for url in named_in_stylesheet(sheet) if ".woff2" in url]
    assert_bucket_serves(fonts, bucket.public_url)


def test_a50_the_content_security_policy_names_exactly_the_buckets_host(instance, switched, bucket):
    assert csp_hosts(ask(f"{instance.url}/")) == {origin_of(bucket.public_url)}


def test_links_to_pictures_made_before_the_move_still_work(instance, switched, library):
    key = next(key for key in library.pictures if key.endswith(".jpg"))
    assert ask(f"{instance.url}/images/{key}").body == library.pictures[key]
    assert ask(f"{instance.url}/images/backup.zip").status == 404


def test_opengraph_and_manifest_name_whole_urls_in_the_bucket(instance, switched, bucket):
    owner = Visitor(instance.url)
    cover = owner.get(owner.get("/search/?q=Before+the+move").link_to(r"/book/\d+/")).metadata["og:image"]
    icons = json.loads(ask(f"{instance.url}/manifest.webmanifest").body)["icons"]
    assert_bucket_serves([cover, *(icon["src"] for icon in icons)], bucket.public_url)


def test_check_storage_is_content_once_the_rules_fit_the_sites_own_address(instance, switched):
    # This site is served as http://localhost, which the page's rules (https only) rightly leave out.
    assert instance.run("./bw-dev check_storage", expect=None).exit_code == 5
    instance.run("./bw-dev set_cors_to_s3")
    assert instance.run("./bw-dev check_storage --quick").exit_code == 0


def test_what_came_in_between_is_not_left_behind(instance, switched, in_between, bucket):
    data = (instance.images / in_between).read_bytes()
    assert ask(f"{bucket.public_url}/images/{in_between}").body == data
    assert instance.run("./bw-dev check_storage").exit_code == 0


# Sending what came in between


def test_sync_finds_nothing_left_to_send(synchronised):
    counts = last_counts(synchronised.outcome.printed)
    assert counts["copied"] == 0


def test_sync_overwrites_nothing_in_the_bucket_in_use(synchronised, bucket):
    assert ask(f"{bucket.public_url}/images/{synchronised.newer_key}").body == synchronised.newer_bytes


def test_sync_names_and_leaves_out_a_file_nothing_refers_to(synchronised, bucket):
    assert STRAY in synchronised.outcome.printed
    assert f"images/{STRAY}" not in bucket.keys_under("images/covers/")


def test_copy_overwrites_nothing_in_the_bucket_in_use_either(instance, synchronised, bucket):
    instance.run("./bw-dev copy_media_to_s3")
    assert ask(f"{bucket.public_url}/images/{synchronised.newer_key}").body == synchronised.newer_bytes


# Life in the bucket


def test_an_upload_lands_in_the_bucket_looking_like_a_copied_picture(instance, synchronised, library, bucket):
    before, on_disk = set(bucket.keys_under("images/")), set(instance.media_files())
    page = add_book(library.owner, "After the move", picture("crimson"))
    (key,) = {key for key in set(bucket.keys_under("images/")) - before if key.startswith("images/covers/")}
    assert set(instance.media_files()) == on_disk
    assert any(url.endswith(key) for url in page.pictures)
    copied = f"images/{next(key for key in library.pictures if key.endswith(key.rpartition('.')[2]))}"
    assert shown_to_strangers(bucket, key) == shown_to_strangers(bucket, copied)
    wait_until(lambda: any(Path(key).stem in name for name in bucket.keys_under("images/thumbnails/")))


def shown_to_strangers(bucket: Bucket, key: str) -> tuple[int, str | None]:
    answer = ask(f"{bucket.public_url}/{key}", method="HEAD")
    return answer.status, answer.headers.get("cache-control")


# Updating the site's connector


def test_search_shows_covers_from_the_bucket(instance, synchronised, bucket):
    assert_bucket_serves(search_covers(instance), bucket.public_url)


def test_the_connector_page_can_be_saved_as_described(instance, synchronised, library, bucket):
    form = library.owner.get("/admin/bookwyrm/connector/1/change/").form_with("covers_url")
    assert form.values["covers_url"] == f"https://{DOMAIN}/images"
    library.owner.submit(form, covers_url=f"{bucket.public_url}/images", **{"_save": "Save"})
    saved = library.owner.get("/admin/bookwyrm/connector/1/change/").form_with("covers_url")
    assert saved.values["covers_url"] == f"{bucket.public_url}/images"
    assert_bucket_serves(search_covers(instance), bucket.public_url)


def search_covers(instance: Instance) -> list[str]:
    """Return the covers people see in search results, and those other sites are told of."""
    found = json.loads(ask(f"{instance.url}/search.json?q=Before+the+move").body)
    assert found
    assert set(found[0]) == {"title", "key", "view_link", "author", "year", "cover", "confidence"}
    return [*covers_of(Visitor(instance.url).get("/search/?q=Before+the+move")), *(book["cover"] for book in found)]


# Going back


def test_what_was_uploaded_since_comes_home_and_nothing_on_the_disk_changes(instance, synchronised, library, bucket):
    before = {key: (instance.images / key).read_bytes() for key in instance.media_files()}
    add_book(library.owner, "Bound for home", picture("teal"))
    instance.run("./bw-dev storage_copy bucket disk --on-conflict=keep")
    arrived = set(instance.media_files()) - set(before)
    assert any(key.startswith("covers/") for key in arrived)
    for key in arrived:
        assert (instance.images / key).read_bytes() == ask(f"{bucket.public_url}/images/{key}").body
    assert {key: (instance.images / key).read_bytes() for key in before} == before


def test_the_way_back_is_one_line_and_a_restart(instance, synchronised, library, bucket):
    instance.set(USE_S3="false")
    (instance.images / STRAY).unlink()  # nobody knows whether the site deleted it, so it would be in the way
    with Prober(f"{instance.url}/", f"{instance.url}/health") as prober:
        instance.run("./bw-dev up -d")
        instance.run("./bw-dev status --wait")
    assert prober.failures == []
    page = Visitor(instance.url).get("/search/?q=Before+the+move")
    assert_bucket_serves(covers_of(page), instance.url)
    assert csp_hosts(ask(f"{instance.url}/")) <= {instance.url}


def test_a34_no_secret_was_printed_logged_or_shown_in_the_process_list(instance, synchronised):
    assert_no_secret_shows(instance)
