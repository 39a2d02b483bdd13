"""Name a place by a URL: ``file:///srv/images``, ``s3://bucket/images?endpoint=https://s3.fr-par.scw.cloud``.

A URL says where, never who: credentials come from elsewhere, because a command line can be read by every user of the
machine and stays in the shell's history. No message here repeats a URL, which may hold a secret all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import KeyRefused, SettingsError
from ..objects import check_key

EXAMPLES = "file:///srv/images or s3://bucket/images?endpoint=https://s3.example.com&region=eu-1"

_PARAMETERS = ("acl", "addressing", "credentials", "domain", "endpoint", "region")
_SECRET = re.compile(r"key|secret|token|passw|sign|auth|credential", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_REGION = re.compile(r"[A-Za-z0-9-]+")
_DOMAIN = re.compile(r"(https?://)?[A-Za-z0-9_.\[\]:-]+(/[A-Za-z0-9._~/-]*)?")


@dataclass(frozen=True, slots=True)
class FolderUrl:
    """A folder of this machine, by its absolute path."""

    root: str


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """A bucket, or the part of it under *prefix* ("" or with a final slash).

    *acl* is the ACL of public objects, None where none is to be sent; *domain* is where visitors read them, if that
    cannot be told from the endpoint; *credentials_of* names the configured store whose access key is to be used.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    acl: str | None = "public-read"
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    domain: str | None = None
    credentials_of: str | None = None


def is_url(text: str) -> bool:
    """Return whether *text* is meant as a URL and not as a name."""
    return "://" in text


def read_url(text: str) -> FolderUrl | BucketUrl:
    """Return the place that *text* means. Raise `SettingsError` if it means none, or holds what should be secret."""
    parts = _split(text)
    if parts.fragment or "#" in text:
        raise SettingsError("A place's URL has a '#'.", remedy="Write %23 if the name has one.")
    if parts.scheme == "file":
        return _folder(parts)
    if parts.scheme == "s3":
        return _bucket(parts)
    raise SettingsError(f"No place is known by a URL that begins with {parts.scheme}://.", remedy=_expected())


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError as error:
        raise SettingsError("This is no URL.", remedy=_expected()) from error


def _folder(parts: SplitResult) -> FolderUrl:
    if parts.netloc not in ("", "localhost"):
        raise SettingsError(
            "A file URL names a folder of this machine, with three slashes.", remedy="Write file:///srv/images."
        )
    if parts.query:
        raise SettingsError("A file URL takes no parameters.", remedy="Write %3F if the folder's name has a '?'.")
    root = unquote(parts.path)
    if not root.startswith("/") or "\0" in root:
        raise SettingsError("A file URL names an absolute path.", remedy="Write file:///srv/images.")
    return FolderUrl(root)


def _bucket(parts: SplitResult) -> BucketUrl:
    if "@" in parts.netloc:
        raise _secret_in_url("a user name or a password")
    if not _BUCKET.fullmatch(parts.netloc):
        raise SettingsError("An s3 URL names a bucket after s3://.", remedy=_expected())
    given = _parameters(parts.query)
    return BucketUrl(
        bucket=parts.netloc,
        prefix=_prefix(unquote(parts.path)),
        endpoint_url=_endpoint(given.get("endpoint")),
        region=_matching(given, "region", _REGION, "a region such as eu-west-1"),
        acl={"none": None}.get(acl := _one_of(given, "acl", ("public-read", "private", "none")), acl),
        addressing_style=_one_of(given, "addressing", ("auto", "path", "virtual")),
        domain=_matching(given, "domain", _DOMAIN, "a domain such as media.example.org"),
        credentials_of=given.get("credentials"),
    )


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            if _SECRET.search(name):
                raise _secret_in_url(f"the parameter {name!r}")
            raise SettingsError(
                f"The parameter {name!r} of an s3 URL means nothing.", remedy=f"Known: {', '.join(_PARAMETERS)}."
            )
        if name in given or not value:
            raise SettingsError(f"The parameter {name!r} of an s3 URL needs one value.", remedy=_expected())
        given[name] = value
    return given


def _prefix(path: str) -> str:
    prefix = path.strip("/")
    if not prefix:
        return ""
    try:
        return check_key(prefix) + "/"
    except KeyRefused as refused:
        raise SettingsError(f"The path of an s3 URL cannot be used: {refused.what}") from refused


def _endpoint(value: str | None) -> str | None:
    if value is None:
        return None
    parts = _split(value)
    if "@" in parts.netloc:
        raise _secret_in_url("a user name or a password in its endpoint")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SettingsError(
            "The endpoint of an s3 URL is not the address of an S3 API alone.",
            remedy="Write endpoint=https://s3.example.com, without the bucket.",
        )
    return value.rstrip("/")


def _matching(given: Mapping[str, str], name: str, pattern: re.Pattern[str], expected: str) -> str | None:
    value = given.get(name)
    if value is not None and not pattern.fullmatch(value):
        raise SettingsError(
            f"The parameter {name!r} of an s3 URL is not what it should be.", remedy=f"Give {expected}."
        )
    return value


def _one_of(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return what was chosen; the first where nothing was."""
    value = given.get(name, choices[0])
    if value not in choices:
        raise SettingsError(f"The parameter {name!r} of an s3 URL is not one of {', '.join(choices)}.")
    return value


def _secret_in_url(what: str) -> SettingsError:
    return SettingsError(
        f"The URL holds {what}, where every user of this machine can read it.",
        remedy="Take it out, and out of the shell's history. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead, "
        "or add credentials=NAME with the name of a configured store.",
    )


def _expected() -> str:
    return f"Expected: {EXAMPLES}."
