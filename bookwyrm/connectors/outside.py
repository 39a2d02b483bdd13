"""Ask every other catalogue at once, and wait for none of them longer than the reader would."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from .. import outbound
from ..books.isbn import isbn_13
from .catalogue import CatalogueTrouble, catalogue_of, covers_lead_to
from .covers import origin_of
from .models import Connector
from .records import OutsideResult

PATIENCE = 5.0

TOO_SLOW = _("This catalogue took too long to answer.")
OUT_OF_REACH = _("This catalogue cannot be reached from here.")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What one catalogue said: results, or the *problem* it had in the reader's language."""

    connector: Connector
    results: Sequence[OutsideResult] = field(default=())
    problem: str = ""


def ask(question: str, patience: float = PATIENCE) -> list[Answer]:
    """Ask all active catalogues for *question* side by side; answer within *patience* seconds, in their order.

    One that is slow or broken is answered with its problem, and neither delays nor hides the others.
    """
    connectors = list(Connector.objects.filter(active=True).exclude(connector_file=Connector.File.SELF))
    if not connectors or not question:
        return []
    language = translation.get_language()
    pool = ThreadPoolExecutor(max_workers=len(connectors), thread_name_prefix="catalogue")
    asked = {pool.submit(_ask_one, connector, question, patience, language): connector for connector in connectors}
    wait(asked, timeout=patience)
    # A thread that is still busy ends by itself: its requests were given the same time.
    pool.shutdown(wait=False, cancel_futures=True)
    return [_answer(future, connector) for future, connector in asked.items()]


def picture_origins(answers: Sequence[Answer]) -> list[str]:
    """The origins from which the covers of *answers* come, for the page's Content-Security-Policy."""
    origins: dict[str, None] = {}
    for answer in answers:
        covers = [origin for result in answer.results if result.cover and (origin := origin_of(result.cover))]
        origins |= dict.fromkeys(covers)
        if covers:
            origins |= dict.fromkeys(covers_lead_to(answer.connector))
    return list(origins)


def _ask_one(connector: Connector, question: str, seconds: float, language: str | None) -> Answer:
    with translation.override(language):
        try:
            catalogue = catalogue_of(connector, seconds)
            isbn = isbn_13(question)
            return Answer(connector, catalogue.with_isbn(isbn) if isbn else catalogue.search(question))
        except outbound.OutboundRefused:
            # Its address is the owner's business; the reader typed none.
            logger.warning("%s was not asked: its address is not public, or does not exist", connector.identifier)
            return Answer(connector, problem=str(OUT_OF_REACH))
        except (outbound.OutboundFailed, CatalogueTrouble) as trouble:
            return Answer(connector, problem=str(trouble))


def _answer(future: Future[Answer], connector: Connector) -> Answer:
    return future.result() if future.done() else Answer(connector, problem=str(TOO_SLOW))
