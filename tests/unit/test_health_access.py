"""Who may read what: the meaning of each answer a stranger may get, and of a set of findings."""

from __future__ import annotations

from typing import Any

import pytest

from external_storage.health import access, findings
from external_storage.health.asking import Answer, NoAnswer
from external_storage.health.doctor import examine_listing, examine_scheme
from external_storage.health.findings import Verdict

URL = "https://media.test/images/a.png"


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(URL, status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


GOOD = answer(200, content_type="image/png", content_length="5")


@pytest.mark.parametrize(
    ("given", "verdict", "said"),
    [
        (GOOD, Verdict.OK, "Anybody can read"),
        (answer(200, content_type="text/html", content_length="5"), Verdict.FAILURE, "text/html"),
        (answer(200, content_length="5"), Verdict.FAILURE, "nothing in particular"),
        (answer(200, content_type="image/png", content_length="4"), Verdict.FAILURE, "4 bytes"),
        (answer(403), Verdict.FAILURE, "Private"),
        (answer(401), Verdict.FAILURE, "Private"),
        (answer(404, b"<Code>NoSuchKey</Code>"), Verdict.FAILURE, "File missing"),
        (answer(404, b"<Code>NoSuchBucket</Code>"), Verdict.FAILURE, "bucket that does not exist"),
        (answer(301, location="https://elsewhere.test/"), Verdict.FAILURE, "https://elsewhere.test/"),
        (answer(503), Verdict.UNKNOWN, "503"),
        (NoAnswer(URL, "name", "There is no host named 'media.test'."), Verdict.FAILURE, "Host unreachable"),
        (NoAnswer(URL, "tls", "No certificate."), Verdict.FAILURE, "Host unreachable"),
    ],
)
def test_what_a_stranger_gets_decides_what_is_said(given, verdict, said):
    finding = access.judge_public("media.picture", given, what="a picture", content_type="image/png", size=5)
    assert finding.verdict is verdict
    assert said in finding.seen
    assert finding.remedy or verdict is Verdict.OK


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(403), Verdict.OK),
        (answer(404), Verdict.OK),
        (answer(200, b"<html>a shop window</html>"), Verdict.OK),
        (answer(200, b"<?xml?><ListBucketResult xmlns=''>"), Verdict.FAILURE),
        (answer(502), Verdict.UNKNOWN),
        (NoAnswer(URL, "timeout", "media.test did not answer in time."), Verdict.UNKNOWN),
    ],
)
def test_a_listing_for_strangers_is_a_failure_and_silence_is_no_answer(given, verdict):
    assert access.judge_listing("access.listing", given).verdict is verdict


def test_of_two_addresses_of_a_bucket_the_worse_one_counts():
    answers = {"https://a.test/": answer(403), "https://b.test/": answer(200, b"<ListBucketResult>")}
    found = examine_listing(list(answers), ask=lambda method, url, headers={}: answers[url.partition("?")[0]])
    assert found.verdict is Verdict.FAILURE


@pytest.mark.parametrize(
    ("site", "files", "verdict"),
    [
        ("https://books.test", "https://media.test/images/", Verdict.OK),
        ("https://books.test", "http://media.test/images/", Verdict.FAILURE),
        ("http://books.test", "http://media.test/images/", Verdict.OK),
        ("http://books.test", "https://media.test/images/", Verdict.OK),
    ],
)
def test_mixed_content_is_http_files_in_an_https_page(site, files, verdict):
    assert examine_scheme(files, site).verdict is verdict


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.OK], 0),
        ([Verdict.OK, Verdict.WARNING], 0),
        ([Verdict.OK, Verdict.FAILURE], 5),
        ([Verdict.OK, Verdict.UNKNOWN], 5),
        ([], 5),
    ],
)
def test_what_could_not_be_checked_is_never_green(verdicts, code):
    assert findings.exit_code(findings.Finding("any", verdict, "seen") for verdict in verdicts) == code


def test_the_public_policy_lets_strangers_read_the_prefixes_and_nothing_else():
    (statement,) = access.public_read_policy("my-books", ["images/", "static/"])["Statement"]
    assert statement["Action"] == ["s3:GetObject"]
    assert statement["Resource"] == ["arn:aws:s3:::my-books/images/*", "arn:aws:s3:::my-books/static/*"]


def test_the_sites_own_policy_gives_no_power_over_the_bucket():
    actions = actions_of(access.least_privilege_policy("my-books", ["images/"], sends_acls=True))
    assert not any("Bucket" in action and not action.startswith(("s3:List", "s3:Get")) for action in actions)
    assert "s3:*" not in actions


def test_the_sites_own_key_may_set_acls_only_where_files_are_sent_with_one():
    with_acls, without = (
        actions_of(access.least_privilege_policy("my-books", ["images/"], sends_acls=each)) for each in (True, False)
    )
    assert with_acls - without == {"s3:PutObjectAcl"}
    assert without < with_acls


def actions_of(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}
