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
from ..stores import Store
from .access import CONNECTION_REMEDIES
from .asking import Answer, Ask, NoAnswer, ask
from .findings import Finding, Verdict, failure, ok, unknown, warning

LOOPBACK = ("localhost", "127.0.0.1", "::1")

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
        yield from _open("The store was not reached.", WITH_SIGNATURE[:-1])
        return
    signed = list(_with_signature(endpoint, store, ask))
    # What the store itself says of our clock, if it does, outweighs what we make of its Date.
    if not any(finding.id == "store.clock" for finding in signed):
        yield judge_clock(answer, time.time())
    yield from signed


def _before_signing(answer: Answer | NoAnswer, endpoint: Endpoint) -> Iterator[Finding]:
    if isinstance(answer, NoAnswer) and answer.reason == "name":
        remedy = f"Check {endpoint.setting('ENDPOINT_URL')} and {endpoint.setting('REGION')}."
        yield failure("store.name", answer.what, remedy)
        yield from _open("The store was not reached.", BEFORE_SIGNING[1:])
        return
    yield ok("store.name", f"{urlsplit(endpoint.url).hostname} leads to a machine.")
    if isinstance(answer, NoAnswer):
        yield _tls_without_answer(answer)
        yield from _open("The store was not reached.", BEFORE_SIGNING[2:])
        return
    yield _judge_tls(endpoint)
    yield judge_s3(answer, endpoint)


def _tls_without_answer(answer: NoAnswer) -> Finding:
    if answer.reason != "tls":
        return unknown("store.tls", "The store was not reached.")
    return failure(
        "store.tls", answer.what, "Let the store serve HTTPS with a certificate that this machine trusts, and no other."
    )


def _judge_tls(endpoint: Endpoint) -> Finding:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "https":
        return ok("store.tls", f"{parts.netloc} shows a certificate that can be trusted.")
    if parts.hostname in LOOPBACK:
        return ok("store.tls", "The store is on this machine; nothing crosses a network.")
    return warning(
        "store.tls",
        f"{endpoint.setting('ENDPOINT_URL')} is {endpoint.url}: files and signatures travel in the clear.",
        "Use the service's https address.",
    )


def judge_s3(answer: Answer, endpoint: Endpoint) -> Finding:
    """Judge by a stranger's answer whether an S3 store stands at the endpoint: they all speak XML, even to refuse."""
    if _S3_BODY.search(answer.body) or any(name.startswith("x-amz-") for name in answer.headers):
        return ok("store.s3", f"{endpoint.url} speaks S3.")
    if answer.status >= 500:
        return unknown("store.s3", f"{endpoint.url} answered {answer.status}.", "Ask again later.")
    kind = answer.headers.get("content-type", "nothing in particular").partition(";")[0]
    return failure(
        "store.s3",
        f"{endpoint.url} is no S3 store: it answered {answer.status} with {kind}.",
        f"{endpoint.setting('ENDPOINT_URL')} is the address of the S3 API alone, "
        "not of the service's web page or of the bucket.",
    )


def judge_clock(answer: Answer, now: float) -> Finding:
    """Judge by the answer's ``Date`` whether signatures made here are fresh there."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return unknown("store.clock", "The store did not tell the time.")
    ahead = now - theirs
    if abs(ahead) <= NOTICED_SKEW:
        return ok("store.clock", "This machine's clock and the store's agree.")
    way = f"{round(abs(ahead) / 60)} min {'ahead of' if ahead > 0 else 'behind'}"
    remedy = "Set the clock, best by NTP: timedatectl set-ntp true"
    if abs(ahead) > REFUSED_SKEW:
        return failure("store.clock", f"This machine's clock is {way} the store's.", remedy)
    return warning("store.clock", f"This machine's clock is {way} the store's; at 15 min it refuses us.", remedy)


def _unreachable(answer: NoAnswer, endpoint: Endpoint) -> Finding:
    if answer.reason in ("timeout", "broken"):
        return unknown("store.answers", answer.what, "Ask again later.")
    if answer.reason == "refused":
        where = f"Check {endpoint.setting('ENDPOINT_URL')}, its port, and that the store runs."
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
        yield ok("store.credentials", "The store accepts the access key.")
        yield ok("store.region", "The store accepts what is signed for the configured region.")
        yield ok("store.addressing", f"The store finds the name {endpoint.bucket!r} where we put it.")
        yield ok("store.bucket", f"{store.place} is there.")
        yield ok("permission.list", "The access key may list the bucket.")
        yield ok("store.answers", f"{store.place} answers this site.")


def _not_ours(endpoint: Endpoint, store: Store, refused: PermissionRefused) -> Iterator[Finding]:
    """The key is known and may not list: another owner's bucket answers just so."""
    yield ok("store.credentials", "The store accepts the access key.")
    yield ok("store.region", "The store accepts what is signed for the configured region.")
    yield ok("store.addressing", f"The store finds the name {endpoint.bucket!r} where we put it.")
    yield failure(
        "store.bucket",
        f"The bucket {endpoint.bucket!r} is not yours, or the access key may not list it.",
        f"Check {endpoint.setting('BUCKET')}; else give the key s3:ListBucket on it.",
    )
    yield unknown("permission.list", "Not known before store.bucket is mended.")
    yield failure("store.answers", refused.what, refused.remedy or "Let the access key list the bucket.")


def _refused(endpoint: Endpoint, problem: StorageError, ask: Ask) -> Iterator[Finding]:
    """Name the step that a refusal is about; whether those around it are well is not known before it is mended."""
    step = next((step for kind, step in _STEP_OF if isinstance(problem, kind)), "store.answers")
    found = failure(step, problem.what, problem.remedy or "Check the settings of this store.")
    if misnamed := _misnamed(endpoint, problem, ask):
        step, found = misnamed.id, misnamed
    elif step == "store.answers" and not isinstance(problem, StoreRefused):
        found = unknown(step, problem.what, problem.remedy or "Ask again later.")
    if step == "store.clock":
        yield found
    for each in WITH_SIGNATURE:
        yield found if each == step else unknown(each, f"Not known before {step} is mended.")


def _misnamed(endpoint: Endpoint, problem: StorageError, ask: Ask) -> Finding | None:
    """Return a failure if the bucket's name is twice in our requests, or in the host where only a path leads there."""
    if (right := endpoint.without_bucket) and isinstance(problem, ContainerMissing | ObjectMissing | StoreUnreachable):
        return failure(
            "store.addressing",
            f"{endpoint.setting('ENDPOINT_URL')} already holds the bucket's name {endpoint.bucket!r}, "
            "so the store looks for the bucket inside the bucket.",
            f"Set {endpoint.setting('ENDPOINT_URL')} to {right}",
        )
    if endpoint.addressing_style != "virtual" or not isinstance(problem, StoreUnreachable):
        return None
    by_path = ask("GET", f"{endpoint.url}/{endpoint.bucket}")
    if isinstance(by_path, NoAnswer) or judge_s3(by_path, endpoint).verdict is not Verdict.OK:
        return None
    host = f"{endpoint.bucket}.{urlsplit(endpoint.url).netloc}"
    return failure(
        "store.addressing",
        f"Nothing answers at {host}, where the addressing style 'virtual' leads; the store itself answers.",
        f"Set {endpoint.setting('ADDRESSING_STYLE')} to path.",
    )


def _open(why: str, identifiers: tuple[str, ...]) -> Iterator[Finding]:
    for identifier in identifiers:
        yield unknown(identifier, why)
