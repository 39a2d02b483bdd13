"""What the doctor looks at on this site, and in which order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks as system_checks
from django.core.files.base import ContentFile
from django.core.management import get_commands
from django.db import DatabaseError

from ..errors import ObjectMissing, SettingsError, StorageError
from ..health import doctor, inventory, pages, qualities, reaching, servers, strangers
from ..health.asking import Answer, Ask, NoAnswer, ask
from ..health.findings import Finding, Verdict, failure, gravest, not_known_before, ok, unknown, warning
from ..health.preflight import PIXEL, PROBE_HEADERS, PROBES, probe_key, sweep_probes
from ..objects import Headers, HoldBack
from ..providers import addresses
from ..sentences import joined, say
from ..stores import Store
from ..stores.retrying import RetryingStore
from . import checks, conf, live, privacy, publishing, sending
from .bucket_api import BucketApi, cors_rules_if_seen
from .callers_of_path import callers_of_path
from .own_page import NO_SUCH_PAGE, headers_of_a_page
from .references import referenced_keys, references_in_order
from .staticfiles import StaticStorage
from .uploads import Upload

FONTS = (".woff2", ".woff", ".ttf", ".otf")
GUIDES_SAMPLE = "images/logo-small.png"
"""The static file that the operators' guide asks for by hand."""

FOR_VISITORS = {"access.public", "access.acl", "domain.leads-here"}
"""What matters only where visitors ask the store themselves."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The stores to look at: the one in use; while that is a folder here, the bucket if one is configured.

    *static* is None on a site that keeps its static files in another way.
    """

    alias: str
    static_alias: str
    media: conf.StoreSettings
    static: conf.StoreSettings | None
    static_in_use: bool
    origins: tuple[str, ...]

    @property
    def is_bucket(self) -> bool:
        return isinstance(self.media, conf.BucketSettings)

    @property
    def store(self) -> Store:
        return RetryingStore(conf.store_named(self.media.name))

    @property
    def static_is_beside_media(self) -> bool:
        """Whether the static files are in the same bucket, so that they are out of reach together."""
        both = (self.media, self.static)
        return all(isinstance(each, conf.BucketSettings) for each in both) and checks.same_bucket(*both)

    @property
    def media_in_use(self) -> bool:
        return conf.alias_named(self.alias).active == self.media.name

    @property
    def is_served_by_the_site(self) -> bool:
        """Whether the owner wants it so that no visitor ever asks the store."""
        return conf.configured_alias(self.alias).serving == conf.PROXY

    @property
    def media_url(self) -> str:
        """Where visitors read the media: from the store, or from the site where they have no way to the store."""
        linked = "" if self.is_served_by_the_site else self.media.public_url
        return self._whole(linked or conf.served_at(self.alias))

    @property
    def static_url(self) -> str:
        """The same for the static files of a site that has them in a store."""
        return self._whole(self.static.public_url or conf.served_at(self.static_alias)) if self.static else ""

    def _whole(self, url: str) -> str:
        """Return *url* with the site's address before it where it is only a path."""
        return urljoin(f"{self.origins[0]}/", url)

    @property
    def has_no_folder_yet(self) -> bool:
        """Whether the folder waits for its first file. One that the database refers into is not there, and missed."""
        if not self.media.is_on_this_machine or self.media.root.exists():
            return False
        try:
            return next(referenced_keys(self.alias), None) is None
        except DatabaseError:
            return False  # a site that was never started has no tables, and nobody to tell what is in them

    @property
    def curl_line(self) -> str:
        if self.static is None or not self.is_bucket:
            return ""
        return doctor.curl_line(self.static.public_url + GUIDES_SAMPLE, self.origins[0])

    @property
    def why_not_http(self) -> str:
        return doctor.why_not_http(self.origins[0]) if self.origins[0].startswith("https://") else ""


def subject_of(alias: str, static_alias: str) -> Subject:
    """Return what there is to check. Raise `SettingsError` if the settings do not say where the site itself is."""
    origins = conf.configuration().site_origins
    if not origins:
        setting = f'{conf.SETTING}["SITE_ORIGINS"]'
        raise SettingsError(
            say("{setting} is not set.", setting=setting),
            setting=setting,
            remedy=say("Name the origins the site is read at."),
        )
    known = static_alias in conf.configuration().aliases
    media = _worth_looking_at(alias)
    static = _static_beside(media, static_alias) if known else None
    return Subject(
        alias=alias,
        static_alias=static_alias,
        media=media,
        static=static,
        static_in_use=static is not None and conf.alias_named(static_alias).active == static.name,
        origins=origins,
    )


def examine(subject: Subject, *, quick: bool = False, ask: Ask = ask) -> Iterator[Finding]:
    """Yield every finding, the ones that explain the others first; *quick* leaves out what reads whole listings."""
    yield _examine_settings()
    yield _examine_code(subject)
    yield from _examine_secrets(subject, ask)
    in_the_way = yield from _examine_way(subject, ask)
    reached = not in_the_way
    yield doctor.examine_scheme(subject.media_url, subject.origins[0])
    yield from _examine_pages(subject, ask)
    if isinstance(subject.media, conf.BucketSettings) and reached:
        yield from _examine_bucket(subject, subject.media, ask)
    if reached:
        yield from _examine_pictures(subject, ask)
    else:
        yield not_known_before(in_the_way, "media.picture")
    if subject.static is not None and (reached or not subject.static_is_beside_media):
        yield from _examine_static(subject, subject.static, ask)
    elif subject.static is not None:
        for identifier in ("static.font", "static.manifest", "cors.font"):
            yield not_known_before(in_the_way, identifier)
    if isinstance(subject.media, conf.BucketSettings):
        yield doctor.examine_listing(_roots(subject.media), ask=ask)
    if reached and not quick:
        yield from _examine_files(subject)
    for alias in conf.configuration().aliases.values():
        if alias.private:
            yield from _examine_private_alias(alias, ask)


# The settings and the code, without asking anybody


def _examine_settings() -> Finding:
    wrong = checks.settings_are_sound(None)
    if not wrong:
        return ok("settings.sound", say("The settings agree with each other."))
    seen = joined((each.msg for each in wrong), " ")
    remedy = joined((each.hint or "" for each in wrong), " ")
    is_grave = any(each.level >= system_checks.ERROR for each in wrong)
    return (failure if is_grave else warning)("settings.sound", seen, remedy)


def _examine_code(subject: Subject) -> Finding:
    found = ", ".join(callers_of_path(subject.alias))
    if not found:
        return ok("code.path", say("No code of the site asks a file for its path on the disk."))
    return warning(
        "code.path",
        say("A file in a bucket has no path on the disk, and this code asks for one: {places}.", places=found),
        say("Let it read the file with open() instead."),
    )


def _examine_secrets(subject: Subject, ask: Ask) -> Iterator[Finding]:
    """Look at who may read the files that hold secrets on this machine, and ask for their names as a stranger."""
    paths = [path for path in conf.configuration().secret_files if path.exists()]
    if not paths:
        return
    open_to_others = list(filter(checks.readable_by_others, paths))
    if open_to_others:
        named = ", ".join(map(str, open_to_others))
        yield warning(
            "secrets.file",
            say("Other users of this machine can read {named}.", named=named),
            say("Run: chmod 600 {named} (or storage_doctor --fix)", named=named),
        )
    else:
        yield ok("secrets.file", say("Only its owner can read the file that holds the secrets."))
    yield _examine_published_secrets(subject, paths, ask)


def _examine_published_secrets(subject: Subject, paths: list[Path], ask: Ask) -> Finding:
    described = [store for store in (subject.media, subject.static) if store is not None]
    folders = [store.root for store in conf.configuration().stores.values() if isinstance(store, conf.LocalSettings)]
    folders += [Path(settings.STATIC_ROOT)] if settings.STATIC_ROOT else []
    for path, folder in itertools.product(paths, folders):
        if (folder / path.name).exists() or path.resolve().is_relative_to(folder.resolve()):
            return failure(
                "secrets.published",
                say("{name} lies in {folder}, from which visitors are served.", name=path.name, folder=folder),
                say("Move it out of that folder, and replace every secret in it: somebody may have read it."),
            )
    unheard = None
    for store, path in itertools.product(described, paths):
        if not urlsplit(store.public_url).netloc or store.public_url.startswith(subject.origins[0]):
            continue  # the site's own address: its folders were looked at
        answer = ask("GET", store.public_url + quote(path.name))
        if isinstance(answer, Answer) and answer.status == 200:
            return failure(
                "secrets.published",
                say("Anybody can read {url}.", url=answer.url),
                say("Delete it there, and replace every secret in it: somebody may have read it."),
            )
        unheard = unheard or (answer if isinstance(answer, NoAnswer) else None)
    if unheard:
        return unknown("secrets.published", unheard.what)
    return ok("secrets.published", say("No stranger gets the file that holds the secrets."))


# The store


def endpoint_of(bucket: conf.BucketSettings) -> reaching.Endpoint:
    """Return where the bucket's API is, with the owner's words for the settings."""
    amazon = f"https://s3.{bucket.region or addresses.NO_REGION}.amazonaws.com"
    url = (bucket.endpoint_url or amazon).rstrip("/")
    return reaching.Endpoint(url, bucket.bucket, bucket.addressing_style, dict(conf.configuration().configured_by))


def _examine_way(subject: Subject, ask: Ask) -> Generator[Finding, None, str]:
    """Yield what is found on the way to the store; return the step that is to be mended first, "" if it answers."""
    if isinstance(subject.media, conf.BucketSettings):
        found = list(reaching.examine_way(endpoint_of(subject.media), subject.store, ask=ask))
    elif isinstance(subject.media, conf.SftpSettings):
        found = list(servers.examine_server(subject.store))
    else:
        found = [_examine_whether_it_answers(subject)]
    yield from found
    return "" if found[-1].verdict is Verdict.OK else gravest(found).id


def _examine_whether_it_answers(subject: Subject) -> Finding:
    if subject.has_no_folder_yet:
        seen = say("{place} is not there yet; it is made with the first file.", place=subject.store.place)
        return ok("store.answers", seen)
    try:
        next(iter(subject.store.list()), None)
    except StorageError as problem:
        return failure(
            "store.answers", problem.what, problem.remedy or say("Check that it is there, and its settings.")
        )
    if subject.media.is_on_this_machine and not os.access(subject.media.root, os.W_OK):
        return failure(
            "store.answers",
            say("This user may not write to {root}.", root=subject.media.root),
            say("Give the folder to the user that the site runs as."),
        )
    return ok("store.answers", say("{place} answers this site.", place=subject.store.place))


def _examine_bucket(subject: Subject, bucket: conf.BucketSettings, ask: Ask) -> Iterator[Finding]:
    """Try on probes what the key and what strangers may do, and what the store is like."""
    asked: list[tuple[tuple[str, ...], Callable[[], Iterator[Finding]]]] = [
        (
            ("access.public", "access.write", "access.delete", "access.private", "access.versions", "access.grants"),
            lambda: strangers.examine_strangers(
                subject.store, BucketApi(bucket), doors_of(bucket), bucket.acl, ask=ask
            ),
        ),
        (
            ("permission.multipart", "store.conditions", "store.unfinished"),
            lambda: qualities.examine_qualities(BucketApi(bucket), bucket.prefix, acl=bucket.acl),
        ),
        (("store.verbatim",), lambda: iter([_examine_live_path(bucket)])),
    ]
    for identifiers, examine in asked:
        told: set[str] = set()
        try:
            for finding in examine():
                told.add(finding.id)
                if finding.verdict is Verdict.OK or not (subject.is_served_by_the_site and finding.id in FOR_VISITORS):
                    yield finding
        except StorageError as problem:
            for identifier in (each for each in identifiers if each not in told):
                yield unknown(identifier, problem.what, problem.remedy)
    _tidy(subject, bucket)


def _tidy(subject: Subject, bucket: conf.BucketSettings) -> None:
    """Remove what probes leave: those of killed processes, and in a bucket that keeps versions, those of ours."""
    # Tidiness is no question that anybody asked: where the key may not, it stays.
    with suppress(StorageError):
        sweep_probes(subject.store)
    with suppress(StorageError):
        for prefix in {bucket.prefix, ""}:
            BucketApi(bucket).forget_versions(f"{prefix}{PROBES}")


def doors_of(bucket: conf.BucketSettings) -> strangers.Doors:
    """Return the addresses at which strangers meet the bucket."""
    return strangers.Doors(bucket.public_url, tuple(_roots(bucket)), bucket.prefix, _has_own_domain(bucket))


def _examine_live_path(bucket: conf.BucketSettings) -> Finding:
    """Store a file as an upload is stored, and read it back: some stores keep the framing of a checksum in it."""
    name, storage = probe_key(), live.storage_named(bucket.name)
    try:
        with Upload.of(name, ContentFile(PIXEL)) as upload:
            storage.put(name, upload, PROBE_HEADERS, replace=True)
        try:
            with storage.open(name, "rb") as stored:
                kept = stored.read()
        finally:
            storage.delete(name)
    except (StorageError, FileNotFoundError) as problem:
        what = problem.what if isinstance(problem, StorageError) else say("What was stored was not there afterwards.")
        return unknown("store.verbatim", what)
    if kept == PIXEL:
        return ok("store.verbatim", say("The store keeps exactly the bytes it was sent."))
    if PIXEL in kept:
        return failure(
            "store.verbatim",
            say(
                "The store keeps the framing of a checksum in the file: {count} bytes instead of {sent}.",
                count=len(kept),
                sent=len(PIXEL),
            ),
            say(
                "Something between here and the store adds a checksum trailer. Set "
                "AWS_REQUEST_CHECKSUM_CALCULATION to when_required, and look at proxies on the way."
            ),
        )
    return failure(
        "store.verbatim",
        say(
            "The store gave back other bytes than it was sent ({count} instead of {sent}).",
            count=len(kept),
            sent=len(PIXEL),
        ),
        say("Do not entrust files to it before its operator explains this."),
    )


# What visitors get


def _examine_pages(subject: Subject, ask: Ask) -> Iterator[Finding]:
    """Ask for a page as a visitor does: what a proxy adds to its headers, or takes away, is seen nowhere else."""
    # What matters is what pages name now; a bucket that waits for its day is in no page.
    media = conf.public_url_in_use(subject.alias)
    static = conf.public_url_in_use("staticfiles") if subject.static is not None else None
    files = pages.Files(subject.origins[0], media, static)
    answer = _page_for_a_visitor(subject.origins[0], ask)
    if isinstance(answer, Answer):
        yield from _judge_pages(answer.headers, files)
        return
    for found in _judge_pages(headers_of_a_page(subject.origins[0]), files):
        # What is wrong at its source is wrong; what is right there may still be lost on the way.
        yield found if found.verdict is not Verdict.OK else _unseen_by_a_visitor(found.id, answer)


def _judge_pages(headers: Mapping[str, str], files: pages.Files) -> Iterator[Finding]:
    yield pages.judge_policy(headers.get("content-security-policy"), files)
    yield pages.judge_nosniff(headers)


def _page_for_a_visitor(site_origin: str, ask: Ask) -> Answer | str:
    """Return a page as visitors get it; or why none was seen. The first one may lead to where people sign in."""
    for path in ("/", NO_SUCH_PAGE):
        answer = ask("GET", site_origin + path)
        if isinstance(answer, NoAnswer):
            return answer.what
        if answer.status < 300 or 400 <= answer.status < 500:
            return answer
    return say("{url} answered {status}.", url=answer.url, status=answer.status)


def _unseen_by_a_visitor(identifier: str, why: str) -> Finding:
    # A warning: the question was answered for the site, and many a server cannot reach its own public name.
    return warning(
        identifier,
        say("{why} The site itself sends what it should; whether visitors get it could not be seen.", why=why),
        say("Check again once the site can be reached from here at its own address."),
    )


def _examine_pictures(subject: Subject, ask: Ask) -> Iterator[Finding]:
    """Fetch a picture of the site; where there is none yet in a bucket, the probe has shown what there is to see."""
    try:
        if wanted := min(referenced_keys(subject.alias), default=None):
            yield from _examine_picture(subject, subject.store, wanted, ask)
        elif not subject.is_bucket:
            yield unknown("media.picture", say("The site has no picture yet."), say("Upload one, then check again."))
    except StorageError as problem:
        yield unknown("media.picture", problem.what, problem.remedy)


def _examine_picture(subject: Subject, store: Store, wanted: str, ask: Ask) -> Iterator[Finding]:
    """Fetch a picture that rows refer to: one that the store holds, or else tell that it lacks the one *wanted*."""
    found = sending.samples(subject.alias, store, count=1)
    missing = None if found else doctor.examine_presence("media.picture", store, wanted)
    if missing:
        yield missing
    for info in found:
        sample = doctor.sample_at(subject.media_url, info, say("a picture"))
        sample = _as_published(sample, info.key, subject.alias)
        yield doctor.examine_sample("media.picture", sample, ask=ask)
        if sample.cache_control:
            yield doctor.examine_cache("media.cache", sample, ask=ask)


def _examine_static(subject: Subject, static: conf.StoreSettings, ask: Ask) -> Iterator[Finding]:
    if not subject.static_in_use:
        yield unknown(
            "static.font",
            say("The static files are not in {name!r} yet, because it is not in use.", name=static.name),
            say(
                "Set {setting} and run collectstatic, then check again.",
                setting=conf.configuration().known_as("ACTIVE"),
            ),
        )
        return
    font = _collected_font()
    if font is None:
        yield unknown(
            "static.font", say("No font was collected on this machine."), say("Run collectstatic, then check again.")
        )
    else:
        yield from _examine_font(subject, static, font, ask)
    yield from _examine_collection(static)


def _examine_font(subject: Subject, static: conf.StoreSettings, font: str, ask: Ask) -> Iterator[Finding]:
    published = _headers(publishing.static_files(font, None))
    sample = doctor.Sample(
        subject.static_url + quote(font), say("a font"), published.content_type, cache_control=published.cache_control
    )
    missing = doctor.examine_presence("static.font", RetryingStore(conf.store_named(static.name)), font)
    readable = missing or doctor.examine_sample("static.font", sample, ask=ask)
    yield readable
    if readable.verdict is not Verdict.OK:
        yield unknown("cors.font", say("The font could not be fetched at all, so nothing is known of CORS."))
        return
    if isinstance(static, conf.BucketSettings):
        yield doctor.examine_cache("static.cache", sample, ask=ask)
        rules = cors_rules_if_seen(static)
    else:
        rules = None
    yield from doctor.examine_cors(sample, subject.origins, rules, ask=ask)


def _examine_collection(static: conf.StoreSettings) -> Iterator[Finding]:
    """Compare the files that pages may name with those in the store, and those in the store with the code's."""
    if not isinstance(staticfiles_storage, StaticStorage):
        return
    store = RetryingStore(conf.store_named(static.name))
    try:
        held = {info.key for info in store.list()}
        yield inventory.judge_manifest(set(staticfiles_storage.hashed_files.values()), held, store.place)
        differs = _manifest_in(store) != (staticfiles_storage.read_manifest() or "")
        yield inventory.judge_staleness(_changed_since_collected(), manifest_differs=differs, place=store.place)
    except StorageError as problem:
        yield unknown("static.manifest", problem.what, problem.remedy)
        yield unknown("static.stale", problem.what, problem.remedy)


def _manifest_in(store: Store) -> str:
    try:
        with store.open(staticfiles_storage.manifest_name) as source:
            return source.read().decode("utf-8", "replace")
    except ObjectMissing:
        return ""


def _changed_since_collected() -> list[str]:
    """Return the names of static files whose content is not that of the collected file."""
    changed, seen = [], set()
    for finder in get_finders():
        for path, storage in finder.list(publishing.NEVER_PUBLISHED):
            name = str(Path(getattr(storage, "prefix", None) or "") / path)
            if name in seen:
                continue
            seen.add(name)
            if not staticfiles_storage.exists(name):
                changed.append(name)
                continue
            with storage.open(path) as now, staticfiles_storage.open(name) as collected:
                if now.read() != collected.read():
                    changed.append(name)
    return changed


# The files themselves


def _examine_files(subject: Subject) -> Iterator[Finding]:
    """Compare what the database refers to with what is in the store that it is about."""
    store = subject.store
    if not subject.media_in_use or subject.has_no_folder_yet:
        return
    try:
        counted = inventory.Inventory.made_of(_wanted(subject.alias), (info.key for info in store.list()))
    except StorageError as problem:
        for identifier in ("files.missing", "files.unreferenced", "files.thumbnails"):
            yield unknown(identifier, problem.what, problem.remedy)
        return
    yield inventory.judge_references(counted.missing, counted.referenced, store.place)
    yield inventory.judge_unreferenced(counted.unreferenced, store.place)
    remade_by = "rebuild_thumbnails" if "rebuild_thumbnails" in get_commands() else say("upload the pictures again.")
    yield inventory.judge_thumbnails(counted.missing_derived, store.place, remade_by=remade_by)


def _wanted(alias: str) -> Iterator[inventory.Wanted]:
    """Yield every key that the database has to do with, in key order."""
    for key, rows in itertools.groupby(references_in_order(alias), key=lambda reference: reference.key):
        is_referred_to = is_expected = False
        for row in rows:
            is_referred_to = is_referred_to or not row.made_from
            is_expected = is_expected or row.is_expected
        yield inventory.Wanted(key, is_referred_to, is_expected)


def _examine_private_alias(alias: conf.Alias, ask: Ask) -> Iterator[Finding]:
    """Look at the store of files that no stranger may read."""
    described = conf.store_settings(alias.active)
    if shared := privacy.not_apart(alias, conf.configuration()):
        yield failure("exports.separate", *shared)
    else:
        yield ok("exports.separate", say("The files of {name!r} have a place of their own.", name=alias.name))
    if isinstance(described, conf.BucketSettings):
        store = RetryingStore(conf.store_named(described.name))
        yield strangers.examine_private_store(store, _public_urls(described), ask=ask)
        listing = doctor.examine_listing(_roots(described), ask=ask)
        if listing.verdict is not Verdict.OK:
            yield Finding("exports.private", listing.verdict, listing.seen, listing.remedy)


# Small questions


def _worth_looking_at(alias: str) -> conf.StoreSettings:
    """Return the store in use. A folder here makes way for a bucket, which is to be sound before it is in use."""
    active = conf.store_settings(conf.alias_named(alias).active)
    if not active.is_on_this_machine:
        return active
    try:
        return sending.bucket_of(alias)
    except SettingsError:
        return active


def _static_beside(media: conf.StoreSettings, static_alias: str) -> conf.StoreSettings:
    """Return where the static files are to be looked at: no bucket in reserve while the media are in no bucket."""
    if isinstance(media, conf.BucketSettings):
        return _worth_looking_at(static_alias)
    return conf.store_settings(conf.alias_named(static_alias).active)


def _collected_font() -> str | None:
    """Return the hashed name of a font, from the manifest of the collected files."""
    hashed = getattr(staticfiles_storage, "hashed_files", {})
    return next((name for name in sorted(hashed.values()) if name.endswith(FONTS)), None)


def _as_published(sample: doctor.Sample, key: str, alias: str) -> doctor.Sample:
    """Return the sample with the headers the site's rule gives it, which are what it ought to be served with."""
    headers = _headers(conf.alias_named(alias).rule(key, None))
    return doctor.Sample(
        sample.url, sample.what, headers.content_type or sample.content_type, sample.size, headers.cache_control
    )


def _headers(answer: object) -> Headers:
    return Headers("") if isinstance(answer, HoldBack) else answer.headers


def _has_own_domain(bucket: conf.BucketSettings) -> bool:
    return _roots(bucket)[0] != _roots(bucket)[-1]


def _roots(bucket: conf.BucketSettings) -> list[str]:
    """Return the bucket's own addresses: the one visitors use, and the API's."""
    shared = {"region": bucket.region, "endpoint_url": bucket.endpoint_url, "use_https": bucket.use_https}
    own = addresses.public_url(bucket.bucket, **shared)
    if not bucket.custom_domain:
        return [own]
    return [addresses.public_url(bucket.bucket, custom_domain=bucket.custom_domain, **shared), own]


def _public_urls(bucket: conf.BucketSettings) -> tuple[str, ...]:
    """Return every address at which a stranger might find the store's keys."""
    return tuple(root + quote(bucket.prefix) for root in _roots(bucket))
