"""``storage_doctor``: each finding in both states, on real servers, or on one that misbehaves as no real one does."""

from __future__ import annotations

import json
import re
import ssl
import time
from contextlib import ExitStack

import pytest
from django.core import mail

from bookwyrm.models import Edition, Work
from external_storage.django import conf, overview
from external_storage.health import asking
from external_storage.health.preflight import sweep_probes
from external_storage.health.questions import QUESTIONS
from external_storage.testing import FakeS3, Fault, StrictS3
from external_storage.testing.fake_s3 import Reply
from tests.servers.processes import free_ports
from tests.servers.web import answering, response

from .conftest import CANARY, SITE, before_the_site, one_server
from .fussy_front import fussy_front, refusal

PNG = b"\x89PNG\r\n\x1a\n" + b"picture " * 40
DENIED = refusal(403, "AccessDenied")

pytestmark = pytest.mark.django_db


def pytest_generate_tests(metafunc) -> None:
    """What is asked of a store other than the site's own is asked once, not beside each of its servers in turn."""
    if {"fake", "strict", "ceph", "seaweedfs"} & {*metafunc.definition.obj.__code__.co_varnames}:
        metafunc.definition.add_marker(one_server)


class Told:
    """What the doctor said, by the id of each finding."""

    def __init__(self, ran) -> None:
        (self.whole,) = ran.json
        self.code = ran.code
        self.findings = {finding["id"]: finding for finding in self.whole["findings"]}

    def __getitem__(self, identifier: str) -> str:
        return self.findings[identifier]["verdict"]

    def __contains__(self, identifier: str) -> bool:
        return identifier in self.findings

    def seen(self, identifier: str) -> str:
        return self.findings[identifier]["seen"]

    def remedy(self, identifier: str) -> str:
        return self.findings[identifier]["remedy"]


@pytest.fixture
def doctor(run):
    """Ask the doctor, without what needs whole listings unless asked for."""

    def doctor(*options: str, quick: bool = True) -> Told:
        return Told(run("storage_doctor", "--json", *(["--quick"] if quick else []), *options))

    return doctor


@pytest.fixture
def fake(site):
    """A store that misbehaves on demand in the place of the site's bucket; visitors meet the same one."""
    with FakeS3() as fake:
        site.configure(ENDPOINT_URL=fake.endpoint_url, CUSTOM_DOMAIN=None)
        yield fake


@pytest.fixture
def strict(site):
    """A store that checks who asks, in the place of the site's bucket."""
    with StrictS3(access_key_id="strictaccess", secret_access_key="a-strict-secret") as strict:
        strict.make_bucket(site.bucket.name)
        site.configure(
            ENDPOINT_URL=strict.endpoint_url,
            CUSTOM_DOMAIN=None,
            REGION="us-east-1",
            ACCESS_KEY_ID="strictaccess",
            SECRET_ACCESS_KEY="a-strict-secret",
        )
        yield strict


@pytest.fixture
def front(site):
    """Put a door before the real server that answers some requests itself; visitors go round it."""
    with ExitStack() as stack:

        def front(decide):
            door = stack.enter_context(fussy_front(site.server.endpoint_url, decide))
            site.configure(ENDPOINT_URL=door.url)
            return door

        yield front


def use(site, server, bucket) -> None:
    """Let the site keep its files in *bucket* of *server*."""
    site.configure(
        BUCKET=bucket.name,
        ENDPOINT_URL=server.endpoint_url,
        CUSTOM_DOMAIN=None,
        REGION=server.region,
        ACCESS_KEY_ID=server.access_key_id,
        SECRET_ACCESS_KEY=server.secret_access_key,
    )


def a_picture_of(site, key: str = "covers/a.png", **headers: str) -> None:
    site.put_in_bucket(f"images/{key}", PNG, ContentType="image/png", **headers)
    Edition.objects.bulk_create([Edition(work=Work.objects.create(title="Any"), title="Any", cover=key)])


def open_by_policy(bucket, *statements: dict) -> None:
    everybody = [{"Effect": "Allow", "Principal": "*", **statement} for statement in statements]
    document = {"Version": "2012-10-17", "Statement": everybody}
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(document))


def arn(bucket, path: str = "") -> list[str]:
    return [f"arn:aws:s3:::{bucket.name}{path}"]


# A site that is set up right


def test_a_fresh_bucket_has_nothing_red_on_either_server(site, doctor):
    told = doctor()
    red = {name: finding["seen"] for name, finding in told.findings.items() if finding["verdict"] == "failure"}
    # The test's own servers speak http, and the site https.
    assert set(red) == {"site.mixed-content"}, red
    for identifier in (
        *("settings.sound", "store.name", "store.tls", "store.s3", "store.clock", "store.credentials"),
        *("store.region", "store.addressing", "store.bucket", "store.answers", "store.verbatim", "store.conditions"),
        *("permission.list", "permission.write", "permission.read", "permission.delete", "permission.acl"),
        *("permission.multipart", "access.public", "access.acl", "access.private", "access.listing"),
        *("access.write", "access.delete", "access.versions", "access.grants"),
    ):
        assert told[identifier] == "ok", (identifier, told.seen(identifier))
    assert "domain.leads-here" not in told  # there is no domain of the owner's


def test_nothing_is_left_behind(site, doctor):
    doctor()
    assert site.bucket.keys_under() == []
    uploads = site.bucket.client.list_multipart_uploads(Bucket=site.bucket.name)
    assert uploads.get("Uploads", []) == []


@one_server
def test_every_finding_leads_to_its_place_on_the_page_for_owners(site, doctor):
    for identifier, finding in doctor().findings.items():
        assert identifier in QUESTIONS
        assert finding["link"] == f"docs/operate/en/troubleshoot.md#{identifier.replace('.', '')}"
        assert finding["remedy"] or finding["verdict"] in ("ok", "could not tell"), finding


@one_server
def test_what_is_not_well_is_told_with_the_link_and_what_is_well_without(site, run):
    out = run("storage_doctor", "--quick").out
    assert "docs/operate/en/troubleshoot.md#sitemixed-content" in out
    assert "docs/operate/en/troubleshoot.md#storeanswers" not in out


def test_a34_no_secret_is_in_anything_it_says(site, run):
    site.configure(SECRET_ACCESS_KEY=CANARY)
    ran = run("storage_doctor")
    assert ran.code == 5
    assert CANARY not in ran.printed


# The way to the store


@one_server
def test_a_name_that_leads_nowhere(site, doctor):
    site.configure(ENDPOINT_URL="https://store.books.invalid")
    told = doctor()
    assert told["store.name"] == "failure"
    assert told.seen("store.name") == "There is no host named 'store.books.invalid'."
    assert {told[each] for each in ("store.tls", "store.s3", "store.clock", "store.credentials")} == {"could not tell"}
    assert told.code == 5


@one_server
def test_an_endpoint_whose_certificate_nobody_trusts(site, doctor, certificates):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    with answering(lambda peer, head: None, tls=tls) as server:
        site.configure(ENDPOINT_URL=f"https://{server.host}")
        told = doctor()
    assert told["store.tls"] == "failure"
    assert "certificate" in told.seen("store.tls")
    assert told["store.answers"] == "failure"


@one_server
def test_an_endpoint_that_is_a_web_page(site, doctor):
    page = response(b"<html>Welcome to our storage</html>", Content_Type="text/html")
    with answering(lambda peer, head: peer.sendall(page)) as web:
        site.configure(ENDPOINT_URL=web.url("").rstrip("/"))
        told = doctor()
    assert told["store.s3"] == "failure"
    assert told.seen("store.s3") == f"http://{web.host} is no S3 store: it answered 200 with text/html."
    assert told["store.answers"] in ("failure", "could not tell")


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [
        (0, "ok", "agree"),
        (5 * 60, "warning", "5 min behind the store's"),
        (20 * 60, "failure", "This machine's clock is 20 min behind the store's."),
        (-20 * 60, "failure", "This machine's clock is 20 min ahead of the store's."),
    ],
)
def test_s24_a_clock_that_is_off(site, fake, doctor, ahead, verdict, said):
    fake.clock_ahead = ahead
    told = doctor()
    assert told["store.clock"] == verdict
    assert said in told.seen("store.clock")


def test_a_clock_that_is_so_far_off_that_nothing_signed_is_taken(site, strict, doctor):
    assert doctor()["store.answers"] == "ok"
    strict.clock_ahead = -20 * 60
    told = doctor()
    assert told.seen("store.clock") == "This machine's clock is 20 min ahead of the store's."
    assert told["store.credentials"] == "could not tell"
    assert "NTP" in told.remedy("store.clock")


def test_a_region_that_the_store_names(site, strict, doctor):
    site.configure(REGION="eu-west-1")
    told = doctor()
    assert told["store.region"] == "failure"
    assert told.remedy("store.region") == "Set AWS_S3_REGION_NAME to us-east-1."


def test_a42_an_acl_that_opens_the_bucket_to_writers(site, strict, doctor):
    assert {doctor()[each] for each in ("access.write", "access.delete", "access.grants")} == {"ok"}
    strict.buckets[site.bucket.name].acl = "public-read-write"
    told = doctor()
    assert {told[each] for each in ("access.write", "access.delete", "access.grants", "access.listing")} == {"failure"}


def test_credentials_that_are_wrong(site, doctor):
    site.configure(SECRET_ACCESS_KEY="wrong")
    told = doctor()
    assert told["store.credentials"] == "failure"
    assert "the secret does not match" in told.seen("store.credentials")
    assert told["store.answers"] == "could not tell"
    assert "permission.write" not in told  # nothing was tried with them


def test_a_bucket_in_another_region(site, fake, doctor):
    fake.misbehave(
        Fault.answer(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3"), method="GET", query="list-type"
    )
    told = doctor()
    assert told["store.region"] == "failure"
    assert told.remedy("store.region") == "Set AWS_S3_REGION_NAME to eu-west-3."


def test_s18_a_bucket_that_is_looked_for_in_the_host_name_where_only_paths_lead(site, doctor):
    site.configure(ADDRESSING_STYLE="virtual")
    told = doctor()
    assert told["store.addressing"] == "failure"
    assert told.remedy("store.addressing") == "Set ADDRESSING_STYLE to path."


def test_s18_a_bucket_name_that_is_in_the_endpoint_already(site, fake, doctor):
    site.configure(BUCKET="127")  # the endpoint is http://127.0.0.1
    fault = fake.misbehave(Fault.answer(404, "NoSuchKey"), method="GET", query="list-type")
    told = doctor()
    assert fault.fired
    assert told["store.addressing"] == "failure"
    assert "already holds the bucket's name '127'" in told.seen("store.addressing")


def test_s15_a_bucket_that_is_not_there(site, doctor):
    site.configure(BUCKET="books-of-nobody")
    told = doctor()
    assert told["store.bucket"] == "failure"
    assert told.seen("store.bucket").startswith("There is no bucket 'books-of-nobody'")


def test_s16_a_bucket_of_somebody_else(site, front, doctor):
    door = front(lambda request: DENIED if request.headers.get("Authorization") else None)
    told = doctor()
    assert door.turned_away
    assert told["store.credentials"] == "ok"
    assert told["store.bucket"] == "failure"
    assert "is not yours, or the access key may not list it" in told.seen("store.bucket")
    assert told["permission.list"] == "could not tell"


@one_server
def test_what_one_wrong_secret_leaves_open_is_told_once(site, settings, run, tmp_path):
    site.configure(SECRET_ACCESS_KEY="not-the-secret-of-this-key")
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STATE_DIR": tmp_path / "state"}
    ran = run("storage_doctor", "--quick")
    assert ran.code == 5
    (line,) = [each for each in ran.out.splitlines() if "before store.credentials is mended" in each]
    assert line.startswith("COULD NOT TELL store.region, store.addressing, store.bucket, permission.list, ")
    assert {"store.answers", "media.picture", "static.font", "cors.font"} <= set(re.split("[ ,:]+", line))
    (shown,) = [each for each in overview.findings()["findings"] if len(each["questions"]) > 1]
    assert shown["kind"] == "unknown"
    assert ", ".join(shown["questions"]) in line


@one_server
def test_a_store_that_is_down(site, doctor):
    (port,) = free_ports(1)
    site.configure(ENDPOINT_URL=f"http://127.0.0.1:{port}")
    told = doctor()
    assert told["store.name"] == "ok"
    assert told["store.answers"] == "failure"
    assert told["media.picture"] == "could not tell"
    assert told["access.listing"] in ("ok", "could not tell")


@one_server
def test_a_store_that_never_answers_is_not_waited_for_all_day(site, doctor, monkeypatch):
    monkeypatch.setattr(asking, "TIMEOUT", 1.0)
    with answering(lambda peer, head: time.sleep(40)) as silent:
        site.configure(ENDPOINT_URL=silent.url("").rstrip("/"), CUSTOM_DOMAIN=None)
        began = time.monotonic()
        told = doctor()
    assert told["store.answers"] == "could not tell"
    assert told["static.font"] == "could not tell"
    assert time.monotonic() - began < 10


@one_server
def test_what_a_store_writes_does_not_move_the_cursor(site, run):
    page = response(b"no", Content_Type="text/\x1b[2Jhtml")
    with answering(lambda peer, head: peer.sendall(page)) as web:
        site.configure(ENDPOINT_URL=web.url("").rstrip("/"))
        ran = run("storage_doctor", "--quick")
    assert "it answered 200 with text/" in ran.out
    assert "\x1b" not in ran.printed


def test_a_store_that_has_trouble_of_its_own_is_no_failure_of_ours(site, fake, doctor, monkeypatch):
    monkeypatch.setattr("external_storage.stores.retrying.time.sleep", lambda seconds: None)
    fake.misbehave(Fault.answer(500, "InternalError"))
    told = doctor()
    assert told["store.answers"] == "could not tell"
    assert told.code == 5


# What the key may do


@pytest.mark.parametrize(
    ("identifier", "refuse"),
    [
        ("permission.write", lambda request: request.command == "PUT"),
        ("permission.read", lambda request: request.command in ("GET", "HEAD") and "storage-probe" in request.path),
        ("permission.delete", lambda request: "delete" in request.path and request.command == "POST"),
        ("permission.multipart", lambda request: "uploads" in request.path and request.command == "POST"),
    ],
)
def test_s21_a_permission_that_is_missing(site, front, doctor, identifier, refuse):
    front(lambda request: DENIED if request.headers.get("Authorization") and refuse(request) else None)
    told = doctor()
    assert told[identifier] == "failure"
    assert told["store.answers"] == "ok"
    assert told.code == 5


def test_s21_the_least_policy_is_printed_where_a_permission_is_missing(site, front, run):
    front(lambda request: DENIED if request.headers.get("Authorization") and request.command == "PUT" else None)
    out = run("storage_doctor", "--quick").out
    assert f"arn:aws:s3:::{site.bucket.name}/images/*" in out
    assert '"s3:PutObject"' in out
    assert '"s3:PutObjectAcl"' in out, "files are sent with an ACL"


def test_a_key_that_may_store_files_but_set_no_acl(site, front, doctor, run):
    """So are many of Amazon's keys, and AWS_DEFAULT_ACL unset means public-read."""
    door = front(lambda request: DENIED if request.headers.get("x-amz-acl") else None)
    told = doctor()
    assert door.turned_away
    assert told["permission.acl"] == "failure"
    assert told.seen("permission.acl") == (
        "The access key may store files, but not with the ACL public-read (s3:PutObjectAcl)."
    )
    assert "AWS_DEFAULT_ACL=none" in told.remedy("permission.acl")
    copied = run("copy_media_to_s3")
    assert copied.code == 3
    assert "AWS_DEFAULT_ACL=none" in copied.out


def test_without_an_acl_there_is_nothing_to_permit(site, front, doctor):
    site.configure(DEFAULT_ACL="none")
    front(lambda request: DENIED if request.headers.get("x-amz-acl") else None)
    assert doctor()["permission.acl"] == "ok"


def test_a47_a_key_that_may_do_too_much(site, doctor):
    site.server.make_bucket()
    told = doctor()
    assert told["permission.excess"] == "warning"
    assert "sees other buckets" in told.seen("permission.excess")
    assert "writes outside the site's files" in told.seen("permission.excess")


def test_a_key_that_may_do_just_enough(site, front, doctor):
    def outside(request) -> bool:
        path = request.path.partition("?")[0].lstrip("/")
        return path in ("", site.bucket.name + "/") or path.startswith(f"{site.bucket.name}/storage-probe")

    front(lambda request: DENIED if request.headers.get("Authorization") and outside(request) else None)
    told = doctor()
    assert told["permission.excess"] == "ok"
    assert told["access.private"] == "ok"


# What strangers may do


def test_files_that_nothing_opens(site, doctor):
    private = site.server.make_bucket(public=())
    site.configure(BUCKET=private.name, CUSTOM_DOMAIN=private.public_url, DEFAULT_ACL="none")
    told = doctor()
    assert told["access.public"] == "failure"
    assert told.seen("access.public").startswith("Private: a picture stored as public")
    assert "python manage.py storage_access apply" in told.remedy("access.public")


def test_a_closed_bucket_is_well_where_the_site_serves_the_pictures_itself(site, doctor, settings, seaweedfs):
    use(site, seaweedfs, seaweedfs.make_bucket(public=()))
    described = settings.EXTERNAL_STORAGE
    aliases = {**described["ALIASES"], "default": {**described["ALIASES"]["default"], "SERVING": "proxy"}}
    settings.EXTERNAL_STORAGE = {**described, "ALIASES": aliases}
    told = doctor()
    assert told["permission.read"] == "ok"
    assert not {"access.public", "access.acl"} & told.findings.keys()


def test_s14_an_acl_that_the_store_ignores(site, front, doctor):
    """It takes the ACL, and lets no stranger in."""
    door = front(lambda request: None if request.headers.get("Authorization") else DENIED)
    site.configure(CUSTOM_DOMAIN=None)
    told = doctor()
    assert door.turned_away
    assert told["access.acl"] == "failure"
    assert "ignores it" in told.seen("access.acl")


def test_a_bucket_that_refuses_acls_gets_none(site, seaweedfs, front, doctor):
    front(lambda request: refusal(400, "AccessControlListNotSupported") if request.headers.get("x-amz-acl") else None)
    told = doctor()
    assert told["access.acl"] == "ok"
    assert "refuses ACLs" in told.seen("access.acl")
    assert told["permission.acl"] == "ok"


def test_a_bucket_of_which_everything_can_be_read(site, doctor):
    open_by_policy(site.bucket, {"Action": ["s3:GetObject"], "Resource": arn(site.bucket, "/*")})
    told = doctor()
    assert told["access.private"] == "warning"
    assert told["access.public"] == "ok"


def test_a41_a_bucket_that_anybody_may_write_to(site, ceph, doctor):
    """SeaweedFS lets no stranger write, whatever the policy says."""
    bucket = ceph.make_bucket()
    use(site, ceph, bucket)
    everything = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    open_by_policy(bucket, {"Action": everything, "Resource": arn(bucket, "/*")})
    told = doctor()
    assert told["access.write"] == "failure"
    assert told.seen("access.write") == "Anybody may write to this bucket: a stranger's PUT was answered with 200."
    assert told["access.delete"] == "failure"
    assert told.seen("access.delete").startswith("Anybody may delete files of this bucket")
    assert bucket.keys_under() == []


def test_a40_a_bucket_that_anybody_may_list(site, doctor):
    open_by_policy(
        site.bucket,
        {"Action": ["s3:ListBucket"], "Resource": arn(site.bucket)},
        {"Action": ["s3:GetObject"], "Resource": arn(site.bucket, "/images/*")},
    )
    told = doctor()
    assert told["access.listing"] == "failure"
    assert told.seen("access.listing").startswith("Anybody can list every file of the bucket at http")


def test_s25_a_bucket_that_keeps_what_is_deleted(site, doctor):
    site.bucket.client.put_bucket_versioning(Bucket=site.bucket.name, VersioningConfiguration={"Status": "Enabled"})
    told = doctor()
    assert told["access.versions"] in ("warning", "failure")
    assert "keeps" in told.seen("access.versions")


def test_probes_leave_no_versions_behind(site, doctor):
    site.bucket.client.put_bucket_versioning(Bucket=site.bucket.name, VersioningConfiguration={"Status": "Enabled"})
    site.put_in_bucket("images/covers/a.png", PNG)
    doctor()
    left = site.bucket.client.list_object_versions(Bucket=site.bucket.name)
    assert [each["Key"] for each in left.get("Versions", [])] == ["images/covers/a.png"]
    assert left.get("DeleteMarkers", []) == []


@one_server
def test_probes_of_a_killed_process_are_swept_up_once_they_are_old(site):
    store = conf.store_named("bucket")
    site.put_in_bucket("images/storage-probe/left.png", PNG)
    assert sweep_probes(store) == 0  # it may be in use
    assert sweep_probes(store, older_than=-3600) == 1
    assert site.bucket.keys_under() == []


def test_s25_old_versions_that_a_stranger_can_read(site, doctor):
    site.bucket.client.put_bucket_versioning(Bucket=site.bucket.name, VersioningConfiguration={"Status": "Enabled"})
    reading = ["s3:GetObject", "s3:GetObjectVersion"]
    open_by_policy(site.bucket, {"Action": reading, "Resource": arn(site.bucket, "/images/*")})
    told = doctor()
    assert told["access.versions"] == "failure"
    assert "a stranger who knows its id can read a deleted file" in told.seen("access.versions")


def test_a42_a_bucket_whose_own_acl_is_open(site, ceph, doctor):
    bucket = ceph.make_bucket()
    use(site, ceph, bucket)
    assert doctor()["access.grants"] == "ok"
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="authenticated-read")
    told = doctor()
    assert told["access.grants"] == "failure"
    assert "everybody with an account at this service READ" in told.seen("access.grants")


def test_an_acl_of_the_bucket_that_cannot_be_seen(site, front, doctor):
    front(lambda request: DENIED if "?acl" in request.path else None)
    assert doctor()["access.grants"] == "could not tell"


def host_beside(url: str) -> str:
    """The same machine by another name: a domain of the owner's."""
    return url.replace("127.0.0.1", "localhost")


def test_a_domain_that_leads_to_the_bucket(site, doctor):
    site.configure(CUSTOM_DOMAIN=host_beside(site.bucket.public_url))
    assert doctor()["domain.leads-here"] == "ok"


def test_s36_a_domain_of_another_bucket(site, doctor):
    other = site.server.make_bucket()
    site.configure(CUSTOM_DOMAIN=host_beside(other.public_url))
    told = doctor()
    assert told["domain.leads-here"] == "failure"
    assert "does not lead to this bucket: the probe is at http" in told.seen("domain.leads-here")


def test_a46_a_domain_of_a_bucket_that_is_gone(site, ceph, doctor):
    """SeaweedFS does not tell a stranger that a bucket is missing; there it is a domain that leads elsewhere."""
    use(site, ceph, ceph.make_bucket())
    site.configure(CUSTOM_DOMAIN=host_beside(f"{ceph.endpoint_url}/books-that-were"))
    told = doctor()
    assert told["domain.leads-here"] == "failure"
    assert "whoever makes one of that name owns what visitors see" in told.seen("domain.leads-here")


# What the store is like


def test_s10_a_store_that_keeps_the_framing_of_a_checksum(site, fake, doctor):
    def keep_framing(request, carry_on):
        if "x-amz-acl" in request.headers and request.headers.get("user-agent", "").startswith("Boto3"):
            request.body = b"46\r\n" + request.body + b"\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
            request.headers.pop("content-md5", None)
        return carry_on()

    fake.misbehave(keep_framing, method="PUT")
    told = doctor()
    assert told["store.verbatim"] == "failure"
    assert told.seen("store.verbatim").startswith("The store keeps the framing of a checksum in the file")


def test_a_store_that_gives_back_something_else(site, fake, doctor):
    def other(request, carry_on):
        reply = carry_on()
        from_sdk = request.headers.get("user-agent", "").startswith("Boto3")
        return Reply(reply.status, b"else", reply.headers) if from_sdk and request.method == "GET" else reply

    fake.misbehave(other, method="GET", key="storage-probe")
    told = doctor()
    assert told["store.verbatim"] == "failure"
    assert "other bytes than it was sent" in told.seen("store.verbatim")


def test_a_store_that_overwrites_although_it_was_asked_not_to(site, fake, doctor):
    def ignore(request, carry_on):
        request.headers.pop("if-none-match", None)
        return carry_on()

    fake.misbehave(ignore, method="PUT")
    told = doctor()
    assert told["store.conditions"] == "warning"
    assert told.seen("store.conditions") == "The store was asked not to overwrite, and did."


def test_a49_encryption_that_the_store_tells_of(site, fake, doctor):
    assert doctor()["store.encryption"] == "warning"

    def say_so(request, carry_on):
        reply = carry_on()
        return Reply(reply.status, reply.body, reply.headers | {"x-amz-server-side-encryption": "AES256"})

    fake.misbehave(say_so, method="PUT")
    told = doctor()
    assert told["store.encryption"] == "ok"
    assert "AES256" in told.seen("store.encryption")


def test_s30_uploads_that_were_never_finished(site, ceph, doctor):
    bucket = ceph.make_bucket()
    use(site, ceph, bucket)
    assert doctor()["store.unfinished"] == "warning"
    rule = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    bucket.client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": [rule]})
    assert doctor()["store.unfinished"] == "ok"


def test_lifecycle_rules_that_cannot_be_seen_are_not_green_and_can_be_accepted(site, front, doctor):
    front(lambda request: DENIED if "?lifecycle" in request.path else None)
    told = doctor()
    assert told["store.unfinished"] == "could not tell"
    assert told.code == 5


# What visitors get


def test_a_picture_without_its_cache_header(site, doctor):
    a_picture_of(site)
    told = doctor()
    assert told["media.picture"] == "ok"
    assert told["media.cache"] == "warning"
    a_picture_of(site, CacheControl="public, max-age=31536000, immutable")
    assert doctor()["media.cache"] == "ok"


def test_a_font_with_another_cache_header(collected, doctor):
    told = doctor()
    assert (told["static.font"], told["static.cache"], told["static.manifest"]) == ("ok", "ok", "ok")
    assert told["static.stale"] == "ok"
    fonts = collected.bucket.keys_under("static/fonts/")
    (key,) = [key for key in fonts if "atkinson-latin-ext." in key and len(key) > 45]
    collected.put_in_bucket(key, b"font", ContentType="font/woff2", CacheControl="no-store")
    assert doctor()["static.cache"] == "warning"


def test_a_static_file_that_pages_name_and_the_store_lacks(collected, doctor):
    named = json.loads((collected.static / "staticfiles.json").read_text())["paths"]["css/site.css"]
    collected.bucket.client.delete_object(Bucket=collected.bucket.name, Key=f"static/{named}")
    told = doctor()
    assert told["static.manifest"] == "failure"
    assert repr(named) in told.seen("static.manifest")


@one_server
def test_static_files_that_the_code_no_longer_has(collected, doctor):
    (collected.static / "css/site.css").write_text("/* of the last release */")
    told = doctor()
    assert told["static.stale"] == "warning"
    assert "'css/site.css'" in told.seen("static.stale")


@one_server
def test_static_files_that_another_machine_collected_last(collected, doctor):
    collected.put_in_bucket("static/staticfiles.json", b"{}")
    told = doctor()
    assert told["static.stale"] == "warning"
    assert "holds another manifest" in told.seen("static.stale")


def test_a44_pages_that_may_ask_to_delete(collected, doctor, run):
    assert run("set_cors_to_s3").code == 0
    assert doctor()["cors.methods"] == "ok"
    rule = {"AllowedOrigins": [SITE], "AllowedMethods": ["GET", "DELETE"], "AllowedHeaders": ["*"]}
    collected.bucket.client.put_bucket_cors(Bucket=collected.bucket.name, CORSConfiguration={"CORSRules": [rule]})
    assert doctor()["cors.methods"] == "warning"


@one_server
def test_pages_without_a_policy_or_with_types_to_guess(site, settings, doctor):
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "ContentSecurityPolicy" not in each]
    settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    told = doctor()
    assert told["site.csp"] == "warning"
    assert told["site.nosniff"] == "warning"


@one_server
@pytest.mark.parametrize("of_the_proxy", [{}, {"Content-Security-Policy": "default-src 'self'"}])
def test_the_headers_that_visitors_get_count_not_those_that_the_site_sent(site, doctor, of_the_proxy):
    """A proxy before the site may exchange them."""
    with before_the_site(of_the_proxy) as web:
        site.settings.EXTERNAL_STORAGE = {**site.settings.EXTERNAL_STORAGE, "SITE_ORIGINS": [web.url("")]}
        told = doctor()
    assert told["site.csp"] == ("failure" if of_the_proxy else "ok"), told.seen("site.csp")
    assert told["site.nosniff"] == "ok"


@one_server
def test_headers_of_a_site_that_no_visitor_reaches_from_here_are_not_called_right(site, doctor):
    told = doctor()
    assert (told["site.csp"], told["site.nosniff"]) == ("warning", "warning")
    assert "whether visitors get it could not be seen" in told.seen("site.csp")


@one_server
def test_asking_the_site_itself_is_not_seen_in_its_log(site, doctor, caplog):
    doctor()
    assert not [record for record in caplog.records if record.name == "django.request"]
    assert mail.outbox == []


# The files themselves


def test_f19_files_that_rows_refer_to_and_nobody_has(site, doctor):
    a_picture_of(site)
    assert doctor(quick=False)["files.missing"] == "ok"
    site.bucket.client.delete_object(Bucket=site.bucket.name, Key="images/covers/a.png")
    told = doctor(quick=False)
    assert told["files.missing"] == "failure"
    assert "lacks 1 of 1" in told.seen("files.missing")
    assert "'covers/a.png'" in told.seen("files.missing")


def test_f20_files_that_no_row_refers_to(site, doctor):
    a_picture_of(site)
    assert doctor(quick=False)["files.unreferenced"] == "ok"
    site.put_in_bucket("images/covers/orphan.png", PNG)
    told = doctor(quick=False)
    assert told["files.unreferenced"] == "warning"
    assert "'covers/orphan.png'" in told.seen("files.unreferenced")


def test_smaller_pictures_that_are_missing(site, doctor):
    a_picture_of(site)
    told = doctor(quick=False)
    assert told["files.thumbnails"] == "warning"
    assert "rebuild_thumbnails" in told.remedy("files.thumbnails")
    for width in (160, 320, 640):
        site.put_in_bucket(f"images/thumbnails/covers/a-{width}.webp", b"small")
    assert doctor(quick=False)["files.thumbnails"] == "ok"


# Settings, and files that are nobody else's business


@one_server
def test_settings_that_contradict_each_other(site, doctor):
    site.configure(DEFAULT_ACL="private")
    told = doctor()
    assert told["settings.sound"] == "warning"
    assert "private" in told.seen("settings.sound")


@pytest.fixture
def secret_file(site, settings, tmp_path):
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=anything\n")
    path.chmod(0o600)

    def configure() -> None:
        settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "SECRET_FILES": [path]}

    configure()
    return path


@one_server
def test_a38_secrets_that_others_can_read(secret_file, doctor):
    told = doctor()
    assert (told["secrets.file"], told["secrets.published"]) == ("ok", "ok")
    secret_file.chmod(0o644)
    told = doctor()
    assert told["secrets.file"] == "warning"
    assert f"chmod 600 {secret_file}" in told.remedy("secrets.file")


@one_server
def test_a37_secrets_among_the_static_files(site, secret_file, doctor):
    (site.static / ".env").write_text("SECRET_KEY=anything\n")
    told = doctor()
    assert told["secrets.published"] == "failure"
    assert "replace every secret in it" in told.remedy("secrets.published")


def test_a37_secrets_in_the_bucket(site, secret_file, doctor):
    site.put_in_bucket("static/.env", b"SECRET_KEY=anything")
    told = doctor()
    assert told["secrets.published"] == "failure"
    assert told.seen("secrets.published") == f"Anybody can read {site.bucket.public_url}/static/.env."


@pytest.fixture
def exports(site, settings):
    """Give the site a private alias in *bucket*."""

    def exports(bucket, **changed) -> None:
        found = settings.EXTERNAL_STORAGE
        entry = {**found["STORES"]["bucket"], "BUCKET": bucket.name, "PREFIX": "exports/", "CUSTOM_DOMAIN": None}
        settings.EXTERNAL_STORAGE = {
            **found,
            "STORES": {**found["STORES"], "vault": {**entry, **changed}},
            "ALIASES": {
                **found["ALIASES"],
                "exports": {
                    "ACTIVE": "vault",
                    "PRIVATE": True,
                    "PUBLISHING_RULE": "external_storage.django.publishing.nothing_public",
                },
            },
        }

    return exports


def test_exports_in_a_bucket_of_their_own(site, exports, doctor):
    exports(site.server.make_bucket(public=()))
    told = doctor()
    assert (told["exports.separate"], told["exports.private"]) == ("ok", "ok")


def test_exports_beside_the_pictures(site, exports, doctor):
    exports(site.bucket)
    told = doctor()
    assert told["exports.separate"] == "failure"
    assert "share the bucket" in told.seen("exports.separate")
    assert told["settings.sound"] == "failure"


def test_exports_with_a_domain(site, exports, doctor):
    exports(site.server.make_bucket(public=()), CUSTOM_DOMAIN="exports.books.test")
    assert "links to it are not signed" in doctor().seen("exports.separate")


def test_s14_exports_that_anybody_can_read(site, exports, doctor):
    bucket = site.server.make_bucket(public=())
    exports(bucket)
    open_by_policy(bucket, {"Action": ["s3:GetObject"], "Resource": arn(bucket, "/*")})
    told = doctor()
    assert told["exports.private"] == "failure"
    assert told.seen("exports.private").startswith("A stranger can read private files")
    assert bucket.keys_under() == []


# Mending, accepting, remembering


def test_what_can_be_mended_is_shown_then_mended_then_looked_at_again(site, own_static_files, run, secret_file):
    private = site.server.make_bucket(public=())
    site.configure(BUCKET=private.name, CUSTOM_DOMAIN=private.public_url, DEFAULT_ACL="none", active="bucket")
    settings_with_secret = {**site.settings.EXTERNAL_STORAGE, "SECRET_FILES": [secret_file]}
    site.settings.EXTERNAL_STORAGE = settings_with_secret
    secret_file.chmod(0o644)
    assert run("collectstatic", "--noinput").code == 0
    shown = run("storage_doctor", "--quick", "--fix", "--dry-run").out
    assert "To mend access.public: Let the policy of the bucket" in shown
    assert "To mend secrets.file: Let only its owner read" in shown
    assert secret_file.stat().st_mode & 0o777 == 0o644
    ran = run("storage_doctor", "--quick", "--fix")
    assert secret_file.stat().st_mode & 0o777 == 0o600
    before, after = ran.out.split("Mended; looking again:")
    assert "FAILURE        access.public" in before
    assert "ok             access.public" in after
    assert "ok             secrets.file" in after


def test_missing_cors_rules_are_mended_and_those_of_others_kept(collected, run):
    theirs = {"AllowedOrigins": ["https://other.test"], "AllowedMethods": ["GET"]}
    collected.bucket.client.put_bucket_cors(Bucket=collected.bucket.name, CORSConfiguration={"CORSRules": [theirs]})
    out = run("storage_doctor", "--quick", "--fix").out
    assert "To mend cors.font" in out
    assert "ok             cors.font" in out.split("Mended; looking again:")[1]
    rules = collected.bucket.client.get_bucket_cors(Bucket=collected.bucket.name)["CORSRules"]
    assert [rule["AllowedOrigins"][0] for rule in rules] == [SITE, "https://other.test"]


@one_server
def test_a_finding_that_its_owner_accepts_is_shown_and_does_not_count(site, doctor):
    accepted = ("site.mixed-content", "static.font", "static.manifest", "site.csp", "site.nosniff")
    told = doctor(*(f"--accept={each}" for each in accepted))
    assert told["site.mixed-content"] == "failure"
    assert told.code == 0, told.findings


@one_server
def test_accepting_what_is_no_finding_is_refused(site, run):
    ran = run("storage_doctor", "--accept", "no.such")
    assert ran.code == 2
    assert "'no.such'" in ran.err


@one_server
def test_the_last_report_is_kept_without_secrets(site, settings, run, tmp_path):
    from external_storage.django import reports

    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "STATE_DIR": tmp_path / "state"}
    assert reports.last() is None
    run("storage_doctor", "--quick")
    found = reports.last()
    assert {finding.id for finding in found.findings} > {"store.answers", "access.public"}
    assert site.server.secret_access_key not in (tmp_path / "state" / reports.FILE).read_text()


def test_a_folder_in_use_is_looked_at_too(site, settings, doctor):
    found = settings.EXTERNAL_STORAGE
    stores = {name: store for name, store in found["STORES"].items() if store["KIND"] == "local"}
    aliases = {
        "default": {**found["ALIASES"]["default"], "ACTIVE": "disk", "STORES": ["disk"]},
        "staticfiles": {"ACTIVE": "static-disk", "STORES": ["static-disk"]},
    }
    settings.EXTERNAL_STORAGE = {**found, "STORES": stores, "ALIASES": aliases}
    told = doctor()
    assert told["store.answers"] == "ok"
    assert "access.public" not in told
    site.media.rmdir()
    assert doctor()["store.answers"] == "ok"  # it is made with the first file
    Edition.objects.create(work=Work.objects.create(), title="Any", cover="covers/a.png")
    assert doctor()["store.answers"] == "failure"
