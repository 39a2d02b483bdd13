"""Remember which colours a reader chose."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from .theme import AUTOMATIC, COOKIE, themes

A_YEAR = 365 * 24 * 3600


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Set or clear the cookie and send the reader back to the page they came from."""
    name = request.POST.get("theme", "")
    response = HttpResponseRedirect(_page_before(request))
    if name == AUTOMATIC:
        response.delete_cookie(COOKIE, samesite="Lax")
    elif name in {theme.name for theme in themes()}:
        response.set_cookie(
            COOKIE, name, max_age=A_YEAR, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    else:
        return HttpResponseBadRequest("There is no such theme.", content_type="text/plain; charset=utf-8")
    return response


def _page_before(request: HttpRequest) -> str:
    before = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure()):
        return before
    return reverse("home")
