"""``storage_cors``: the site's rules beside those of others, as a browser finds them, on real servers."""

from __future__ import annotations

import json

import pytest

from external_storage.health import cors

from .conftest import SITE
from .fussy_front import fussy_front, refusal
from .test_cors_command import preflight

pytestmark = pytest.mark.django_db

THEIRS = {"AllowedOrigins": ["https://other.test"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 60}


def put(site, *rules) -> None:
    site.bucket.client.put_bucket_cors(Bucket=site.bucket.name, CORSConfiguration={"CORSRules": list(rules)})


def stored(site) -> list[dict]:
    return site.bucket.client.get_bucket_cors(Bucket=site.bucket.name)["CORSRules"]


def origins(site) -> list[list[str]]:
    return [rule["AllowedOrigins"] for rule in stored(site)]


def test_apply_lets_the_site_in_and_keeps_the_rules_of_others(site, run):
    put(site, THEIRS)
    ran = run("storage_cors", "apply")
    assert ran.code == 0, ran.printed
    assert origins(site) == [[SITE], ["https://other.test"]]
    for origin in (SITE, "https://other.test"):
        assert preflight(site, origin).headers["Access-Control-Allow-Origin"] == origin
    assert preflight(site, "https://evil.example").headers.get("Access-Control-Allow-Origin") is None


def test_apply_twice_does_not_pile_rules_up(site, run):
    for _ in range(2):
        assert run("storage_cors", "apply").code == 0
    assert origins(site) == [[SITE]]


def test_a44_only_get_and_head_unless_asked_for_more(site, run):
    run("storage_cors", "apply")
    assert sorted(stored(site)[0]["AllowedMethods"]) == ["GET", "HEAD"]
    ran = run("storage_cors", "apply", "--method", "PUT")
    assert sorted(stored(site)[0]["AllowedMethods"]) == ["GET", "HEAD", "PUT"]
    assert "Nobody needs PUT" in ran.out


@pytest.mark.parametrize("write", [lambda rules: json.dumps({"CORSRules": rules}), cors.as_xml], ids=["json", "xml"])
def test_apply_takes_the_rules_of_a_file(site, run, tmp_path, write):
    path = tmp_path / "rules"
    path.write_text(write([{"AllowedOrigins": [SITE], "AllowedMethods": ["GET"], "MaxAgeSeconds": 7}]))
    put(site, THEIRS)
    assert run("storage_cors", "apply", str(path)).code == 0
    assert [rule["MaxAgeSeconds"] for rule in stored(site)] == [7, 60]


def test_remove_takes_ours_and_leaves_those_of_others(site, run):
    put(site, THEIRS)
    run("storage_cors", "apply")
    assert run("storage_cors", "remove").code == 0
    assert origins(site) == [["https://other.test"]]


def test_removing_the_last_rule_leaves_none(site, run):
    run("storage_cors", "apply")
    assert run("storage_cors", "remove").code == 0
    with pytest.raises(site.bucket.client.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        stored(site)


def test_check_asks_as_a_browser_does(site, run):
    def verdicts() -> dict[str, str]:
        (told,) = run("storage_cors", "check", "--json").json
        return {finding["id"]: finding["verdict"] for finding in told["findings"]}

    assert verdicts()["cors.font"] == "failure"
    run("storage_cors", "apply")
    assert set(verdicts().values()) == {"ok"}
    assert run("storage_cors", "check").code == 0
    assert site.bucket.keys_under() == []


def test_check_names_the_origin_that_the_rules_are_for(site, run):
    put(site, THEIRS)
    ran = run("storage_cors", "check")
    assert ran.code == 5
    assert "they are for https://other.test only" in ran.out


def test_show_says_what_nobody_needs(site, run):
    put(site, {**THEIRS, "AllowedMethods": ["GET", "DELETE"]})
    (told,) = run("storage_cors", "show", "--json").json
    assert told["rules"][0]["AllowedOrigins"] == ["https://other.test"]
    assert any("DELETE" in remark for remark in told["remarks"])
    assert any(SITE in remark for remark in told["remarks"])
    assert "<AllowedOrigin>https://other.test</AllowedOrigin>" in run("storage_cors", "show", "--xml").out


def test_a_dry_run_sets_nothing(site, run):
    ran = run("storage_cors", "apply", "--dry-run")
    assert (ran.code, SITE in ran.out) == (0, True)
    with pytest.raises(site.bucket.client.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        stored(site)


def test_a_file_goes_with_apply_alone(site, run):
    ran = run("storage_cors", "show", "cors.json")
    assert (ran.code, "takes no FILE" in ran.err) == (2, True)


@pytest.mark.parametrize("answer", [refusal(501, "NotImplemented"), refusal(403, "AccessDenied")])
def test_minios_missing_call_and_a_key_that_may_not_get_the_rules_to_paste(site, run, answer):
    with fussy_front(site.server.endpoint_url, lambda r: answer if "cors" in r.path else None) as front:
        site.configure(ENDPOINT_URL=front.url)
        ran = run("storage_cors", "apply")
        as_xml = run("storage_cors", "apply", "--xml")
        told = run("storage_cors", "apply", "--json").json[0]
    assert ran.code == 3
    assert json.loads(ran.out[ran.out.index("{") :])["CORSRules"][0]["AllowedOrigins"] == [SITE]
    assert f"<AllowedOrigin>{SITE}</AllowedOrigin>" in as_xml.out
    assert (told["exit_code"], told["rules"][0]["AllowedMethods"]) == (3, ["GET", "HEAD"])


def test_rules_that_did_not_take_are_an_error(site, run):
    def swallow(request):
        return (200, b"") if request.command == "PUT" and "cors" in request.path else None

    with fussy_front(site.server.endpoint_url, swallow) as front:
        site.configure(ENDPOINT_URL=front.url)
        ran = run("storage_cors", "apply")
    assert (ran.code, "0 rules instead of 1" in ran.out) == (5, True)
