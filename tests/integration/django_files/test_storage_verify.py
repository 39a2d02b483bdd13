"""``storage_verify``: what is missing, different or badly served is named, and what is served badly can be mended."""

from __future__ import annotations

import re

import pytest

from external_storage.health.asking import ask

from .conftest import one_server
from .fussy_front import fussy_front

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
OTHER = b"\x89PNG\r\n\x1a\n" + b"another " * 40
IMMUTABLE = "public, max-age=31536000, immutable"

pytestmark = pytest.mark.django_db


@pytest.fixture
def copied(site, run):
    """Three pictures on the disk and in the bucket, just copied."""
    site.configure(active="disk")
    for name in "abc":
        site.put_on_disk(f"covers/{name}.png", PNG + name.encode())
    assert run("storage_copy", "disk", "bucket").code == 0
    return site


def marks(ran) -> dict[str, str]:
    return {key: symbol for symbol, key in re.findall(r'^([=+*!-]) "([^"]*)"', ran.out, re.MULTILINE)}


def test_after_a_copy_all_is_the_same_and_nothing_is_named(copied, run):
    copied.put_on_disk("backup.zip", b"PK\x03\x04")  # held back, so it is not missed
    ran = run("storage_verify", "disk", "bucket")
    assert ran.code == 0
    assert ran.out.splitlines() == ["same 3, only in the source 0, only in the target 0, different 0, unreadable 0"]


def test_s7_each_difference_is_named_with_its_symbol(copied, run):
    copied.put_in_bucket("images/covers/a.png", PNG + b"x")
    copied.bucket.client.delete_object(Bucket=copied.bucket.name, Key="images/covers/b.png")
    copied.put_in_bucket("images/covers/more.png", OTHER)
    ran = run("storage_verify", "disk", "bucket")
    assert marks(ran) == {"covers/a.png": "*", "covers/b.png": "+", "covers/more.png": "-"}
    assert ran.code == 5
    assert ran.out.splitlines()[-1] == "same 1, only in the source 1, only in the target 1, different 1, unreadable 0"


def test_the_same_ones_are_named_when_asked_for(copied, run):
    ran = run("storage_verify", "disk", "bucket", "--all")
    assert marks(ran) == {f"covers/{name}.png": "=" for name in "abc"}


def test_json_is_one_object_a_line_and_the_last_is_the_report(copied, run):
    copied.put_in_bucket("images/covers/more.png", OTHER)
    ran = run("storage_verify", "disk", "bucket", "--json")
    assert [(each["symbol"], each["key"]) for each in ran.json[:-1]] == [("-", "covers/more.png")]
    assert (ran.json[-1]["same"], ran.json[-1]["only_in_the_target"], ran.json[-1]["exit_code"]) == (3, 1, 5)


def test_what_cannot_be_read_is_never_a_success(copied, run):
    (copied.media / "covers" / "b.png").unlink()
    (copied.media / "covers" / "b.png").symlink_to("/etc/hostname")
    ran = run("storage_verify", "disk", "bucket")
    assert marks(ran) == {"covers/b.png": "!"}
    assert ran.code == 5


def test_s9_a_store_that_serves_other_bytes_than_it_lists_is_found_by_reading_them(copied, run):
    def damage(request):
        is_object = request.command == "GET" and "covers/b.png" in request.path and "list-type" not in request.path
        return (200, OTHER[:-1]) if is_object else None

    with fussy_front(copied.server.endpoint_url, damage) as front:
        copied.configure(ENDPOINT_URL=front.url)
        assert run("storage_verify", "disk", "bucket").code == 0
        ran = run("storage_verify", "disk", "bucket", "--read-data")
        assert front.turned_away
    assert ran.code == 5
    assert set(marks(ran)) == {"covers/b.png"}


def test_a_store_that_refuses_ends_the_run(copied, run):
    copied.configure(SECRET_ACCESS_KEY="wrong-secret-of-nobody")
    assert run("storage_verify", "disk", "bucket").code == 3


def test_two_places_by_url_are_compared_without_any_rule(copied, run, tmp_path):
    twin = tmp_path / "twin"
    twin.mkdir()
    (twin / "x.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "other").mkdir()
    ran = run("storage_verify", f"file://{twin}", f"file://{tmp_path / 'other'}")
    assert (marks(ran), ran.code) == ({"x.zip": "+"}, 5)


# How objects are served


def served(site, name: str) -> dict[str, str]:
    answer = ask("GET", f"{site.bucket.public_url}/images/covers/{name}.png")
    return {
        "status": answer.status,
        "type": answer.headers.get("content-type", "") if answer.status == 200 else "",
        "cache": answer.headers.get("cache-control", "") if answer.status == 200 else "",
    }


def spoil(site) -> None:
    """Store the same bytes again, as a careless tool would: no type, no cache header, readable by nobody."""
    client, bucket = site.bucket.client, site.bucket.name
    client.put_object(Bucket=bucket, Key="images/covers/a.png", Body=PNG + b"a", ContentType="binary/octet-stream")
    client.put_object(
        Bucket=bucket, Key="images/covers/b.png", Body=PNG + b"b", ContentType="image/png", ACL="public-read"
    )


def test_s35_metadata_is_compared_only_when_asked_for(copied, run):
    assert run("storage_verify", "disk", "bucket", "--metadata").code == 0
    spoil(copied)
    assert run("storage_verify", "disk", "bucket").code == 0
    ran = run("storage_verify", "disk", "bucket", "--metadata")
    assert ran.code == 5
    assert marks(ran) == {"covers/a.png": "*", "covers/b.png": "*"}
    assert "binary/octet-stream" in ran.out
    assert IMMUTABLE in ran.out


def test_s35_metadata_is_mended_in_place(copied, run):
    spoil(copied)
    ran = run("storage_verify", "disk", "bucket", "--fix-metadata")
    assert ran.code == 0, ran.printed
    assert marks(ran) == {"covers/a.png": "=", "covers/b.png": "="}
    assert ran.out.count("Repaired.") == 2
    for name in "abc":
        assert served(copied, name) == {"status": 200, "type": "image/png", "cache": IMMUTABLE}
        assert copied.in_bucket(f"images/covers/{name}.png") == PNG + name.encode()
    again = run("storage_verify", "disk", "bucket", "--metadata", "--read-data")
    assert (again.code, marks(again)) == (0, {})


def test_metadata_of_an_object_sent_in_parts_is_mended_too(copied, run):
    large = PNG + bytes(9 << 20)
    copied.put_on_disk("covers/large.png", large)
    run("storage_copy", "disk", "bucket")
    client, bucket, key = copied.bucket.client, copied.bucket.name, "images/covers/large.png"
    stored = client.head_object(Bucket=bucket, Key=key)
    client.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        MetadataDirective="REPLACE",
        Metadata=stored["Metadata"],
        ContentType="text/plain",
    )
    ran = run("storage_verify", "disk", "bucket", "--fix-metadata")
    assert ran.code == 0, ran.printed
    assert client.head_object(Bucket=bucket, Key=key)["ContentType"] == "image/png"
    assert copied.in_bucket(key) == large
    assert run("storage_copy", "disk", "bucket").out.splitlines()[-1].startswith("copied 0, already there 4")


@pytest.mark.parametrize("lie", [(200, b"<CopyObjectResult></CopyObjectResult>"), (501, b"<Error></Error>")])
def test_s4_s35_where_the_store_does_not_change_headers_in_place_the_object_is_sent_again(copied, run, lie):
    spoil(copied)
    with fussy_front(
        copied.server.endpoint_url, lambda request: lie if "x-amz-copy-source" in request.headers else None
    ) as front:
        copied.configure(ENDPOINT_URL=front.url)
        ran = run("storage_verify", "disk", "bucket", "--fix-metadata")
        assert front.turned_away
    assert ran.code == 0, ran.printed
    assert served(copied, "a") == {"status": 200, "type": "image/png", "cache": IMMUTABLE}


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
def test_access_that_only_the_bucket_can_give_is_said_to_be_unmended(copied, run):
    copied.bucket.client.delete_bucket_policy(Bucket=copied.bucket.name)
    ran = run("storage_verify", "disk", "bucket", "--fix-metadata")
    assert ran.code == 5
    assert set(marks(ran).values()) == {"*"}
    assert "should be public" in ran.out


def test_a_public_address_that_does_not_answer_leaves_the_question_open(copied, run):
    copied.configure(CUSTOM_DOMAIN="media.invalid")
    ran = run("storage_verify", "disk", "bucket", "--metadata")
    assert ran.code == 5
    assert set(marks(ran).values()) == {"!"}


@one_server
def test_nobody_is_asked_at_the_bucket_of_files_that_the_site_sends_itself(copied, run):
    copied.configure(CUSTOM_DOMAIN="127.0.0.1:1")
    assert set(marks(run("storage_verify", "disk", "bucket", "--metadata")).values()) == {"!"}
    copied.settings.EXTERNAL_STORAGE["ALIASES"]["default"]["SERVING"] = "proxy"
    copied.settings.EXTERNAL_STORAGE = copied.settings.EXTERNAL_STORAGE
    spoil(copied)
    ran = run("storage_verify", "disk", "bucket", "--metadata")
    assert (ran.code, marks(ran)) == (5, {"covers/a.png": "*", "covers/b.png": "*"})
    assert run("storage_verify", "disk", "bucket", "--fix-metadata").code == 0


def test_a_folder_has_no_metadata_to_compare(copied, run):
    ran = run("storage_verify", "bucket", "disk", "--metadata")
    assert (ran.code, "no headers" in ran.err) == (2, True)


def test_comparing_metadata_needs_a_rule(copied, run, tmp_path):
    ran = run("storage_verify", f"file://{tmp_path}", "s3://books/elsewhere", "--metadata")
    assert (ran.code, "--rule" in ran.err) == (2, True)
