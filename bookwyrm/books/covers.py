"""Get covers from the web, in the background, and tell whoever asked when it did not work."""

from __future__ import annotations

import logging

from django.db import transaction

from ..images import Picture, PictureRefused, sanitise
from ..images.fields import PictureNotStored, SanitisedFile, withdrawn_on_failure
from ..outbound import OutboundFailed, OutboundRefused, fetch
from ..people.models import User
from . import tasks
from .models import CoverRequest, Edition

logger = logging.getLogger(__name__)


def ask_for_cover(edition: Edition, url: str, asked_by: User | None) -> None:
    """Have the cover at *url* fetched once the transaction is committed. An earlier wish for the edition is void."""
    with transaction.atomic():
        edition.cover_requests.all().delete()
        in_place_of = Edition.objects.values_list("cover", flat=True).get(pk=edition.pk)
        wish = CoverRequest.objects.create(edition=edition, url=url, asked_by=asked_by, in_place_of=in_place_of)

    def enqueue() -> None:
        tasks.fetch_cover.enqueue(wish.pk)

    # Robust: a queue that is away costs the cover and a line in the log, not the book that is imported with it.
    transaction.on_commit(enqueue, robust=True)


def fulfil(wish_pk: int) -> None:
    """Fetch the cover of one wish. Whoever chose another cover meanwhile is not overruled."""
    wish = CoverRequest.objects.filter(pk=wish_pk, problem="").first()
    if wish is None:
        return
    try:
        _replace_cover(wish, sanitise(fetch(wish.url, accept="image/*").body))
    except (OutboundRefused, OutboundFailed) as problem:
        _note(wish, CoverRequest.Problem.NOT_FETCHED, problem)
    except PictureRefused as problem:
        _note(wish, CoverRequest.Problem.NO_PICTURE, problem)
    except PictureNotStored as problem:
        _note(wish, CoverRequest.Problem.NOT_STORED, problem)
    else:
        wish.delete()


def _replace_cover(wish: CoverRequest, picture: Picture) -> None:
    with withdrawn_on_failure(), transaction.atomic():
        edition = Edition.objects.select_for_update().filter(pk=wish.edition_id, cover=wish.in_place_of).first()
        if edition is not None:
            edition.cover = SanitisedFile(picture)
            edition.save(update_fields=Edition._meta.get_field("cover").columns)


def _note(wish: CoverRequest, what: CoverRequest.Problem, problem: Exception) -> None:
    logger.warning("No cover for edition %s: %s", wish.edition_id, problem)
    wish.problem = what
    wish.save(update_fields=["problem"])


def take_problems(edition: Edition, person: User) -> list[str]:
    """Return what went wrong with the covers that *person* asked for, each once."""
    failed = edition.cover_requests.filter(asked_by=person).exclude(problem="")
    told = [wish.get_problem_display() for wish in failed]
    if told:
        failed.delete()
    return told
