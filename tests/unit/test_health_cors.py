"""Cross-origin rules as values: which are needed, what is wrong with a set of them, what an answer says."""

from __future__ import annotations

import pytest

from external_storage.errors import SettingsError
from external_storage.health import cors
from external_storage.health.asking import Answer, NoAnswer
from external_storage.health.findings import Verdict

SITE = "https://books.test"
URL = "https://media.test/static/a.woff2"


def answer(status: int = 200, **headers: str) -> Answer:
    return Answer(URL, status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("pattern", "origin", "fits"),
    [
        (SITE, SITE, True),
        (SITE, "http://books.test", False),
        ("*", SITE, True),
        ("https://*.test", SITE, True),
        ("https://*.example", SITE, False),
        ("https://books.test*https://books.test", SITE, False),
        (SITE + ":443", SITE, False),
    ],
)
def test_an_origin_fits_a_pattern_with_at_most_one_star(pattern, origin, fits):
    assert cors.matches(pattern, origin) is fits


def test_the_right_rules_leave_nothing_to_remark():
    assert cors.remarks(cors.right_rules([SITE]), [SITE]) == []


def test_rules_read_back_in_another_order_and_case_are_the_same():
    wanted = {
        "AllowedOrigins": [SITE],
        "AllowedMethods": ["GET", "HEAD"],
        "ExposeHeaders": ["Etag"],
        "MaxAgeSeconds": 1,
    }
    found = {"AllowedOrigins": [SITE], "AllowedMethods": ["HEAD", "GET"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 1}
    assert cors.differences([wanted], [found | {"ID": "made-up-by-the-store"}]) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "0 rules"),
        ([{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "HEAD"], "MaxAgeSeconds": 3000}], "AllowedOrigins"),
        ([{"AllowedOrigins": [SITE], "AllowedMethods": ["GET"], "MaxAgeSeconds": 3000}], "AllowedMethods"),
        ([{"AllowedOrigins": [SITE], "AllowedMethods": ["GET", "HEAD"]}], "MaxAgeSeconds"),
    ],
)
def test_every_difference_is_named(found, said):
    (difference,) = cors.differences(cors.right_rules([SITE]), found)
    assert said in difference


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(access_control_allow_origin=SITE), Verdict.OK),
        (answer(204, access_control_allow_origin="*"), Verdict.OK),
        (answer(), Verdict.FAILURE),
        (answer(403), Verdict.FAILURE),
        (answer(403, access_control_allow_origin=SITE), Verdict.FAILURE),
        (answer(access_control_allow_origin="https://other.test"), Verdict.FAILURE),
        (answer(503), Verdict.UNKNOWN),
        (NoAnswer(URL, "refused", "media.test accepts no connection."), Verdict.UNKNOWN),
    ],
)
def test_what_the_answer_to_a_preflight_means(given, verdict):
    assert cors.judge_preflight("cors.preflight", given, SITE).verdict is verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(access_control_allow_origin=SITE), Verdict.OK),
        (answer(), Verdict.FAILURE),
        (answer(access_control_allow_origin=SITE, access_control_allow_credentials="true"), Verdict.WARNING),
        (answer(403), Verdict.UNKNOWN),
        (answer(404, access_control_allow_origin=SITE), Verdict.UNKNOWN),
        (NoAnswer(URL, "name", "There is no host named 'media.test'."), Verdict.UNKNOWN),
    ],
)
def test_a43_what_the_answer_to_a_shared_get_means(given, verdict):
    assert cors.judge_shared("cors.font", given, SITE).verdict is verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(403), Verdict.OK),
        (answer(), Verdict.OK),
        (answer(access_control_allow_origin=SITE), Verdict.OK),
        (answer(access_control_allow_origin="https://stranger.example"), Verdict.WARNING),
        (answer(access_control_allow_origin="*"), Verdict.WARNING),
        (answer(500), Verdict.UNKNOWN),
    ],
)
def test_a43_what_the_answer_to_a_strangers_preflight_means(given, verdict):
    assert cors.judge_stranger("cors.strangers", given, "https://stranger.example").verdict is verdict


OTHERS = {"AllowedOrigins": ["https://other.test"], "AllowedMethods": ["GET"]}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (None, "could not be seen"),
        ([], "CORS is missing: the bucket has no rules at all."),
        ([OTHERS], "none for https://books.test: they are for https://other.test only."),
        ([{"AllowedOrigins": [SITE], "AllowedMethods": ["PUT"]}], "does not allow GET"),
        (cors.right_rules([SITE]), "may not have heard of it yet"),
    ],
)
def test_why_a_page_is_not_let_in_is_told_from_the_rules(rules, said):
    for judge in (cors.judge_preflight, cors.judge_shared):
        finding = judge("cors.font", answer(), SITE, rules)
        assert finding.verdict is Verdict.FAILURE
        assert said in finding.seen


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(access_control_allow_origin=SITE, access_control_allow_methods="GET, HEAD"), Verdict.OK),
        (answer(403), Verdict.OK),
        (answer(access_control_allow_origin=SITE, access_control_allow_methods="GET, DELETE"), Verdict.WARNING),
        (answer(502), Verdict.UNKNOWN),
        (NoAnswer(URL, "timeout", "media.test did not answer in time."), Verdict.UNKNOWN),
    ],
)
def test_a_page_that_may_ask_to_delete_is_a_warning(given, verdict):
    assert cors.judge_methods("cors.methods", given, SITE).verdict is verdict


def test_merging_puts_ours_first_keeps_those_of_others_and_replaces_our_own():
    earlier = {"AllowedOrigins": [SITE], "AllowedMethods": ["GET", "PUT"]}
    wanted = cors.right_rules([SITE, "https://www.books.test"])
    assert cors.merged(wanted, [earlier, OTHERS], [SITE]) == [*wanted, OTHERS]


def test_a_rule_for_everybody_was_put_there_by_somebody_and_stays():
    everybody = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    assert cors.merged([], [everybody], [SITE]) == [everybody]


def test_rules_go_to_xml_and_back():
    rules = [{**OTHERS, "AllowedHeaders": ["a&b"], "ID": "theirs", "MaxAgeSeconds": 5}, *cors.right_rules([SITE])]
    assert cors.parse(cors.as_xml(rules), called="cors.xml") == rules


def test_the_namespace_that_amazon_writes_is_understood():
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<CORSRule><AllowedOrigin>{SITE}</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
        "</CORSConfiguration>"
    )
    assert cors.parse(text, called="cors.xml") == [{"AllowedOrigins": [SITE], "AllowedMethods": ["GET"]}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<CORSConfiguration>", "is not XML"),
        ("<CORSConfiguration/>", "no <CORSRule>"),
        ("<Other><CORSRule/></Other>", "no <CORSRule>"),
        ("<CORSConfiguration><CORSRule><Strange/></CORSRule></CORSConfiguration>", "<Strange>"),
        ("<CORSConfiguration><CORSRule/></CORSConfiguration>", "no AllowedOrigins"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><CORSConfiguration/>', "declares more"),
    ],
)
def test_xml_that_is_no_cors_configuration_is_refused(text, said):
    with pytest.raises(SettingsError, match="cors") as caught:
        cors.parse(text, called="cors.xml")
    assert said in str(caught.value)
