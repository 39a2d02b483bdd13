"""``set_cors_to_s3``: the page's file as it stands, the right rules without one, and proof that they took."""

from __future__ import annotations

import json

import pytest
import urllib3

from .conftest import SITE
from .fussy_front import fussy_front, refusal

PAGE = {
    "CORSRules": [
        {
            "AllowedOrigins": [SITE, "https://www.books.test"],
            "AllowedHeaders": ["*"],
            "AllowedMethods": ["GET", "HEAD", "POST", "PUT", "DELETE"],
            "MaxAgeSeconds": 3000,
            "ExposeHeaders": ["Etag"],
        }
    ]
}


@pytest.fixture
def cors_json(tmp_path):
    path = tmp_path / "cors.json"
    path.write_text(json.dumps(PAGE))
    return path


def preflight(site, origin: str):
    site.put_in_bucket("static/a.woff2", b"font")
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    return urllib3.request("OPTIONS", f"{site.bucket.public_url}/static/a.woff2", headers=headers)


def stored(site) -> dict:
    (rule,) = site.bucket.client.get_bucket_cors(Bucket=site.bucket.name)["CORSRules"]
    return rule


def test_the_pages_file_is_applied_as_it_stands_and_what_nobody_needs_is_said(site, run, cors_json):
    ran = run("set_cors_to_s3", str(cors_json))
    assert ran.code == 0, ran.printed
    assert {k: sorted(v) if isinstance(v, list) else v for k, v in stored(site).items() if k != "ID"} == {
        k: sorted(v) if isinstance(v, list) else v for k, v in PAGE["CORSRules"][0].items()
    }
    assert "POST, PUT, DELETE" in ran.out


def test_without_a_file_the_sites_own_origins_may_read_and_nothing_else(site, run):
    ran = run("set_cors_to_s3")
    assert (ran.code, ran.printed) == (0, "")
    assert stored(site)["AllowedOrigins"] == [SITE]
    assert sorted(stored(site)["AllowedMethods"]) == ["GET", "HEAD"]


def test_afterwards_the_store_lets_in_the_site_and_no_other(site, run):
    assert preflight(site, SITE).headers.get("Access-Control-Allow-Origin") is None
    run("set_cors_to_s3")
    assert preflight(site, SITE).headers["Access-Control-Allow-Origin"] == SITE
    assert preflight(site, "https://evil.example").headers.get("Access-Control-Allow-Origin") is None
    # The form of the page's own curl line, which sends http.
    assert preflight(site, SITE.replace("https", "http")).headers.get("Access-Control-Allow-Origin") is None


def test_rules_that_leave_out_the_sites_own_address_are_pointed_out(site, run, cors_json):
    cors_json.write_text(json.dumps(PAGE).replace("books.test", "other.test"))
    ran = run("set_cors_to_s3", str(cors_json))
    assert ran.code == 0
    assert SITE in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "not JSON"),
        ("[]", "CORSRules"),
        ('{"CORSRules": []}', "CORSRules"),
        ('{"CORSRules": [{"AllowedMethods": ["GET"]}]}', "AllowedOrigins"),
        ('{"CORSRules": [{"AllowedOrigins": "https://a", "AllowedMethods": ["GET"]}]}', "not a list"),
        ('{"CORSRules": [{"AllowedOrigins": ["https://a"], "AllowedMethods": ["FETCH"]}]}', "FETCH"),
        ('{"CORSRules": [{"AllowedOrigins": ["https://a"], "AllowedMethods": ["GET"], "Typo": 1}]}', "Typo"),
        (json.dumps(PAGE).replace("books.test", "MY_DOMAIN_NAME"), "MY_DOMAIN_NAME"),
    ],
)
def test_a_file_that_is_no_cors_configuration_is_refused_and_nothing_is_set(site, run, cors_json, text, said):
    cors_json.write_text(text)
    ran = run("set_cors_to_s3", str(cors_json))
    assert ran.code == 2
    assert said in ran.err
    assert cors_json.name in ran.err
    with pytest.raises(site.bucket.client.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        stored(site)


def test_a_file_that_is_not_there_is_named(site, run, tmp_path):
    ran = run("set_cors_to_s3", str(tmp_path / "none.json"))
    assert (ran.code, "none.json" in ran.err) == (2, True)


@pytest.mark.parametrize("answer", [refusal(501, "NotImplemented"), refusal(405, "MethodNotAllowed")])
def test_a_service_without_the_call_gets_the_rules_to_paste(site, run, cors_json, answer):
    with fussy_front(site.server.endpoint_url, lambda r: answer if "cors" in r.path else None) as front:
        site.configure(ENDPOINT_URL=front.url)
        ran = run("set_cors_to_s3", str(cors_json))
        assert front.turned_away
    assert ran.code == 3
    assert json.loads(ran.out[ran.out.index("{") :]) == PAGE


def test_rules_that_did_not_take_are_an_error(site, run):
    """A server that says yes to everything and keeps nothing (one such takes PutBucketCors for CreateBucket)."""

    def swallow(request):
        return (200, b"") if request.command == "PUT" and "cors" in request.path else None

    with fussy_front(site.server.endpoint_url, swallow) as front:
        site.configure(ENDPOINT_URL=front.url)
        ran = run("set_cors_to_s3")
        assert front.turned_away
    assert ran.code == 5
    assert "0 rules instead of 1" in ran.out


def test_a_dry_run_shows_the_rules_and_sets_none(site, run):
    ran = run("set_cors_to_s3", "--dry-run")
    assert ran.code == 0
    assert SITE in ran.out
    with pytest.raises(site.bucket.client.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        stored(site)


def test_json_tells_rules_remarks_and_differences(site, run, cors_json):
    (told,) = run("set_cors_to_s3", str(cors_json), "--json").json
    assert told["rules"] == PAGE["CORSRules"]
    assert told["differences"] == []
    assert len(told["remarks"]) == 2
    assert told["exit_code"] == 0
