"""What is done about books in the background."""

from __future__ import annotations

import logging

from django.db import transaction
from django_tasks import task

from ..images import PictureRefused, sanitise
from ..images.fields import SanitisedFile, withdrawn_on_failure
from ..outbound import OutboundFailed, OutboundRefused, fetch
from .models import Edition

logger = logging.getLogger(__name__)


@task()
def fetch_cover(edition_pk: int, url: str, in_place_of: str) -> None:
    """Fetch a cover from *url* for an edition that still has the cover named *in_place_of* ("" for none).

    Whoever chose another cover meanwhile is not overruled. A cover that cannot be had leaves the edition as it is, and
    one line in the log.
    """
    if not Edition.objects.filter(pk=edition_pk, cover=in_place_of).exists():
        return
    try:
        picture = sanitise(fetch(url, accept="image/*").body)
    except (OutboundRefused, OutboundFailed, PictureRefused) as problem:
        logger.warning("No cover for edition %s: %s", edition_pk, problem)
        return
    _set_cover(edition_pk, SanitisedFile(picture), in_place_of)


def _set_cover(edition_pk: int, cover: SanitisedFile, in_place_of: str) -> None:
    with withdrawn_on_failure(), transaction.atomic():
        edition = Edition.objects.select_for_update().filter(pk=edition_pk, cover=in_place_of).first()
        if edition is None:
            return
        edition.cover = cover
        edition.save(update_fields=Edition._meta.get_field("cover").columns)
