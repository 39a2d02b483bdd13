"""``storage_access``: the site's files open to readers, nothing else, on a real server of each kind."""

from __future__ import annotations

import json

import pytest
import urllib3

from .fussy_front import fussy_front, refusal

pytestmark = pytest.mark.django_db

THEIRS = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": "*",
    "Action": ["s3:GetObject"],
    "Resource": ["arn:aws:s3:::BUCKET/press/*"],
}


@pytest.fixture
def closed(site):
    """A site whose bucket nothing opens: no policy, and no ACL is sent."""
    bucket = site.server.make_bucket(public=())
    site.configure(BUCKET=bucket.name, CUSTOM_DOMAIN=bucket.public_url, DEFAULT_ACL="none")
    site.bucket = bucket
    return site


def policy_of(bucket) -> dict:
    return json.loads(bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"])


def status_for_a_stranger(bucket, key: str) -> int:
    return urllib3.request("GET", f"{bucket.public_url}/{key}").status


def test_apply_opens_the_sites_files_and_nothing_else(closed, run):
    for key in ("images/a.png", "static/b.css", "backup/c.zip"):
        closed.bucket.client.put_object(Bucket=closed.bucket.name, Key=key, Body=b"x")
    assert run("storage_access", "show").code == 5
    ran = run("storage_access", "apply")
    assert ran.code == 0, ran.printed
    statuses = [status_for_a_stranger(closed.bucket, key) for key in ("images/a.png", "static/b.css", "backup/c.zip")]
    assert statuses == [200, 200, 403]
    assert "ListBucketResult" not in urllib3.request("GET", f"{closed.bucket.public_url}/?list-type=2").data.decode()
    assert run("storage_access", "show").code == 0


def test_apply_keeps_what_others_put_there(closed, run):
    theirs = json.loads(json.dumps(THEIRS).replace("BUCKET", closed.bucket.name))
    document = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
    closed.bucket.client.put_bucket_policy(Bucket=closed.bucket.name, Policy=document)
    assert run("storage_access", "apply").code == 0
    assert [statement["Sid"] for statement in policy_of(closed.bucket)["Statement"]] == [
        "Theirs",
        "AnybodyMayReadTheSitesFiles",
    ]


def test_apply_twice_changes_nothing_the_second_time(closed, run):
    run("storage_access", "apply")
    first = policy_of(closed.bucket)
    ran = run("storage_access", "apply")
    assert (ran.code, policy_of(closed.bucket)) == (0, first)
    assert "Nothing to do" in ran.out


def test_where_each_file_has_an_acl_that_counts_the_bucket_is_left_alone(site, ceph, run):
    bucket = ceph.make_bucket()
    site.configure(
        BUCKET=bucket.name,
        CUSTOM_DOMAIN=bucket.public_url,
        ENDPOINT_URL=ceph.endpoint_url,
        REGION=ceph.region,
        ACCESS_KEY_ID=ceph.access_key_id,
        SECRET_ACCESS_KEY=ceph.secret_access_key,
    )
    ran = run("storage_access", "apply")
    assert (ran.code, "Nothing to do" in ran.out) == (0, True)
    with pytest.raises(bucket.client.exceptions.ClientError, match="NoSuchBucketPolicy"):
        policy_of(bucket)


def test_a_dry_run_shows_the_policy_and_sets_none(closed, run):
    ran = run("storage_access", "apply", "--dry-run")
    assert ran.code == 0
    assert f"arn:aws:s3:::{closed.bucket.name}/images/*" in ran.out
    with pytest.raises(closed.bucket.client.exceptions.ClientError, match="NoSuchBucketPolicy"):
        policy_of(closed.bucket)


@pytest.mark.parametrize("answer", [refusal(403, "AccessDenied"), refusal(501, "NotImplemented")])
def test_a_policy_that_cannot_be_set_from_here_is_there_to_paste(closed, run, answer):
    with fussy_front(closed.server.endpoint_url, lambda r: answer if "policy" in r.path else None) as front:
        closed.configure(ENDPOINT_URL=front.url)
        ran = run("storage_access", "apply")
        shown = run("storage_access", "show", "--json")
    assert ran.code == 3
    pasted = json.loads(ran.out[ran.out.index("{") :])
    assert pasted["Statement"][0]["Resource"] == [
        f"arn:aws:s3:::{closed.bucket.name}/images/*",
        f"arn:aws:s3:::{closed.bucket.name}/static/*",
    ]
    assert shown.json[0]["policy"] is None


def test_statements_that_open_more_than_reading_are_pointed_out_and_left_alone(closed, run):
    listing = {**THEIRS, "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{closed.bucket.name}"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [listing]})
    closed.bucket.client.put_bucket_policy(Bucket=closed.bucket.name, Policy=document)
    ran = run("storage_access", "apply")
    assert "'Theirs' allows everybody s3:ListBucket" in ran.out
    assert ran.code == 5  # strangers can list it, as they could before
    assert len(policy_of(closed.bucket)["Statement"]) == 2


def test_a_bucket_with_private_files_in_it_is_not_opened(closed, settings, run):
    found = settings.EXTERNAL_STORAGE
    vault = {**found["STORES"]["bucket"], "PREFIX": "exports/", "CUSTOM_DOMAIN": None}
    rule = "external_storage.django.publishing.nothing_public"
    exports = {"ACTIVE": "vault", "PRIVATE": True, "PUBLISHING_RULE": rule}
    settings.EXTERNAL_STORAGE = {
        **found,
        "STORES": {**found["STORES"], "vault": vault},
        "ALIASES": {**found["ALIASES"], "exports": exports},
    }
    ran = run("storage_access", "apply")
    assert (ran.code, "it is not opened" in ran.err) == (2, True)


def test_show_says_what_decides(closed, run):
    (told,) = run("storage_access", "show", "--json").json
    assert told["bucket"] == closed.bucket.name
    assert told["ACL sent with each file"] == "none"
    assert {finding["id"]: finding["verdict"] for finding in told["findings"]}["access.listing"] == "ok"
