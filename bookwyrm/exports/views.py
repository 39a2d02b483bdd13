"""Take away what one has here: ask for it, see how far it is, download it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from external_storage.django.serving import send_file
from external_storage.errors import ObjectMissing

from ..imports.forms import ImportForm
from ..imports.models import Import
from ..site.limits import limited, signed_in_person
from . import links, tasks
from .making import CONTENT_TYPE
from .models import Export

LOOK_AGAIN_SECONDS = 3
MOST_SHOWN = 10


@never_cache
@login_required
@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    return archives_page(request)


def archives_page(request: HttpRequest, form: ImportForm | None = None, *, status: int = 200) -> HttpResponse:
    """Show the person's archives, made and brought, and the forms for another one."""
    own_exports, own_imports = (model.objects.filter(owner=request.user) for model in (Export, Import))
    own_exports.give_up_silent()
    own_imports.give_up_silent()
    context = {
        "exports": list(own_exports[:MOST_SHOWN]),
        "imports": list(own_imports[:MOST_SHOWN]),
        "form": form or ImportForm(),
    }
    context["is_made"], context["is_read"] = (
        any(each.is_under_way for each in context[kind]) for kind in ("exports", "imports")
    )
    response = render(request, "people/exports.html", context, status=status)
    if context["is_made"] or context["is_read"]:
        # Looked at again without a script; a header does what a <meta> would, and the page need not know its address.
        response["Refresh"] = str(LOOK_AGAIN_SECONDS)
    return response


@login_required
@require_POST
@limited("export", times=5, seconds=86_400, by=signed_in_person)
def export_new(request: HttpRequest) -> HttpResponse:
    Export.objects.filter(owner=request.user).give_up_silent()
    try:
        with transaction.atomic():
            export = Export.objects.create(owner=request.user)
    except IntegrityError:
        messages.info(request, _("Your archive is being made already."))
        return redirect("exports")
    # Not robust: without a queue nobody would make it, and a row that waits would keep its owner from asking again.
    try:
        tasks.make_export.enqueue(str(export.pk))
    except BaseException:
        export.delete()
        raise
    return redirect("exports")


@never_cache
@login_required
@require_POST
def export_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Lead to the archive, with a link that lives a minute."""
    export = get_object_or_404(Export, pk=pk, owner=request.user)
    if not export.is_ready:
        raise Http404
    return redirect(links.link_to(export, request))


@never_cache
@require_safe
def export_download(request: HttpRequest, pk: uuid.UUID, token: str) -> HttpResponseBase:
    """Send the archive to its owner. To everybody else, signed in or not, there is nothing at this address."""
    export = Export.objects.filter(pk=pk, owner_id=request.user.pk).first() if request.user.is_authenticated else None
    if export is None or not export.is_ready:
        raise Http404
    try:
        links.check(token, export, request)
    except links.LinkWrong as problem:
        raise Http404 from problem
    except links.LinkExpired:
        messages.warning(request, _("That link was good for a minute. Press “Download” again."))
        return archives_page(request, status=403)
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Content-Disposition": content_disposition_header(True, _file_name(export)),
        "Cache-Control": "private, no-store",
    }
    try:
        return send_file(request, export.store, export.archive.name, headers)
    except ObjectMissing as problem:
        raise Http404 from problem


def _file_name(export: Export) -> str:
    return f"{export.owner.username}-{export.asked_at:%Y-%m-%d}.tar.gz"


@login_required
@require_POST
def export_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    get_object_or_404(Export, pk=pk, owner=request.user).delete()
    messages.success(request, _("The archive was removed."))
    return redirect("exports")
