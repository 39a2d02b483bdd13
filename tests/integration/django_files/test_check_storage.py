"""``check_storage``: each finding, seen in the state that it is there to find."""

from __future__ import annotations

import json
import ssl

import pytest

from bookwyrm.models import Edition, Work
from tests.servers.processes import free_ports
from tests.servers.web import answering

from .conftest import SITE, before_the_site

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(collected, run):
    """A site that is set up right: a picture that a row refers to, static files, CORS."""
    collected.put_in_bucket("images/covers/a.png", PNG, ContentType="image/png")
    Edition.objects.bulk_create([Edition(work=Work.objects.create(title="Any"), title="Any", cover="covers/a.png")])
    assert run("set_cors_to_s3").code == 0
    return collected


def verdicts(ran) -> dict[str, str]:
    (told,) = ran.json
    return {finding["id"]: finding["verdict"] for finding in told["findings"]}


def seen(ran, identifier: str) -> str:
    (told,) = ran.json
    return next(finding["seen"] for finding in told["findings"] if finding["id"] == identifier)


def test_a_site_that_is_set_up_right_passes(ready, run):
    found = verdicts(run("check_storage", "--json"))
    # The test's own servers speak http, and the site https; and nobody reaches it at its address.
    assert [each for each, verdict in found.items() if verdict == "failure"] == ["site.mixed-content"]
    assert [each for each, verdict in found.items() if verdict == "could not tell"] == []
    assert {each for each, verdict in found.items() if verdict == "warning"} >= {"site.csp", "site.nosniff"}
    assert len(found) > 35


def test_an_http_site_with_everything_right_exits_with_zero(ready, run, settings):
    with before_the_site() as web:
        settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "SITE_ORIGINS": [web.url("")]}
        assert run("set_cors_to_s3").code == 0
        ran = run("check_storage")
    assert ran.code == 0, ran.printed
    assert "Nothing is wrong; what could be better is told above." in ran.out


def test_missing_cors_is_told_from_everything_else(ready, run):
    ready.bucket.client.delete_bucket_cors(Bucket=ready.bucket.name)
    ran = run("check_storage", "--json")
    found = verdicts(ran)
    assert (found["static.font"], found["cors.preflight"], found["cors.font"]) == ("ok", "failure", "failure")
    assert "CORS is missing" in seen(ran, "cors.font")
    assert ran.code == 5


def test_a_rule_for_another_site_is_missing_cors_here(ready, run):
    rule = {"AllowedOrigins": ["https://other.test"], "AllowedMethods": ["GET"]}
    ready.bucket.client.put_bucket_cors(Bucket=ready.bucket.name, CORSConfiguration={"CORSRules": [rule]})
    ran = run("check_storage", "--json")
    assert verdicts(ran)["cors.font"] == "failure"
    assert "CORS has rules, and none for https://books.test: they are for https://other.test only." in seen(
        ran, "cors.font"
    )


def test_a_rule_for_everybody_is_only_a_warning(ready, run):
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    ready.bucket.client.put_bucket_cors(Bucket=ready.bucket.name, CORSConfiguration={"CORSRules": [rule]})
    found = verdicts(run("check_storage", "--json"))
    assert (found["cors.font"], found["cors.strangers"]) == ("ok", "warning")


def test_a_private_picture_is_told_from_a_missing_one(ready, run):
    private = ready.server.make_bucket(public=("static/",))
    private.client.put_object(Bucket=private.name, Key="images/covers/a.png", Body=PNG, ContentType="image/png")
    ready.configure(BUCKET=private.name, CUSTOM_DOMAIN=private.public_url)
    ran = run("check_storage", "--json")
    assert seen(ran, "media.picture").startswith("Private")


def test_a_picture_that_rows_refer_to_and_the_store_lacks_is_missing(ready, run):
    ready.bucket.client.delete_object(Bucket=ready.bucket.name, Key="images/covers/a.png")
    ran = run("check_storage", "--json")
    assert seen(ran, "media.picture").startswith("File missing: 'covers/a.png'")
    assert ran.code == 5


def test_a_font_that_was_not_sent_is_missing_and_nothing_is_said_of_cors(ready, run):
    listed = ready.bucket.keys_under("static/fonts/")
    unwanted = {"Objects": [{"Key": key} for key in listed]}
    ready.bucket.client.delete_objects(Bucket=ready.bucket.name, Delete=unwanted)
    ran = run("check_storage", "--json")
    assert seen(ran, "static.font").startswith("File missing")
    assert verdicts(ran)["cors.font"] == "could not tell"
    assert ran.code == 5


def test_s36_a_picture_served_as_something_else_is_found(ready, run):
    ready.put_in_bucket("images/covers/a.png", PNG, ContentType="text/html")
    ran = run("check_storage", "--json")
    assert "text/html" in seen(ran, "media.picture")
    assert verdicts(ran)["media.picture"] == "failure"


def test_a_public_host_that_does_not_exist_is_named(ready, run):
    ready.configure(CUSTOM_DOMAIN="media.books.invalid")
    ran = run("check_storage", "--json")
    assert seen(ran, "media.picture") == "Host unreachable: There is no host named 'media.books.invalid'."
    assert verdicts(ran)["store.answers"] == "ok"
    assert verdicts(ran)["cors.font"] == "could not tell"


def test_a_public_host_that_accepts_no_connection_is_named(ready, run):
    (port,) = free_ports(1)
    ready.configure(CUSTOM_DOMAIN=f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port} accepts no connection" in seen(run("check_storage", "--json"), "media.picture")


def test_a_certificate_that_cannot_be_trusted_is_named(ready, run, certificates):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    with answering(lambda peer, head: None, tls=tls) as server:
        ready.configure(CUSTOM_DOMAIN=server.host, USE_HTTPS=True)
        ran = run("check_storage", "--json")
    assert "certificate" in seen(ran, "media.picture")
    assert verdicts(ran)["media.picture"] == "failure"


def test_a_public_host_that_speaks_only_http_is_named(ready, run):
    ready.configure(USE_HTTPS=True)
    ran = run("check_storage", "--json")
    assert "does not speak HTTPS" in seen(ran, "media.picture")
    assert verdicts(ran)["media.picture"] == "failure"


def test_a_store_that_is_down_leaves_nothing_green_that_was_not_checked(ready, run):
    (port,) = free_ports(1)
    ready.configure(ENDPOINT_URL=f"http://127.0.0.1:{port}")
    ran = run("check_storage", "--json")
    assert verdicts(ran)["store.answers"] == "failure"
    assert verdicts(ran)["media.picture"] == "could not tell"
    assert ran.code == 5


def test_a_wrong_secret_is_named_and_nothing_is_proposed_that_would_not_help(ready, run):
    ready.configure(SECRET_ACCESS_KEY="not-the-secret")
    out = run("check_storage", "--quick").out
    assert "FAILURE        store.credentials" in out
    assert "s3:GetObject" not in out
    assert "curl" not in out


def test_a_bucket_that_anybody_can_list_is_a_failure(ready, run):
    allow_listing(ready.bucket)
    assert verdicts(run("check_storage", "--json"))["access.listing"] == "failure"


def allow_listing(bucket) -> None:
    """Open the bucket in the way its server has: both honour a policy for the bucket itself."""
    both = [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": both}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=policy)


def test_without_any_picture_a_probe_is_stored_asked_for_and_removed(site, run):
    found = verdicts(run("check_storage", "--json"))
    assert found["access.public"] == "ok"
    assert found["permission.delete"] == "ok"
    assert site.bucket.keys_under("images/") == []


def test_static_files_that_were_never_collected_are_not_called_fine(site, run):
    ran = run("check_storage", "--json")
    assert verdicts(ran)["static.font"] == "could not tell"
    assert ran.code == 5


def test_the_guides_curl_line_is_explained_and_given_in_the_form_that_works(ready, run):
    out = run("check_storage").out
    assert "'Origin: http://books.test'" in out
    assert f"-H 'Origin: {SITE}'" in out
    assert f"'{ready.bucket.public_url}/static/images/logo-small.png'" in out


def test_before_the_switch_the_bucket_is_checked_all_the_same(ready, run):
    ready.configure(active="disk")
    found = verdicts(run("check_storage", "--json"))
    assert found["media.picture"] == "ok"
    assert found["static.font"] == "could not tell"


def test_it_speaks_the_language_of_the_terminal_and_programs_hear_english(ready, run, monkeypatch):
    monkeypatch.setenv("LANGUAGE", "fr_FR.UTF-8")
    out = run("check_storage", "--quick").out
    assert "store.credentials: Le stockage accepte la clé d’accès." in out
    assert "ATTENTION      site.csp:" in out
    assert "docs/operate/fr/troubleshoot.md#sitecsp" in out
    assert "\N{REPLACEMENT CHARACTER}" not in out
    assert "Le stockage accepte" not in run("check_storage", "--quick", "--language", "en").out
    assert "Le stockage accepte" not in run("check_storage", "--quick", "--json").out
