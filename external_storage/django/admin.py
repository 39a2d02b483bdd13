"""Put the page to watch the storage on into the admin's index."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

from .models import AliasState


@admin.register(AliasState)
class StorageAdmin(admin.ModelAdmin):
    """Nothing to edit: the list leads to the page, and every change is a step that is taken there or by a command."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_routed() and super().has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AliasState | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AliasState | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return redirect("external_storage:watch")


def _is_routed() -> bool:
    """Return whether the site has put the page among its addresses."""
    try:
        reverse("external_storage:watch")
    except NoReverseMatch:
        return False
    return True
