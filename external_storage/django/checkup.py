"""What ``check_storage`` looks at on this site, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from django.contrib.staticfiles.storage import staticfiles_storage

from ..errors import SettingsError, StorageError
from ..health import doctor
from ..health.asking import Ask, ask
from ..health.findings import Finding, Verdict, unknown
from ..health.preflight import judge_probe, probe_object
from ..objects import HoldBack
from ..providers import addresses
from ..stores import Store
from ..stores.retrying import RetryingStore
from . import conf, publishing, sending
from .references import referenced_keys

FONTS = (".woff2", ".woff", ".ttf", ".otf")
GUIDES_SAMPLE = "images/logo-small.png"
"""The static file that the operators' guide asks for by hand."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The stores to look at: the bucket where one is configured, in use or not; the local folder otherwise.

    *static* is None on a site that keeps its static files in another way.
    """

    alias: str
    media: conf.StoreSettings
    static: conf.StoreSettings | None
    static_in_use: bool
    origins: tuple[str, ...]

    @property
    def is_bucket(self) -> bool:
        return isinstance(self.media, conf.BucketSettings)

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
        raise SettingsError(f"{setting} is not set.", setting=setting, remedy="Name the origins the site is read at.")
    known = static_alias in conf.configuration().aliases
    static = _bucket_or_active(static_alias) if known else None
    return Subject(
        alias=alias,
        media=_bucket_or_active(alias),
        static=static,
        static_in_use=static is not None and conf.alias_named(static_alias).active == static.name,
        origins=origins,
    )


def examine(subject: Subject, *, ask: Ask = ask) -> Iterator[Finding]:
    """Yield every finding, the ones that explain the others first."""
    reachable = doctor.examine_store("store.answers", RetryingStore(conf.store_named(subject.media.name)))
    yield reachable
    yield doctor.examine_scheme(subject.media.public_url, subject.origins[0])
    if reachable.verdict is Verdict.OK:
        yield from _examine_pictures(subject, ask)
    else:
        yield unknown("media.picture", "The store itself does not answer, so no picture of it was asked for.")
    if subject.static is not None:
        yield from _examine_static(subject, subject.static, ask)
    if isinstance(subject.media, conf.BucketSettings):
        yield doctor.examine_listing(_roots(subject.media), ask=ask)


def _examine_pictures(subject: Subject, ask: Ask) -> Iterator[Finding]:
    """Fetch a picture of the site; where there is none yet in a bucket, a probe stored for the moment."""
    store = RetryingStore(conf.store_named(subject.media.name))
    try:
        if wanted := min(referenced_keys(subject.alias), default=None):
            yield from _examine_picture(subject, store, wanted, ask)
        elif subject.is_bucket:
            yield from _examine_probe(subject, store, ask)
        else:
            yield unknown("media.picture", "The site has no picture yet.", "Upload one, then check again.")
    except StorageError as problem:
        yield unknown("media.picture", problem.what, problem.remedy)


def _examine_picture(subject: Subject, store: Store, wanted: str, ask: Ask) -> Iterator[Finding]:
    """Fetch a picture that rows refer to: one that the store holds, or else tell that it lacks the one *wanted*."""
    found = sending.samples(subject.alias, store, count=1)
    missing = None if found else doctor.examine_presence("media.picture", store, wanted)
    if missing:
        yield missing
    for info in found:
        sample = doctor.sample_at(subject.media.public_url, info, "a picture")
        yield doctor.examine_sample("media.picture", _as_published(sample, info.key, subject.alias), ask=ask)


def _examine_probe(subject: Subject, store: Store, ask: Ask) -> list[Finding]:
    tried: list[Finding] = []
    with probe_object(store, tried) as key:
        if key:
            tried.append(judge_probe(subject.media.public_url, key, ask))
    return tried


def _examine_static(subject: Subject, static: conf.StoreSettings, ask: Ask) -> Iterator[Finding]:
    if not subject.static_in_use:
        yield unknown(
            "static.font",
            f"The static files are not in {static.name!r} yet, because it is not in use.",
            f"Set {conf.configuration().known_as('ACTIVE')} and run collectstatic, then check again.",
        )
        return
    font = _collected_font()
    if font is None:
        yield unknown("static.font", "No font was collected on this machine.", "Run collectstatic, then check again.")
        return
    sample = doctor.Sample(static.public_url + quote(font), "a font", publishing.content_type(font))
    missing = doctor.examine_presence("static.font", RetryingStore(conf.store_named(static.name)), font)
    readable = missing or doctor.examine_sample("static.font", sample, ask=ask)
    yield readable
    if readable.verdict is Verdict.OK:
        yield from doctor.examine_cors(sample, subject.origins, ask=ask)
    else:
        yield unknown("cors.font", "The font could not be fetched at all, so nothing is known of CORS.")


def _bucket_or_active(alias: str) -> conf.StoreSettings:
    try:
        return sending.bucket_of(alias)
    except SettingsError:
        return conf.store_settings(conf.alias_named(alias).active)


def _collected_font() -> str | None:
    """Return the hashed name of a font, from the manifest of the collected files."""
    hashed = getattr(staticfiles_storage, "hashed_files", {})
    return next((name for name in sorted(hashed.values()) if name.endswith(FONTS)), None)


def _as_published(sample: doctor.Sample, key: str, alias: str) -> doctor.Sample:
    """Return the sample with the type the site's rule gives it, which is what it ought to be served as."""
    answer = conf.alias_named(alias).rule(key, None)
    if isinstance(answer, HoldBack):
        return sample
    return doctor.Sample(sample.url, sample.what, answer.headers.content_type, sample.size)


def _roots(bucket: conf.BucketSettings) -> list[str]:
    """Return the bucket's own addresses: the one visitors use, and the API's."""
    shared = {"region": bucket.region, "endpoint_url": bucket.endpoint_url, "use_https": bucket.use_https}
    own = addresses.public_url(bucket.bucket, **shared)
    if not bucket.custom_domain:
        return [own]
    return [addresses.public_url(bucket.bucket, custom_domain=bucket.custom_domain, **shared), own]
