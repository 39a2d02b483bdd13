"""Bring a book from elsewhere into this catalogue."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST


@login_required
@require_POST
def import_book(request: HttpRequest) -> HttpResponse:
    raise Http404
