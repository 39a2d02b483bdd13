"""What the owner sees of the site in the admin, and uploads there."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ..images.admin import PictureAdmin
from .models import SiteSettings


@admin.register(SiteSettings)
class SiteSettingsAdmin(PictureAdmin):
    """One row: its list leads straight to it, and it is neither added nor removed."""

    fields = ["name", "tagline", "description", "registration", "logo", "favicon"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        only = SiteSettings.current()
        return HttpResponseRedirect(reverse("admin:bookwyrm_sitesettings_change", args=[only.pk]))
