"""Follow the way to a store step by step, and say at which step it ends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ..errors import (
    ClockSkewed,
    ContainerMissing,
    CredentialsRefused,
    ObjectMissing,
    PermissionRefused,
    RegionWrong,
    StorageError,
    StoreRefused,
    StoreUnreachable,
)
from ..providers import addresses
from ..sentences import say
from ..stores import Store
from .access import CONNECTION_REMEDIES
from .asking import Answer, Ask, NoAnswer, ask
from .findings import Finding, Verdict, failure, not_known_before, ok, unknown, warning

# S3 refuses what was signed a quarter of an hour off: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
REFUSED_SKEW, NOTICED_SKEW = 15 * 60, 2 * 60

BEFORE_SIGNING = ("store.name", "store.tls", "store.s3", "store.clock")
WITH_SIGNATURE = (
    *("store.credentials", "store.region", "store.addressing", "store.bucket", "permission.list"),
    "store.answers",
)

_STEP_OF = (
    (ClockSkewed, "store.clock"),
    (CredentialsRefused, "store.credentials"),
    (RegionWrong, "store.region"),
    (ContainerMissing, "store.bucket"),
)
_S3_BODY = re.compile(rb"<(Error|ListAllMyBucketsResult|ListBucketResult)[\s>]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a bucket's API is, and how the bucket is named there; *known_as* words the settings as the owner does."""

    url: str
    bucket: str
    addressing_style: str
    known_as: Mapping[str, str]

    def setting(self, key: str) -> str:
        return self.known_as.get(key, key)

    @property
    def without_bucket(self) -> str | None:
        """The endpoint without the bucket's name, where it begins with it; None where it does not."""
        parts = urlsplit(self.url)
        prefix = f"{self.bucket}."
        return f"{parts.scheme}://{parts.netloc.removeprefix(prefix)}" if parts.netloc.startswith(prefix) else None


def examine_way(endpoint: Endpoint, store: Store, *, ask: Ask = ask) -> Iterator[Finding]:
    """Yield a finding for each step to the store; what lies behind a step that fails stays open.

    | id                | the step                                  | asked                        |
    | ----------------- | ----------------------------------------- | ---------------------------- |
    | store.name        | the endpoint's name leads to a machine    | as a stranger, at its root   |
    | store.tls         | it shows a certificate we trust           |                              |
    | store.s3          | what answers speaks S3                    |                              |
    | store.clock       | the clocks agree                          | its ``Date``                 |
    | store.credentials | the key is known and its secret right     | signed, a listing            |
    | store.region      | the bucket is in the region signed for    |                              |
    | store.addressing  | the bucket's name is where it is expected |                              |
    | store.bucket      | it exists and is ours                     |                              |
    | permission.list   | the key may list it                       |                              |
    | store.answers     | all that together                         |                              |
    """
    answer = ask("GET", f"{endpoint.url}/")
    yield from _before_signing(answer, endpoint)
    if isinstance(answer, NoAnswer):
        yield _unreachable(answer, endpoint)
        yield from _open(say("The store was not reached."), WITH_SIGNATURE[:-1])
        return
    signed = list(_with_signature(endpoint, store, ask))
    # What the store itself says of our clock, if it does, outweighs what we make of its Date.
    if not any(finding.id == "store.clock" for finding in signed):
        yield judge_clock(answer, time.time())
    yield from signed


def _before_signing(answer: Answer | NoAnswer, endpoint: Endpoint) -> Iterator[Finding]:
    if isinstance(answer, NoAnswer) and answer.reason == "name":
        remedy = say(
            "Check {endpoint_setting} and {region_setting}.",
            endpoint_setting=endpoint.setting("ENDPOINT_URL"),
            region_setting=endpoint.setting("REGION"),
        )
        yield failure("store.name", answer.what, remedy)
        yield from _open(say("The store was not reached."), BEFORE_SIGNING[1:])
        return
    yield ok("store.name", say("{hostname} leads to a machine.", hostname=urlsplit(endpoint.url).hostname))
    if isinstance(answer, NoAnswer):
        yield _tls_without_answer(answer)
        yield from _open(say("The store was not reached."), BEFORE_SIGNING[2:])
        return
    yield _judge_tls(endpoint)
    yield judge_s3(answer, endpoint)


def _tls_without_answer(answer: NoAnswer) -> Finding:
    if answer.reason != "tls":
        return unknown("store.tls", say("The store was not reached."))
    return failure(
        "store.tls",
        answer.what,
        say("Let the store serve HTTPS with a certificate that this machine trusts, and no other."),
    )


def _judge_tls(endpoint: Endpoint) -> Finding:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "https":
        return ok("store.tls", say("{netloc} shows a certificate that can be trusted.", netloc=parts.netloc))
    if not addresses.is_in_the_clear(endpoint.url):
        return ok("store.tls", say("The store is on this machine; nothing crosses a network."))
    return warning(
        "store.tls",
        say(
            "{endpoint_setting} is {url}: files and signatures travel in the clear.",
            endpoint_setting=endpoint.setting("ENDPOINT_URL"),
            url=endpoint.url,
        ),
        say("Use the service's https address."),
    )


def judge_s3(answer: Answer, endpoint: Endpoint) -> Finding:
    """Judge by a stranger's answer whether an S3 store stands at the endpoint: they all speak XML, even to refuse."""
    if _S3_BODY.search(answer.body) or any(name.startswith("x-amz-") for name in answer.headers):
        return ok("store.s3", say("{url} speaks S3.", url=endpoint.url))
    if answer.status >= 500:
        return unknown(
            "store.s3", say("{url} answered {status}.", url=endpoint.url, status=answer.status), say("Ask again later.")
        )
    kind = answer.headers.get("content-type", "").partition(";")[0] or say("nothing in particular")
    return failure(
        "store.s3",
        say(
            "{url} is no S3 store: it answered {status} with {kind}.",
            url=endpoint.url,
            status=answer.status,
            kind=kind,
        ),
        say(
            "{endpoint_setting} is the address of the S3 API alone, not of the service's web page or of the bucket.",
            endpoint_setting=endpoint.setting("ENDPOINT_URL"),
        ),
    )


def judge_clock(answer: Answer, now: float) -> Finding:
    """Judge by the answer's ``Date`` whether signatures made here are fresh there."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return unknown("store.clock", say("The store did not tell the time."))
    ahead = now - theirs
    if abs(ahead) <= NOTICED_SKEW:
        return ok("store.clock", say("This machine's clock and the store's agree."))
    minutes = round(abs(ahead) / 60)
    way = say("{minutes} min ahead of", minutes=minutes) if ahead > 0 else say("{minutes} min behind", minutes=minutes)
    remedy = say("Set the clock, best by NTP: timedatectl set-ntp true")
    if abs(ahead) > REFUSED_SKEW:
        return failure("store.clock", say("This machine's clock is {way} the store's.", way=way), remedy)
    return warning(
        "store.clock", say("This machine's clock is {way} the store's; at 15 min it refuses us.", way=way), remedy
    )


def _unreachable(answer: NoAnswer, endpoint: Endpoint) -> Finding:
    if answer.reason in ("timeout", "broken"):
        return unknown("store.answers", answer.what, say("Ask again later."))
    if answer.reason == "refused":
        where = say(
            "Check {endpoint_setting}, its port, and that the store runs.",
            endpoint_setting=endpoint.setting("ENDPOINT_URL"),
        )
        return failure("store.answers", answer.what, where)
    return failure("store.answers", answer.what, CONNECTION_REMEDIES[answer.reason])


def _with_signature(endpoint: Endpoint, store: Store, ask: Ask) -> Iterator[Finding]:
    try:
        next(iter(store.list()), None)
    except PermissionRefused as refused:
        yield from _not_ours(endpoint, store, refused)
    except StorageError as problem:
        yield from _refused(endpoint, problem, ask)
    else:
        yield ok("store.credentials", say("The store accepts the access key."))
        yield ok("store.region", say("The store accepts what is signed for the configured region."))
        yield ok(
            "store.addressing", say("The store finds the name {bucket!r} where we put it.", bucket=endpoint.bucket)
        )
        yield ok("store.bucket", say("{place} is there.", place=store.place))
        yield ok("permission.list", say("The access key may list the bucket."))
        yield ok("store.answers", say("{place} answers this site.", place=store.place))


def _not_ours(endpoint: Endpoint, store: Store, refused: PermissionRefused) -> Iterator[Finding]:
    """The key is known and may not list: another owner's bucket answers just so."""
    yield ok("store.credentials", say("The store accepts the access key."))
    yield ok("store.region", say("The store accepts what is signed for the configured region."))
    yield ok("store.addressing", say("The store finds the name {bucket!r} where we put it.", bucket=endpoint.bucket))
    yield failure(
        "store.bucket",
        say("The bucket {bucket!r} is not yours, or the access key may not list it.", bucket=endpoint.bucket),
        say(
            "Check {bucket_setting}; else give the key s3:ListBucket on it.",
            bucket_setting=endpoint.setting("BUCKET"),
        ),
    )
    yield not_known_before("store.bucket", "permission.list")
    yield failure("store.answers", refused.what, refused.remedy or say("Let the access key list the bucket."))


def _refused(endpoint: Endpoint, problem: StorageError, ask: Ask) -> Iterator[Finding]:
    """Name the step that a refusal is about; whether those around it are well is not known before it is mended."""
    step = next((step for kind, step in _STEP_OF if isinstance(problem, kind)), "store.answers")
    found = failure(step, problem.what, problem.remedy or say("Check the settings of this store."))
    if misnamed := _misnamed(endpoint, problem, ask):
        step, found = misnamed.id, misnamed
    elif step == "store.answers" and not isinstance(problem, StoreRefused):
        found = unknown(step, problem.what, problem.remedy or say("Ask again later."))
    if step == "store.clock":
        yield found
    for each in WITH_SIGNATURE:
        yield found if each == step else not_known_before(step, each)


def _misnamed(endpoint: Endpoint, problem: StorageError, ask: Ask) -> Finding | None:
    """Return a failure if the bucket's name is twice in our requests, or in the host where only a path leads there."""
    if (right := endpoint.without_bucket) and isinstance(problem, ContainerMissing | ObjectMissing | StoreUnreachable):
        return failure(
            "store.addressing",
            say(
                "{endpoint_setting} already holds the bucket's name {bucket!r}, so the store looks for "
                "the bucket inside the bucket.",
                endpoint_setting=endpoint.setting("ENDPOINT_URL"),
                bucket=endpoint.bucket,
            ),
            say(
                "Set {endpoint_setting} to {right}",
                endpoint_setting=endpoint.setting("ENDPOINT_URL"),
                right=right,
            ),
        )
    if endpoint.addressing_style != "virtual" or not isinstance(problem, StoreUnreachable):
        return None
    by_path = ask("GET", f"{endpoint.url}/{endpoint.bucket}")
    if isinstance(by_path, NoAnswer) or judge_s3(by_path, endpoint).verdict is not Verdict.OK:
        return None
    host = f"{endpoint.bucket}.{urlsplit(endpoint.url).netloc}"
    return failure(
        "store.addressing",
        say(
            "Nothing answers at {host}, where the addressing style 'virtual' leads; the store itself answers.",
            host=host,
        ),
        say("Set {addressing_setting} to path.", addressing_setting=endpoint.setting("ADDRESSING_STYLE")),
    )


def _open(why: str, identifiers: tuple[str, ...]) -> Iterator[Finding]:
    for identifier in identifiers:
        yield unknown(identifier, why)
