"""Find out what a stranger may do with a bucket, by trying it without credentials on probes that are ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import ObjectMissing, PermissionRefused, StorageError
from ..objects import Headers
from ..sentences import joined, say
from ..stores import BytesSource, Store
from .asking import Answer, Ask, NoAnswer, ask
from .bucket import ANY_ACCOUNT, EVERYBODY, Bucket, CallNotOffered
from .findings import Finding, Verdict, failure, gravest, ok, unknown, warning
from .preflight import PIXEL, judge_probe, probe_key, probe_object

PRIVATE_HEADERS = Headers("image/png", "no-store", public=False)


@dataclass(frozen=True, slots=True)
class Doors:
    """The addresses at which strangers meet a store: each ends with a slash.

    *public_url* is where visitors read the store's keys; *roots* are the addresses of the whole bucket, its own API's
    last; *custom* tells whether the first of them is a domain of the owner's.
    """

    public_url: str
    roots: tuple[str, ...]
    prefix: str
    custom: bool

    @property
    def api(self) -> str:
        return self.roots[-1]

    def of(self, key: str) -> str:
        """Return where the bucket's own address has *key* of this store."""
        return self.api + quote(self.prefix + key)


def examine_strangers(
    store: Store, bucket: Bucket, doors: Doors, acl: str | None, *, ask: Ask = ask
) -> Iterator[Finding]:
    """Store a probe, and try as a stranger to read it, to overwrite it and to delete it.

    | id                | tried without credentials                            | a failure means                      |
    | ----------------- | ---------------------------------------------------- | ------------------------------------ |
    | access.public     | GET the probe at the public URL                      | visitors see no pictures             |
    | domain.leads-here | the same at the custom domain, told from its cause   | the domain leads elsewhere           |
    | access.acl        | GET one object stored as public, and one as private  | the ACL is ignored, nothing opens it |
    | access.write      | PUT another object                                   | anybody may fill the bucket          |
    | access.delete     | DELETE the probe                                     | anybody may empty it                 |
    | access.private    | GET an object stored as private, outside the site's  | (a warning) all of it can be read    |
    | access.versions   | GET an object's old version after it was deleted     | deleted is not gone                  |
    | access.grants     | (asked with the key) the bucket's own ACL            | other people's keys may do something |
    """
    tried: list[Finding] = []
    with probe_object(store, tried) as key:
        yield from tried
        told = len(tried)
        if key:
            yield from _with_probe(store, doors, key, ask)
        else:
            for identifier in ("access.public", "access.delete"):
                yield unknown(identifier, say("No probe could be stored, so nobody could be asked for it."))
    yield from tried[told:]
    yield _examine_acl(bucket, doors, acl, ask)
    yield _examine_writing(bucket, doors, ask)
    yield _examine_privacy(store, bucket, doors, ask)
    yield _examine_versions(bucket, doors, ask)
    yield _examine_grants(bucket)


def _with_probe(store: Store, doors: Doors, key: str, ask: Ask) -> Iterator[Finding]:
    readable = judge_probe(doors.public_url, key, ask)
    yield readable
    if doors.custom:
        yield _judge_domain(readable, ask("GET", doors.of(key)), doors)
    yield _examine_deleting(store, doors, key, ask)


def _judge_domain(readable: Finding, at_the_api: Answer | NoAnswer, doors: Doors) -> Finding:
    """Tell a domain that leads elsewhere from a file that nobody may read: at the bucket's own address it shows."""
    domain = doors.roots[0]
    if readable.verdict is Verdict.OK:
        return ok("domain.leads-here", say("{domain} leads to this bucket.", domain=domain))
    if "bucket that does not exist" in readable.seen:
        return failure(
            "domain.leads-here",
            say(
                "{domain} leads to a bucket that does not exist; whoever makes one of that name owns "
                "what visitors see.",
                domain=domain,
            ),
            say("Remove the domain's DNS record now, or point it to this bucket."),
        )
    if isinstance(at_the_api, Answer) and at_the_api.status == 200:
        return failure(
            "domain.leads-here",
            say(
                "{domain} does not lead to this bucket: the probe is at {url}, and not there.",
                domain=domain,
                url=at_the_api.url,
            ),
            say("Point the domain's DNS record, or its CDN's origin, to this bucket."),
        )
    return unknown(
        "domain.leads-here",
        say("The probe was not readable at {domain}, and not at {api} either.", domain=domain, api=doors.api),
    )


def _examine_acl(bucket: Bucket, doors: Doors, acl: str | None, ask: Ask) -> Finding:
    """Store one object with the public ACL and one with the private one, and ask for both as a stranger."""
    if acl is None:
        return ok("access.acl", say("No ACL is sent: the bucket's policy decides who may read."))
    readable = {}
    try:
        for each in (acl, "private"):
            key = doors.prefix + probe_key()
            bucket.put(key, PIXEL, acl=each)
            try:
                readable[each] = ask("GET", doors.api + quote(key))
            finally:
                bucket.delete(key)
    except CallNotOffered:
        return ok("access.acl", say("The bucket refuses ACLs and gets none: its policy decides who may read."))
    except StorageError as problem:
        return unknown("access.acl", problem.what, problem.remedy)
    return _judge_acl(readable[acl], readable["private"], acl)


def _judge_acl(public: Answer | NoAnswer, private: Answer | NoAnswer, acl: str) -> Finding:
    """Judge what a stranger got of an object with the ACL *acl*, and of one with ``private``.

    ============  =============  ===============  ========================================
    with *acl*    with private   verdict          the sentence says
    ============  =============  ===============  ========================================
    200           401, 403, 404  ok               honoured
    200           200            ok               the policy opens both
    401, 403      any            failure          ignored, and nothing else opens the file
    other         any            could not tell   what was answered
    ============  =============  ===============  ========================================
    """
    for answer in (public, private):
        if isinstance(answer, NoAnswer):
            return unknown("access.acl", answer.what)
    if public.status in (401, 403):
        return failure(
            "access.acl",
            say(
                "The store takes the ACL {acl} and ignores it: strangers get {status}.",
                acl=acl,
                status=public.status,
            ),
            say("Run storage_access apply: the bucket's policy has to open the site's files."),
        )
    if public.status != 200:
        return unknown(
            "access.acl", say("{url} answered {status}.", url=public.url, status=public.status), say("Ask again later.")
        )
    if private.status == 200:
        return ok("access.acl", say("ACLs play no part here: the bucket's policy opens the site's files."))
    return ok("access.acl", say("The store honours each object's ACL."))


def _examine_deleting(store: Store, doors: Doors, key: str, ask: Ask) -> Finding:
    answer = ask("DELETE", doors.of(key))
    if isinstance(answer, NoAnswer):
        return unknown("access.delete", answer.what)
    try:
        store.describe(key)
    except ObjectMissing:
        return failure(
            "access.delete",
            say(
                "Anybody may delete files of this bucket: a stranger's DELETE of {url} was carried out.",
                url=answer.url,
            ),
            say(
                "Take s3:DeleteObject and s3:* for everybody from the bucket's policy, and "
                "public-read-write from its ACL."
            ),
        )
    except StorageError as problem:
        return unknown("access.delete", problem.what, problem.remedy)
    if answer.status >= 500:
        return unknown(
            "access.delete",
            say("{url} answered {status}.", url=answer.url, status=answer.status),
            say("Ask again later."),
        )
    return ok("access.delete", say("A stranger's DELETE is refused."))


def _examine_writing(bucket: Bucket, doors: Doors, ask: Ask) -> Finding:
    key = doors.prefix + probe_key()
    answer = ask("PUT", doors.api + quote(key), {"Content-Type": "image/png"}, PIXEL)
    if isinstance(answer, NoAnswer):
        return unknown("access.write", answer.what)
    if answer.status < 300:
        bucket.delete(key)
        return failure(
            "access.write",
            say(
                "Anybody may write to this bucket: a stranger's PUT was answered with {status}.",
                status=answer.status,
            ),
            say(
                "Take s3:PutObject and s3:* for everybody from the bucket's policy, and public-read-write from its ACL."
            ),
        )
    if answer.status >= 500:
        return unknown(
            "access.write",
            say("{url} answered {status}.", url=answer.url, status=answer.status),
            say("Ask again later."),
        )
    return ok("access.write", say("A stranger's PUT is refused."))


def _examine_privacy(store: Store, bucket: Bucket, doors: Doors, ask: Ask) -> Finding:
    """Ask as a stranger for an object that nothing makes public: one outside all that the site keeps there."""
    key = probe_key()
    try:
        bucket.put(key, PIXEL)
    except PermissionRefused:
        return ok("access.private", say("The access key may store nothing outside the site's own files."))
    except StorageError as problem:
        return unknown("access.private", problem.what, problem.remedy)
    try:
        answers = [_judge_privacy(ask("GET", root + quote(key))) for root in doors.roots]
    finally:
        bucket.delete(key)
    return gravest(answers)


def _judge_privacy(answer: Answer | NoAnswer) -> Finding:
    if isinstance(answer, NoAnswer):
        return unknown("access.private", answer.what)
    if answer.status == 200 and answer.body == PIXEL:
        return warning(
            "access.private",
            say(
                "Everything in this bucket can be read by whoever knows its name, as was {url}.",
                url=answer.url,
            ),
            say("Keep nothing else in it; or let the policy name the site's files alone (storage_access apply)."),
        )
    if answer.status >= 500:
        return unknown(
            "access.private",
            say("{url} answered {status}.", url=answer.url, status=answer.status),
            say("Ask again later."),
        )
    return ok("access.private", say("What is not meant for strangers is kept from them."))


def _examine_versions(bucket: Bucket, doors: Doors, ask: Ask) -> Finding:
    """Store and delete an object, and ask for its old version."""
    key = doors.prefix + probe_key()
    try:
        version = bucket.put(key, PIXEL, acl="public-read").version
    except StorageError:
        try:
            version = bucket.put(key, PIXEL).version
        except StorageError as problem:
            return unknown("access.versions", problem.what, problem.remedy)
    mark = bucket.delete(key)
    if version is None:
        return ok("access.versions", say("The bucket keeps no old versions: what is deleted is gone."))
    try:
        answer = ask("GET", f"{doors.api}{quote(key)}?versionId={quote(version)}")
    finally:
        for each in filter(None, (version, mark)):
            bucket.delete(key, each)
    return _judge_version(answer)


def _judge_version(answer: Answer | NoAnswer) -> Finding:
    if isinstance(answer, NoAnswer):
        return unknown("access.versions", answer.what)
    remedy = say("Switch versioning off, or add a lifecycle rule that removes old versions after some days.")
    if answer.status == 200:
        return failure(
            "access.versions",
            say("The bucket keeps old versions, and a stranger who knows its id can read a deleted file."),
            remedy,
        )
    if answer.status >= 500:
        return unknown(
            "access.versions",
            say("{url} answered {status}.", url=answer.url, status=answer.status),
            say("Ask again later."),
        )
    return warning(
        "access.versions", say("The bucket keeps what is deleted, as old versions; strangers do not get them."), remedy
    )


def _examine_grants(bucket: Bucket) -> Finding:
    try:
        grants = bucket.grants()
    except CallNotOffered:
        return ok("access.grants", say("This service has no ACL for a bucket."))
    except StorageError as problem:
        return unknown(
            "access.grants", say("The bucket's ACL could not be read: {what}", what=problem.what), problem.remedy
        )
    called = {EVERYBODY: say("everybody"), ANY_ACCOUNT: say("everybody with an account at this service")}
    given = [
        say("{who} {permission}", who=called[who], permission=permission) for who, permission in grants if who in called
    ]
    if given:
        return failure(
            "access.grants",
            say("The bucket's own ACL gives {given}.", given=joined(given)),
            say("Set the bucket's ACL to private; what makes the site's files public is their own ACL or the policy."),
        )
    return ok("access.grants", say("The bucket's own ACL gives nothing to strangers."))


def examine_private_store(store: Store, public_urls: tuple[str, ...], *, ask: Ask = ask) -> Finding:
    """Store a probe as private, and ask for it, and for a list, as a stranger at each of the store's addresses."""
    key = probe_key()
    try:
        store.put(key, BytesSource(key, PIXEL), PRIVATE_HEADERS)
        try:
            answers = [_judge_secret(ask("GET", url + quote(key))) for url in public_urls]
        finally:
            store.delete([key])
    except StorageError as problem:
        return unknown("exports.private", problem.what, problem.remedy)
    return gravest(answers)


def _judge_secret(answer: Answer | NoAnswer) -> Finding:
    if isinstance(answer, NoAnswer):
        return unknown("exports.private", answer.what)
    if answer.status < 400:
        return failure(
            "exports.private",
            say(
                "A stranger can read private files: {url} answered {status}.",
                url=answer.url,
                status=answer.status,
            ),
            say("Close this bucket to the public (on Amazon: Block public access); nothing in it is for strangers."),
        )
    if answer.status >= 500:
        return unknown(
            "exports.private",
            say("{url} answered {status}.", url=answer.url, status=answer.status),
            say("Ask again later."),
        )
    return ok("exports.private", say("A stranger can read no private file."))
