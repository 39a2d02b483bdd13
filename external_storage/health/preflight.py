"""Try on one probe object all that a site will do with a store, before anything is entrusted to it."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import PermissionRefused
from ..objects import Headers
from ..sentences import say
from ..stores import BytesSource, Store
from .access import judge_public
from .asking import Answer, Ask, ask
from .findings import Finding, Verdict, failure, ok, warning

# The smallest picture there is: one transparent pixel. It never stays, and nobody is told its name.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PROBE_HEADERS = Headers("image/png", "no-store", public=True)

PROBES = "storage-probe/"
"""Where probes are; what is found there is what a check left behind that was killed."""

VERBS = {"list": say("list"), "write": say("write"), "read": say("read"), "delete": say("delete")}

STALE_SECONDS = 3600.0
"""No check takes so long; a probe that is older was left behind."""

# A CDN or a store that is consistent only after a while may answer 404 once.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found, and whether the probe could be read by anybody: the last question, asked only if all is well.

    *public_url* is where strangers were found to read: the one asked about, or the same over https.
    """

    findings: list[Finding]
    public_url: str

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict in (Verdict.FAILURE, Verdict.UNKNOWN)]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict is Verdict.WARNING]

    @property
    def may_not(self) -> list[str]:
        """Return the verbs that the store refuses to these credentials."""
        return [finding.id.removeprefix("permission.") for finding in self.failures if "permission." in finding.id]


def preflight(store: Store, public_url: str, *, ask: Ask = ask, public: bool = True, write: bool = True) -> Preflight:
    """Try listing, writing, reading and deleting, and whether a stranger sees what was written as public.

    Raise `StoreRefused` or `TransientStoreError` if the store cannot be worked with at all. With ``write=False`` only
    the listing is tried (for a dry run); with ``public=False`` no stranger is asked.
    """
    findings = [_permission("list", lambda: next(iter(store.list()), None))]
    if write:
        with probe_object(store, findings) as key:
            if key and public:
                finding, public_url = _judge_probe_either_way(public_url, key, ask)
                findings.append(finding)
    return Preflight(findings, public_url)


@contextmanager
def probe_object(store: Store, findings: list[Finding]) -> Iterator[str | None]:
    """Store a public pixel for the length of the block and yield its key, None if it could not be stored."""
    key = probe_key()
    written = _permission("write", lambda: store.put(key, BytesSource(key, PIXEL), PROBE_HEADERS))
    findings.append(written)
    if written.verdict is not Verdict.OK:
        yield None
        return
    try:
        findings.append(_permission("read", lambda: _read_back(store, key)))
        yield key
    finally:
        findings.append(_permission("delete", lambda: _delete(store, key)))


def probe_key() -> str:
    """Return a name that nothing has and nobody guesses."""
    return f"{PROBES}{secrets.token_hex(16)}.png"


def sweep_probes(store: Store, *, older_than: float = STALE_SECONDS) -> int:
    """Remove the probes that a killed process left, and return how many. Those of one at work are younger."""
    stale = [info.key for info in store.list(PROBES) if time.time() - (info.modified or time.time()) > older_than]
    return sum(problem is None for problem in store.delete(stale).values()) if stale else 0


def judge_probe(public_url: str, key: str, ask: Ask) -> Finding:
    """Ask for the probe as a stranger, a second time if the first answer is not the probe."""
    url = public_url + quote(key)
    answer = ask("GET", url)
    if not (isinstance(answer, Answer) and answer.status == 200):
        time.sleep(PATIENCE_SECONDS)
        answer = ask("GET", url)
    finding = judge_public("access.public", answer, what=say("a picture stored as public"), content_type="image/png")
    if finding.verdict is Verdict.OK and isinstance(answer, Answer) and answer.body != PIXEL:
        return failure(
            "access.public",
            say("{url} answered with other bytes than were stored.", url=url),
            say(
                "The public address leads to another place than the bucket's, or something in between changes pictures."
            ),
        )
    return finding


def _judge_probe_either_way(public_url: str, key: str, ask: Ask) -> tuple[Finding, str]:
    """Judge the probe where links point now or, should that fail, where they will point over https.

    Files are copied before a site's owner says that visitors use https, and many domains answer nothing else.
    """
    finding = judge_probe(public_url, key, ask)
    if finding.verdict is Verdict.OK or not public_url.startswith("http://"):
        return finding, public_url
    over_https = public_url.replace("http://", "https://", 1)
    if judge_probe(over_https, key, ask).verdict is not Verdict.OK:
        return finding, public_url
    seen = say("What is stored as public can be read over https only, at {over_https}.", over_https=over_https)
    return warning(finding.id, seen, say("Set USE_HTTPS to true before the site uses this bucket.")), over_https


def _permission(verb: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except PermissionRefused as refused:
        return failure(
            f"permission.{verb}",
            say("The access key may not {verb}: {what}", verb=VERBS[verb], what=refused.what),
            refused.remedy,
        )
    return ok(f"permission.{verb}", say("The access key may {verb}.", verb=VERBS[verb]))


def _read_back(store: Store, key: str) -> None:
    store.describe(key)
    with store.open(key) as source:
        source.read()


def _delete(store: Store, key: str) -> None:
    problem = store.delete([key])[key]
    if problem is not None:
        raise PermissionRefused(problem.what, key=key, remedy=problem.remedy) from problem
