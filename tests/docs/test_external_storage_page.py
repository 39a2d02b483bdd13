"""Somebody follows the page on external storage from top to bottom, and everything works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.instance import Instance, Outcome, new_instance
from tests.servers import SITE, Bucket, S3Server, https_front

from .page import CodeBlock, DocsPage

# Both languages show the same code (see `test_pages`), so one of them is followed.
PAGE = DocsPage(Path(__file__).parents[2] / "docs" / "operate" / "en" / "external-storage.md")


@dataclass
class Reader:
    """Does what the page says, block by block, with the site's own names for the page's placeholders."""

    instance: Instance
    server: S3Server
    bucket: Bucket
    media: str
    outcomes: list[Outcome] = field(default_factory=list)

    def follow(self, block: CodeBlock) -> None:
        text = self._fill_in(block.text)
        if block.kind == "bash":
            self.outcomes.append(self.instance.run(text.strip(), expect=None))
        elif block.kind == "ini":
            self._edit_settings(text)
        elif "CORSRules" in text:
            (self.instance.root / "cors.json").write_text(text)
        elif "Statement" in text:
            self.bucket.client.put_bucket_policy(Bucket=self.bucket.name, Policy=text)

    def _fill_in(self, text: str) -> str:
        known = {"MY_DOMAIN_NAME": SITE, "MY_BUCKET_NAME": self.bucket.name, "BUCKET_URL": self.media}
        for placeholder, value in known.items():
            text = text.replace(placeholder, value)
        # Where nobody sits at a terminal, curl shows a progress meter on standard error.
        return f"{text.strip()} 2>/dev/null" if text.startswith("curl ") else text

    def _edit_settings(self, text: str) -> None:
        """Put the page's lines into `.env`; where they name somebody's bucket, put in ours."""
        names = [line.partition("=")[0] for line in text.splitlines()]
        if "AWS_STORAGE_BUCKET_NAME" in names:
            self.instance.use_bucket(self.server, self.bucket)
            self.instance.set(AWS_S3_CUSTOM_DOMAIN=self.media)
        else:
            self.instance.set(**dict(line.split("=", 1) for line in text.splitlines()))

    def outcome_of(self, beginning: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.command.startswith(beginning))


@pytest.fixture(scope="module")
def reader(seaweedfs: S3Server, certificates, nginx_program) -> Iterator[Reader]:
    """A reader who has just come to the end of the page; the bucket began private, as a new one is."""
    bucket = seaweedfs.make_bucket(public=())
    trust = {name: str(certificates.authority) for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE")}
    with ExitStack() as stack:
        instance = stack.enter_context(new_instance(**trust))
        front = stack.enter_context(https_front(certificates, site_port=instance.port, bucket=bucket))
        instance.start()
        instance.set(DOMAIN=SITE, STORAGE_DEADLINE="3")  # each step of a move waits for this long
        instance.run("./bw-dev demo --books 8")
        (instance.images / "backup.zip").write_bytes(b"PK\x03\x04 everything")
        reader = Reader(instance, seaweedfs, bucket, f"127.0.0.1:{front.port}")
        for block in PAGE.blocks:
            reader.follow(block)
        yield reader


def test_every_command_of_the_page_ends_well(reader):
    failed = [str(outcome) for outcome in reader.outcomes if outcome.exit_code != 0]
    assert failed == []
    assert len(reader.outcomes) >= 8


def test_the_copy_says_what_the_page_does_only_later(reader):
    """This bucket answers https alone, and the page sets `USE_HTTPS` after the copy."""
    printed = reader.outcome_of("./bw-dev copy_media_to_s3").printed
    assert "USE_HTTPS" in printed
    assert printed.splitlines()[-1].startswith("copied ")


def test_setting_cors_says_nothing(reader):
    assert reader.outcome_of("./bw-dev set_cors_to_s3").printed == ""
    assert reader.outcome_of("./bw-dev set_cors_to_s3 cors.json").printed == ""


def test_curl_says_nothing(reader):
    assert reader.outcome_of("curl").printed == ""


def test_the_page_shows_what_the_commands_really_print(reader):
    """Names, numbers and addresses are the reader's own; everything before a line's first colon or number is not."""
    printed = {beginning(line) for outcome in reader.outcomes for line in outcome.lines}
    shown = [line for block in PAGE.blocks if block.kind == "text" for line in block.text.splitlines()]
    assert {beginning(line) for line in shown} <= printed
    assert len(shown) > 10


def beginning(line: str) -> str:
    return re.split(r"[:\d]", line)[0]


def test_the_pictures_are_in_the_bucket_at_the_end(reader):
    pictures = {key for key in reader.instance.media_files() if key != "backup.zip"}
    assert pictures <= {key.removeprefix("images/") for key in reader.bucket.keys_under("images/")}
    assert pictures


def test_the_example_settings_are_well_formed():
    """The lines the page shows pass the site's own check as they stand."""
    (example,) = (
        block.text for block in PAGE.blocks if "AWS_STORAGE_BUCKET_NAME" in block.text and block.kind == "ini"
    )
    with new_instance() as instance:
        instance.run("./bw-dev check_settings")
        instance.env_file.write_text(instance.env_file.read_text() + example + "USE_S3=true\nUSE_HTTPS=true\n")
        assert instance.run("./bw-dev check_settings").exit_code == 0


def test_the_cors_file_needs_only_the_domain_filled_in():
    """What the page calls cors.json is JSON, and has the placeholder exactly where it says."""
    (rules,) = (block.text for block in PAGE.blocks if "CORSRules" in block.text)
    assert rules.count("MY_DOMAIN_NAME") == 2
    assert json.loads(rules)["CORSRules"][0]["AllowedMethods"] == ["GET", "HEAD"]
