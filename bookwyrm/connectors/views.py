"""Bring a book here that another catalogue has."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from .. import outbound
from ..site.limits import limited, signed_in_person
from . import importing
from .catalogue import CatalogueTrouble
from .models import Connector

LONGEST_KEY = 500


@login_required
@require_POST
@limited("import", times=60, seconds=3600, by=signed_in_person)
def import_book(request: HttpRequest) -> HttpResponse:
    """Import the book that the posted *connector* knows as *key*, and go to its page."""
    number, key = request.POST.get("connector", ""), request.POST.get("key", "")[:LONGEST_KEY]
    others = Connector.objects.filter(active=True).exclude(connector_file=Connector.File.SELF)
    connector = get_object_or_404(
        others, pk=number if number.isascii() and number.isdigit() and len(number) < 10 else 0
    )
    try:
        edition = importing.import_book(connector, key, request.user)
    except (outbound.OutboundRefused, outbound.OutboundFailed, CatalogueTrouble) as trouble:
        messages.error(
            request,
            _("%(catalogue)s: the book could not be fetched. %(problem)s")
            % {"catalogue": connector.name, "problem": trouble},
        )
        return redirect("search")
    return redirect(edition)
