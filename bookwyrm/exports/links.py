"""Links to one archive that live a minute, for one person, in one session.

They lead to this site and never to a store: a store's own signed link would go on working for whoever got hold of it,
signed out or not. See ``docs/decisions/private-files.md``.
"""

from __future__ import annotations

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from .models import Export

SECONDS = 60

_SALT = "bookwyrm.exports.links"


class LinkExpired(Exception):
    """It was a good link, and is too old."""


class LinkWrong(Exception):
    """It is no link to this export, or not for whoever came with it."""


def link_to(export: Export, request: HttpRequest) -> str:
    """Return where the person who sent *request* finds the archive during the next minute."""
    token = _signer().sign(_meant_for(export, request))
    return reverse("export_download", args=[export.pk, token.replace(":", "~")])


def check(token: str, export: Export, request: HttpRequest) -> None:
    """Raise `LinkExpired` or `LinkWrong` unless *token* is of a link to *export* made for this session, just now."""
    try:
        meant_for = _signer().unsign(token.replace("~", ":"), max_age=SECONDS)
    except SignatureExpired as problem:
        raise LinkExpired from problem
    except BadSignature as problem:
        raise LinkWrong from problem
    if not constant_time_compare(meant_for, _meant_for(export, request)):
        raise LinkWrong


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=_SALT)


def _meant_for(export: Export, request: HttpRequest) -> str:
    """Return what stands for the export, its owner and this session; whoever signs out has another one afterwards."""
    whose = f"{export.pk}:{export.owner_id}:{request.session.session_key or ''}"
    return salted_hmac(_SALT, whose, algorithm="sha256").hexdigest()
