"""When a step of the page cannot work, the command says why, ends with the documented code, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.instance import Instance, new_instance
from tests.servers import Bucket, S3Server
from tests.servers.processes import free_ports

from .story import picture

COMMANDS = ["copy_media_to_s3", "sync_media_to_s3"]


@pytest.fixture(scope="module")
def instance(s3_server: S3Server) -> Iterator[Instance]:
    """A site with one picture, whose settings are right until a test says otherwise."""
    with new_instance() as instance:
        instance.write_env()
        cover = instance.images / "covers" / "0f0e0d0c-0b0a-4908-8706-050403020100.png"
        cover.parent.mkdir(parents=True)
        cover.write_bytes(picture("tan", (60, 90)))
        instance.run("./bw-dev migrate")
        yield instance


@pytest.fixture
def configured(instance: Instance, s3_server: S3Server, bucket: Bucket) -> Iterator[Instance]:
    """The instance with right settings, which the next test gets back."""
    instance.use_bucket(s3_server, bucket)
    instance.set(USE_S3="false")
    files = instance.media_files()
    yield instance
    assert instance.media_files() == files


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_secret_is_named_and_never_shown(configured, command, bucket):
    configured.set(AWS_SECRET_ACCESS_KEY="CANARY-wrong-secret-0123456789")
    outcome = configured.run(f"./bw-dev {command}", expect=3)
    assert "AWS_SECRET_ACCESS_KEY" in outcome.printed
    assert "CANARY" not in outcome.printed
    assert "Traceback" not in outcome.printed
    assert bucket.keys_under() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_bucket_is_named_and_not_made(configured, command, s3_server):
    configured.set(AWS_STORAGE_BUCKET_NAME="nobody-made-this")
    outcome = configured.run(f"./bw-dev {command}", expect=3)
    assert "nobody-made-this" in outcome.printed
    assert "Traceback" not in outcome.printed
    assert "nobody-made-this" not in [entry["Name"] for entry in s3_server.client.list_buckets()["Buckets"]]


def test_an_endpoint_where_nobody_listens_is_named_at_once(configured):
    (port,) = free_ports(1)
    configured.set(AWS_S3_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    began = time.monotonic()
    outcome = configured.run("./bw-dev copy_media_to_s3", expect=3)
    assert time.monotonic() - began < 15
    assert f"127.0.0.1:{port}" in outcome.printed
    assert "Traceback" not in outcome.printed


def test_nothing_is_copied_to_a_bucket_whose_pictures_stay_private(configured, s3_server):
    private = s3_server.make_bucket(public=())
    configured.use_bucket(s3_server, private)
    configured.set(AWS_DEFAULT_ACL="none")
    outcome = configured.run("./bw-dev copy_media_to_s3", expect=3)
    assert "Private" in outcome.printed
    assert f"arn:aws:s3:::{private.name}/images/*" in outcome.printed
    assert private.keys_under() == []


def test_check_storage_finds_a_private_bucket_out(configured, s3_server):
    configured.use_bucket(s3_server, s3_server.make_bucket(public=()))
    configured.set(AWS_DEFAULT_ACL="none", USE_S3="true")
    configured.run("./bw-dev collectstatic")
    assert "Private" in configured.run("./bw-dev check_storage", expect=5).printed


def test_a_file_that_is_no_cors_configuration_is_refused_before_anything_is_sent(configured, bucket):
    (configured.root / "cors.json").write_text('{"CORSRules": [{"AllowedMethods": ["FETCH"]}]}')
    outcome = configured.run("./bw-dev set_cors_to_s3 cors.json", expect=2)
    assert "cors.json" in outcome.printed
    assert "Traceback" not in outcome.printed


def test_a_bad_setting_stops_up_and_says_what_is_expected(configured):
    configured.set(USE_S3="perhaps")
    outcome = configured.run("./bw-dev up -d", expect=2)
    assert "USE_S3" in outcome.printed
    assert "perhaps" in outcome.printed
    assert "true or false" in outcome.printed


def test_settings_that_lack_the_bucket_are_refused(configured):
    configured.set(AWS_STORAGE_BUCKET_NAME=None, USE_S3="true")
    outcome = configured.run("./bw-dev up -d", expect=2)
    assert "AWS_STORAGE_BUCKET_NAME" in outcome.printed
