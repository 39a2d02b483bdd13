"""Connectors in the admin; the page sends the owner to record 1."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from .covers import remember_own_address
from .models import OWN_RECORD, Connector


@admin.register(Connector)
class ConnectorAdmin(admin.ModelAdmin):
    list_display = ["name", "connector_file", "active", "priority", "base_url"]
    fieldsets = [
        (None, {"fields": ["identifier", "name", "connector_file", "active", "priority", "base_url", "covers_url"]}),
        ("API", {"fields": ["books_url", "search_url", "isbn_search_url"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Connector | None = None) -> list[str]:
        # Which file speaks for the own record, and under which number, is what makes it the own record.
        return ["connector_file", "identifier"] if _is_own(obj) else []

    def save_model(self, request: HttpRequest, obj: Connector, form, change: bool) -> None:
        if _is_own(obj):
            remember_own_address(obj)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Connector | None = None) -> bool:
        return not _is_own(obj) and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs, request):
        to_delete, counts, permissions_needed, protected = super().get_deleted_objects(objs, request)
        protected += [str(connector) for connector in objs if _is_own(connector)]
        return to_delete, counts, permissions_needed, protected


def _is_own(connector: Connector | None) -> bool:
    return connector is not None and connector.pk == OWN_RECORD
