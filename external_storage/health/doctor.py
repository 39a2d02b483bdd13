"""Look at one public place from outside, as the visitors' browsers will, and find out what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ..errors import ObjectMissing, StorageError
from ..objects import ObjectInfo
from ..providers.addresses import origin
from ..sentences import say
from ..stores import Store
from . import cors
from .access import judge_listing, judge_public, where_it_may_be
from .asking import Ask, NoAnswer, ask
from .findings import Finding, failure, gravest, ok, unknown, warning

STRANGER = "https://stranger.example"
"""An origin that is nobody's (RFC 2606), to see whether strangers are allowed too."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One public file to look at: where it is, what to call it, and what is known of it."""

    url: str
    what: str
    content_type: str = ""
    size: int | None = None
    cache_control: str = ""


def sample_at(public_url: str, info: ObjectInfo, what: str) -> Sample:
    """Return the object as a sample at its public URL."""
    content_type = info.headers.content_type if info.headers else ""
    return Sample(public_url + quote(info.key), what, content_type, info.size)


def examine_presence(identifier: str, store: Store, key: str) -> Finding | None:
    """Return a failure if the store itself says that it lacks the object, None if it has it or will not say.

    A stranger who may not list a bucket is told 403 for what is not there (Amazon, Ceph), just as for what is private.
    """
    try:
        store.describe(key)
    except ObjectMissing:
        return failure(
            identifier,
            say("File missing: {key!r} is not in {place}.", key=key, place=store.place),
            where_it_may_be(identifier),
        )
    except StorageError:
        return None  # whatever this is, asking as a stranger does not depend on it
    return None


def examine_sample(identifier: str, sample: Sample, *, ask: Ask = ask) -> Finding:
    """Fetch the sample as a stranger."""
    answer = ask("GET", sample.url)
    return judge_public(identifier, answer, what=sample.what, content_type=sample.content_type, size=sample.size)


def examine_cache(identifier: str, sample: Sample, *, ask: Ask = ask) -> Finding:
    """Fetch the sample's headers, and compare how long browsers may keep it with how long they should."""
    answer = ask("HEAD", sample.url)
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if answer.status != 200:
        return unknown(
            identifier, say("{url} answered {status}.", url=sample.url, status=answer.status), say("Mend that first.")
        )
    found = answer.headers.get("cache-control", "")
    if _plain(found) != _plain(sample.cache_control):
        return warning(
            identifier,
            say(
                "{url} is served with the cache header {found!r} instead of {cache_control!r}.",
                url=sample.url,
                found=found,
                cache_control=sample.cache_control,
            ),
            say(
                "Run storage_verify with --fix-metadata; if nothing changes, something in between rewrites the header."
            ),
        )
    return ok(identifier, say("Browsers may keep {what} as long as they should.", what=sample.what))


def _plain(cache_control: str) -> set[str]:
    return {part.strip().lower() for part in cache_control.split(",") if part.strip()}


def examine_cors(
    sample: Sample, origins: Sequence[str], rules: Sequence[cors.Rule] | None = None, *, ask: Ask = ask
) -> Iterator[Finding]:
    """Ask for the sample as a page of the site's main origin does, and as a page of a stranger's does.

    *rules* are the bucket's, as far as they could be seen; they say why a page is not let in.

    | id              | request                       | what a failure means                              |
    | --------------- | ----------------------------- | ------------------------------------------------- |
    | cors.preflight  | OPTIONS, the site's origin    | the bucket has no rule for the site               |
    | cors.font       | GET, the site's origin        | browsers keep the fonts from the page             |
    | cors.strangers  | OPTIONS, a stranger's origin  | (a warning) the rule is wider than it need be     |
    | cors.methods    | OPTIONS for a DELETE          | (a warning) the same                              |
    """
    main = origins[0]
    if origin(sample.url) == main:
        yield ok("cors.font", say("Fonts come from the site's own address, where CORS plays no part."))
        return
    yield cors.judge_preflight("cors.preflight", ask("OPTIONS", sample.url, cors.preflight_headers(main)), main, rules)
    yield cors.judge_shared("cors.font", ask("GET", sample.url, {"Origin": main}), main, rules)
    stranger = ask("OPTIONS", sample.url, cors.preflight_headers(STRANGER))
    yield cors.judge_stranger("cors.strangers", stranger, STRANGER)
    deleting = ask("OPTIONS", sample.url, cors.preflight_headers(main, "DELETE"))
    yield cors.judge_methods("cors.methods", deleting, main)


def examine_listing(roots: Sequence[str], *, ask: Ask = ask) -> Finding:
    """Ask each public root of the bucket for a list of its objects; the worst answer counts."""
    answers = [judge_listing("access.listing", ask("GET", f"{root}?list-type=2&max-keys=1")) for root in roots]
    return gravest(answers)


def examine_scheme(public_url: str, site_origin: str) -> Finding:
    """Tell whether browsers will load files of *public_url* in pages of *site_origin* at all."""
    if urlsplit(site_origin).scheme == "https" and urlsplit(public_url).scheme == "http":
        return failure(
            "site.mixed-content",
            say(
                "The site is read over https, and its files would come over http from {origin}.",
                origin=origin(public_url),
            ),
            say("Give the bucket an address with https; browsers refuse or upgrade what comes without it."),
        )
    return ok("site.mixed-content", say("The files come over a connection as good as the site's own."))


def curl_line(sample_url: str, site_origin: str) -> str:
    """Return the command with which an owner asks the same question by hand."""
    return f"curl -i -X OPTIONS -H 'Origin: {site_origin}' -H 'Access-Control-Request-Method: GET' '{sample_url}'"


def why_not_http(site_origin: str) -> str:
    """Explain the one command of the guide that a rightly set up bucket answers with an error."""
    http = site_origin.replace("https://", "http://", 1)
    return say(
        "The guide's own curl line sends 'Origin: {http}'. The rule allows {site_origin} alone, so a bucket "
        "that is set up right refuses that line; only the answer to the https form below says anything.",
        http=http,
        site_origin=site_origin,
    )
