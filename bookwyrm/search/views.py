"""The search page, and the same answers as JSON for other sites."""

from __future__ import annotations

import math
from collections.abc import Iterable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..books.models import Author, Edition
from ..connectors import outside, self_connector
from ..connectors.covers import Covers
from ..connectors.models import Connector
from ..connectors.records import OutsideResult
from ..content_security import policy_with_pictures_from
from ..site.limits import seconds_to_wait
from . import shapes
from .finding import Results

ON_A_PAGE = 20
LONGEST_QUESTION = 200
QUESTIONS_OUTSIDE = (60, 300)
"""So many questions in so many seconds may one person put to other catalogues through us."""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    question = request.GET.get("q", "").strip()[:LONGEST_QUESTION]
    page = Paginator(Results(question), ON_A_PAGE).get_page(request.GET.get("page"))
    covers = Covers(Connector.own())
    covers.place(page.object_list)
    may_search_outside = request.user.is_authenticated
    asked_outside = may_search_outside and request.GET.get("outside") == "1" and _may_ask_again(request)
    answers = outside.ask(question) if asked_outside else []
    context = {
        "q": question,
        "page_obj": page,
        "outside": answers,
        "may_search_outside": may_search_outside,
        "asked_outside": asked_outside,
    }
    response = render(request, "search/results.html", context)
    elsewhere = [*covers.origins(), *outside.picture_origins(answers)]
    if elsewhere:
        response["Content-Security-Policy"] = policy_with_pictures_from(elsewhere)
    return response


def _may_ask_again(request: HttpRequest) -> bool:
    """Say whether the person may ask other catalogues once more; they count our questions as we count theirs."""
    allowed = seconds_to_wait(f"outside:{request.user.pk}", *QUESTIONS_OUTSIDE) == 0
    if not allowed:
        messages.warning(request, _("You have asked other catalogues very often. Try again in a few minutes."))
    return allowed


@require_safe
def search_json(request: HttpRequest) -> JsonResponse:
    """What this site has, for other sites: a bare list of at most ten."""
    here = self_connector.Catalogue(Connector.own())
    at_least = _number(request.GET.get("min_confidence"))
    found = here.search(request.GET.get("q", "")[:LONGEST_QUESTION])
    return _as_list(result for result in found if result.confidence >= at_least)


@require_safe
def isbn_json(request: HttpRequest, isbn: str) -> JsonResponse:
    return _as_list(self_connector.Catalogue(Connector.own()).with_isbn(isbn))


@require_safe
def book_json(request: HttpRequest, pk: int) -> JsonResponse:
    edition = get_object_or_404(Edition.objects.select_related("work").prefetch_related("work__authors"), pk=pk)
    return _as_activity(shapes.edition(edition))


@require_safe
def author_json(request: HttpRequest, pk: int) -> JsonResponse:
    return _as_activity(shapes.author(get_object_or_404(Author, pk=pk)))


def _as_list(found: Iterable[OutsideResult]) -> JsonResponse:
    # Exactly these keys: the software of other sites breaks on one more.
    return JsonResponse([shapes.result(result) for result in found], safe=False)


def _as_activity(body: dict[str, object]) -> JsonResponse:
    return JsonResponse(body, content_type="application/activity+json")


def _number(text: str | None) -> float:
    """The number *text* is, or 0 when it is none: other sites send ``min_confidence`` as they please."""
    try:
        number = float(text or 0)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
