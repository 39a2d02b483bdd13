"""`./bw-dev configure_storage`: a few questions, the lines in `.env`, and a look at the bucket."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import stat
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.instance import Instance, Outcome, new_instance
from tests.servers import Bucket, S3Server

SECRET = "CANARY-it-s-a-$ecret/with+signs="


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with new_instance(LANG="C.UTF-8") as instance:
        instance.write_env()
        yield instance


@pytest.fixture
def fresh(instance: Instance) -> Iterator[Instance]:
    """The instance with the `.env` it began with, which the next test gets back."""
    before = instance.env_file.read_text()
    yield instance
    instance.env_file.write_text(before)


@pytest.fixture
def bucket(seaweedfs: S3Server) -> Bucket:
    return seaweedfs.make_bucket()


def configure(instance: Instance, *answers: str, options: str = "--no-check", expect: int | None = 0) -> Outcome:
    """Give the answers one a line, as a script does; an empty one is just Enter."""
    lines = "".join(f"{answer}\n" for answer in answers)
    return instance.run(f"printf %s {shlex.quote(lines)} | ./bw-dev configure_storage {options}", expect=expect)


SCALEWAY = ("scaleway", "my-books", "fr-par", "", "SCWXXXXXXXXXXXXXXXXX", SECRET)


def test_six_answers_are_enough_for_a_service_it_knows(fresh):
    before = fresh.env_file.read_text()
    outcome = configure(fresh, *SCALEWAY)
    after = fresh.env_file.read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        "STORAGE_PROVIDER=scaleway",
        "AWS_ACCESS_KEY_ID=SCWXXXXXXXXXXXXXXXXX",
        f"AWS_SECRET_ACCESS_KEY='{SECRET}'",
        "AWS_STORAGE_BUCKET_NAME=my-books",
        "AWS_S3_REGION_NAME=fr-par",
    ]
    assert len(after.splitlines()) == len(before.splitlines())
    assert stat.S_IMODE(fresh.env_file.stat().st_mode) == 0o600
    assert "my-books.s3.fr-par.scw.cloud" in outcome.printed
    assert SECRET not in outcome.printed
    fresh.run("./bw-dev check_settings")
    shown = fresh.run("./bw-dev storage_status").printed
    assert "https://my-books.s3.fr-par.scw.cloud/images/" in shown.replace("http://", "https://")
    assert SECRET not in shown


def test_a_service_may_be_chosen_by_its_number(fresh):
    shown = configure(fresh, "", expect=2).printed
    number = re.search(r"^ +(\d+) +scaleway", shown, flags=re.MULTILINE)[1]
    configure(fresh, number, *SCALEWAY[1:])
    assert fresh.setting("STORAGE_PROVIDER") == "scaleway"


def test_options_and_the_environment_answer_for_a_script(fresh):
    fresh.run(
        "AWS_ACCESS_KEY_ID=an-id AWS_SECRET_ACCESS_KEY=a-secret ./bw-dev configure_storage --no-check "
        "--provider akamai --bucket my-books --region us-east-1 --domain https://media.example.org/ </dev/null"
    )
    assert fresh.setting("STORAGE_PROVIDER") == "linode"
    assert fresh.setting("AWS_S3_CUSTOM_DOMAIN") == "media.example.org"
    assert fresh.setting("AWS_SECRET_ACCESS_KEY") == "a-secret"


def test_just_enter_keeps_what_env_says(fresh):
    configure(fresh, *SCALEWAY)
    before = fresh.env_file.read_text()
    configure(fresh, "", "", "", "", "", "")
    assert fresh.env_file.read_text() == before


def test_another_service_takes_nothing_over_from_the_one_before(fresh):
    configure(fresh, *SCALEWAY)
    fresh.set(
        AWS_S3_ENDPOINT_URL="https://s3.fr-par.scw.cloud", AWS_DEFAULT_ACL="public-read", AWS_S3_ADDRESSING_STYLE="path"
    )
    configure(fresh, "aws", "", "eu-west-3", "", "AKIAIOSFODNN7EXAMPLE", "another-secret")
    assert fresh.setting("AWS_S3_REGION_NAME") == "eu-west-3"
    for name in ("AWS_S3_ENDPOINT_URL", "AWS_DEFAULT_ACL", "AWS_S3_ADDRESSING_STYLE", "AWS_S3_CUSTOM_DOMAIN"):
        assert fresh.setting(name) is None, name
    assert SECRET not in fresh.env_file.read_text()
    fresh.run("./bw-dev check_settings")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (("scalway",), "Did you mean scaleway?"),
        (("scaleway", "s3://my-books"), "bare name"),
        (("scaleway", "my-books", ""), "An answer is needed."),
        (("minio", "my-books", "store.example.org"), "a whole address"),
        (("minio", "my-books", "https://s3.fr-par.scw.cloud"), "the address of another service"),
        (("linode", "my-books", "us-east-1", "your-books.us-east-1.linodeobjects.com"), "another bucket"),
        (("garage", "my-books", "https://garage.example.org", "", ""), "garage bucket website --allow"),
        (("scaleway", "my-books", "fr-par", "", "an id with spaces"), "one word"),
        (("scaleway", "my-books", "fr-par"), "ended too early"),
    ],
)
def test_an_answer_that_cannot_work_is_explained_and_changes_nothing(fresh, answers, said):
    before = fresh.env_file.read_text()
    outcome = configure(fresh, *answers, expect=2)
    assert said in outcome.printed
    assert "Traceback" not in outcome.printed
    assert fresh.env_file.read_text() == before


def test_a_region_it_does_not_know_is_said_and_taken(fresh):
    outcome = configure(fresh, "scaleway", "my-books", "se-sto", "", "an-id", "a-secret")
    assert "not known to have that region" in outcome.printed
    assert fresh.setting("AWS_S3_REGION_NAME") == "se-sto"


def test_the_bucket_in_use_is_not_swapped_for_an_empty_one_by_mistake(fresh):
    configure(fresh, *SCALEWAY)
    fresh.set(USE_S3="true")
    before = fresh.env_file.read_text()
    outcome = configure(fresh, "scaleway", "other-books", "fr-par", "", "an-id", "a-secret", expect=2)
    assert "my-books" in outcome.printed
    assert "--replace" in outcome.printed
    assert fresh.env_file.read_text() == before
    configure(fresh, "", "", "", "media.example.org", "a-new-id", "a-new-secret")
    assert fresh.setting("AWS_ACCESS_KEY_ID") == "a-new-id"
    swap = ("scaleway", "other-books", "fr-par", "", "an-id", "a-secret")
    configure(fresh, *swap, options="--no-check --replace")
    assert fresh.setting("AWS_STORAGE_BUCKET_NAME") == "other-books"


LINES = {"AWS_STORAGE_BUCKET_NAME": "my-books", "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret"}


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (
            {"AWS_S3_REGION_NAME": "us-east-1", "AWS_S3_ENDPOINT_URL": "https://my-books.us-east-1.linodeobjects.com"},
            0,
            "note: AWS_S3_ENDPOINT_URL: found 'https://my-books.us-east-1.linodeobjects.com', which already holds the "
            "bucket's name; expected 'https://us-east-1.linodeobjects.com' alone: the bucket's name would stand twice "
            "in each file's address.",
        ),
        (
            {"STORAGE_PROVIDER": "linode", "AWS_S3_ENDPOINT_URL": "https://my-books.us-east-1.linodeobjects.com"},
            2,
            "expected 'https://us-east-1.linodeobjects.com' alone",
        ),
        (
            {"STORAGE_PROVIDER": "scaleway", "AWS_S3_REGION_NAME": "fr-par", "AWS_S3_CUSTOM_DOMAIN": "https://m.test/"},
            0,
            "note: AWS_S3_CUSTOM_DOMAIN: found 'https://m.test/', with a scheme that plays no part; expected 'm.test' "
            "alone.",
        ),
        (
            {"STORAGE_PROVIDER": "aws", "AWS_S3_REGION_NAME": "eu-west-3", "AWS_S3_ADDRESSING_STYLE": "path"},
            0,
            "note: AWS_S3_ADDRESSING_STYLE: found 'path'; expected 'virtual' or nothing: Amazon S3 wants the bucket in "
            "the host name, and is giving up paths.",
        ),
        (
            {
                "STORAGE_PROVIDER": "scaleway",
                "AWS_S3_REGION_NAME": "fr-par",
                "AWS_S3_CUSTOM_DOMAIN": "your-books.s3.fr-par.scw.cloud",
            },
            2,
            "AWS_S3_CUSTOM_DOMAIN: found 'your-books.s3.fr-par.scw.cloud', the address of another bucket; expected "
            "'my-books.s3.fr-par.scw.cloud'.",
        ),
    ],
)
def test_lines_that_contradict_the_service_are_explained_before_anything_starts(fresh, lines, code, said):
    fresh.set(**LINES, **lines)
    outcome = fresh.run("./bw-dev check_settings", expect=code)
    assert said in outcome.printed
    assert "a-secret" not in outcome.printed


def test_a_file_that_cannot_be_read_is_left_alone(fresh):
    fresh.env_file.write_text(fresh.env_file.read_text() + 'EMAIL_FROM="never closed\n')
    before = fresh.env_file.read_text()
    assert "NAME=value" in configure(fresh, *SCALEWAY, expect=2).printed
    assert fresh.env_file.read_text() == before


def test_it_speaks_the_language_of_the_terminal(fresh):
    command = "LANG=fr_FR.UTF-8 LANGUAGE=fr ./bw-dev configure_storage --no-check"
    lines = "".join(f"{answer}\n" for answer in SCALEWAY)
    outcome = fresh.run(f"printf %s {shlex.quote(lines)} | {command}")
    assert "Nom du compartiment" in outcome.printed
    assert "Name of the bucket" not in outcome.printed


def test_a_server_of_ones_own_is_configured_and_then_looked_at(fresh, s3_server):
    """With nothing but its name, its address, a bucket and a key: by policy on the one server, by ACL on the other."""
    fresh.run("./bw-dev migrate")
    fresh.run("./bw-dev demo --books 3")  # pictures that are still to be copied are no reason to stop
    bucket = s3_server.make_bucket()
    answers = (s3_server.name.lower(), bucket.name, s3_server.endpoint_url, s3_server.region, "")
    key = (s3_server.access_key_id, s3_server.secret_access_key)
    outcome = configure(fresh, *answers, *key, options="")
    assert "access.public: Anybody can read" in outcome.printed
    assert "All else is well; what was accepted is told above." in outcome.printed
    assert outcome.lines[-1].startswith("Next: ./bw-dev copy_media_to_s3")
    assert s3_server.secret_access_key not in outcome.printed
    assert bucket.keys_under() == []  # the probes are gone


def test_what_it_writes_is_enough_to_copy_a_library(fresh, s3_server):
    bucket = s3_server.make_bucket()
    answers = (s3_server.name.lower(), bucket.name, s3_server.endpoint_url, s3_server.region, "")
    configure(fresh, *answers, s3_server.access_key_id, s3_server.secret_access_key)
    fresh.run("./bw-dev migrate")
    fresh.run("./bw-dev demo --books 3")
    fresh.run("./bw-dev copy_media_to_s3")
    assert {f"images/{name}" for name in fresh.media_files()} == set(bucket.keys_under("images/"))
    assert bucket.keys_under("images/")


def test_a_wrong_key_is_written_and_found_out_at_once(fresh, seaweedfs, bucket):
    answers = ("seaweedfs", bucket.name, seaweedfs.endpoint_url, "", "", seaweedfs.access_key_id, SECRET)
    outcome = configure(fresh, *answers, options="", expect=5)
    assert "AWS_SECRET_ACCESS_KEY" in outcome.printed
    assert "The settings are written." in outcome.printed
    assert SECRET not in outcome.printed


def test_at_a_terminal_a_wrong_answer_is_asked_for_again_and_the_secret_is_not_shown(fresh):
    shown = at_a_terminal(
        fresh,
        ("Number or name", "scalway"),
        ("Number or name", "99"),
        ("Number or name", "scaleway"),
        ("Name of the bucket", "my-books"),
        ("Region", "fr-par"),
        ("Domain that serves", ""),
        ("Access key ID", "an-id"),
        ("Secret access key", SECRET),
    )
    assert "Did you mean scaleway?" in shown
    assert "Expected: a number from 1 to" in shown
    assert SECRET not in shown
    assert fresh.setting("AWS_SECRET_ACCESS_KEY") == SECRET


def at_a_terminal(instance: Instance, *exchanges: tuple[str, str]) -> str:
    """Type each answer when its question has appeared; return all that the terminal showed."""
    ours, theirs = pty.openpty()
    command = ["./bw-dev", "configure_storage", "--no-check"]
    process = subprocess.Popen(
        command, cwd=instance.root, env=instance.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown, read_to = "", 0
    try:
        for question, answer in exchanges:
            deadline = time.monotonic() + 30
            while question not in shown[read_to:]:
                assert time.monotonic() < deadline, shown
                shown += _what_appears(ours)
            read_to = shown.index(question, read_to) + len(question)
            os.write(ours, f"{answer}\n".encode())
        while process.poll() is None:
            shown += _what_appears(ours)
    finally:
        process.kill()
        process.wait()
        shown += _what_appears(ours)
        os.close(ours)
    assert process.returncode == 0, shown
    return shown


def _what_appears(terminal: int) -> str:
    if not select.select([terminal], [], [], 0.2)[0]:
        return ""
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # the other end has been closed
        return ""
