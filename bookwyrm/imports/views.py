"""Bring an archive here."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from external_storage.django import conf
from external_storage.errors import StorageError

from ..exports.models import ALIAS, private_storage
from ..exports.views import archives_page
from ..people.models import User
from ..site.limits import limited, signed_in_person
from . import tasks
from .forms import ImportForm
from .models import Import


@login_required
@require_POST
@limited("import", times=10, seconds=86_400, by=signed_in_person)
def import_new(request: HttpRequest) -> HttpResponse:
    Import.objects.filter(owner=request.user).give_up_silent()
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return archives_page(request, form)
    try:
        found = _keep(request.user, form.cleaned_data["archive"])
    except IntegrityError:
        messages.info(request, _("Your archive is being read already."))
    except (StorageError, OSError):
        form.add_error("archive", _("The archive could not be stored just now. Please try again later."))
        return archives_page(request, form)
    else:
        tasks.bring_archive.enqueue(str(found.pk))
    return redirect("exports")


def _keep(owner: User, archive: File) -> Import:
    """Note the import, and put the archive into the private store; neither without the other."""
    with transaction.atomic():
        name = f"{uuid.uuid4()}.tar.gz"
        found = Import.objects.create(owner=owner, store=conf.alias_named(ALIAS).active, archive=name)
        private_storage().save(name, archive)
    return found
