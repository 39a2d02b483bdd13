"""The way to a store: which step an answer is about."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from external_storage.errors import ContainerMissing, ObjectMissing, StoreUnreachable
from external_storage.health import reaching
from external_storage.health.asking import Answer, NoAnswer
from external_storage.health.findings import Verdict
from external_storage.stores import MemoryStore

LINODE = reaching.Endpoint(
    "https://my-books.eu-central-1.linodeobjects.com", "my-books", "auto", {"ENDPOINT_URL": "AWS_S3_ENDPOINT_URL"}
)


class Refusing(MemoryStore):
    """A store whose listing is refused."""

    def __init__(self, problem) -> None:
        super().__init__("bucket")
        self._problem = problem

    def list(self, *_arguments, **_options):
        raise self._problem


def s3_answer(url: str, **headers: str) -> Answer:
    named = {"date": formatdate(time.time(), usegmt=True), **headers}
    return Answer(url, 403, named, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")


def examine(endpoint, store, answer) -> dict[str, object]:
    return {finding.id: finding for finding in reaching.examine_way(endpoint, store, ask=lambda *_arguments: answer)}


@pytest.mark.parametrize("problem", [ContainerMissing("No bucket."), ObjectMissing("There is no 'my-books'.")])
def test_linodes_doubled_bucket_name_is_told_with_the_endpoint_to_set(problem):
    found = examine(LINODE, Refusing(problem), s3_answer(LINODE.url))
    assert found["store.addressing"].seen == (
        "AWS_S3_ENDPOINT_URL already holds the bucket's name 'my-books', so the store looks for the bucket inside the "
        "bucket."
    )
    assert found["store.addressing"].remedy == "Set AWS_S3_ENDPOINT_URL to https://eu-central-1.linodeobjects.com"
    assert found["store.bucket"].verdict is Verdict.UNKNOWN


def test_all_steps_are_green_only_after_a_signed_answer():
    found = examine(LINODE, MemoryStore("bucket"), s3_answer(LINODE.url))
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert set(found) == {*reaching.BEFORE_SIGNING, *reaching.WITH_SIGNATURE}


@pytest.mark.parametrize(
    ("reason", "failed"), [("name", "store.name"), ("tls", "store.tls"), ("refused", "store.answers")]
)
def test_without_an_answer_nothing_behind_it_is_green(reason, failed):
    found = examine(LINODE, MemoryStore("bucket"), NoAnswer(LINODE.url, reason, "No."))
    assert found[failed].verdict is Verdict.FAILURE
    assert found["store.credentials"].verdict is Verdict.UNKNOWN
    assert found["store.s3"].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("reason", ["timeout", "broken"])
def test_silence_is_no_failure(reason):
    found = examine(LINODE, MemoryStore("bucket"), NoAnswer(LINODE.url, reason, "No."))
    assert found["store.answers"].verdict is Verdict.UNKNOWN


def test_a_store_that_is_lost_between_two_questions_is_named():
    plain = reaching.Endpoint("https://s3.test", "my-books", "auto", {})
    found = examine(plain, Refusing(StoreUnreachable("Cannot reach it.")), s3_answer(plain.url))
    assert found["store.answers"].verdict is Verdict.FAILURE


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (s3_answer("https://s3.test"), Verdict.OK),
        (Answer("https://s3.test", 307, {"x-amz-request-id": "1"}, b""), Verdict.OK),
        (Answer("https://s3.test", 200, {"content-type": "text/html"}, b"<html>"), Verdict.FAILURE),
        (Answer("https://s3.test", 404, {}, b"not found"), Verdict.FAILURE),
        (Answer("https://s3.test", 502, {}, b"<html>"), Verdict.UNKNOWN),
    ],
)
def test_what_speaks_s3_is_told_from_what_does_not(answer, verdict):
    assert reaching.judge_s3(answer, LINODE).verdict is verdict


def test_a_store_that_does_not_tell_the_time_leaves_the_question_open():
    assert reaching.judge_clock(Answer("https://s3.test", 403, {}), time.time()).verdict is Verdict.UNKNOWN
