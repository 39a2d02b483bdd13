"""Accounts and invites in the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..images.admin import PictureAdmin
from .models import Invite, User
from .views import limited_sign_in

# The admin has a form of its own to sign in with, which would be the unguarded door.
admin.site.login = limited_sign_in(admin.site.login)


@admin.register(User)
class UserAdmin(PictureAdmin, DjangoUserAdmin):
    list_display = ["username", "display_name", "email", "is_active", "is_staff", "date_joined"]
    search_fields = ["username", "display_name", "email"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Profile"), {"fields": ["display_name", "bio", "avatar", "email"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]


@admin.register(Invite)
class InviteAdmin(admin.ModelAdmin):
    list_display = ["link", "created_by", "created_at", "expires_at", "uses_left"]
    list_display_links = ["created_at"]
    list_select_related = ["created_by"]
    fields = ["link", "expires_at", "uses_left"]
    readonly_fields = ["link"]

    @admin.display(description=_("link to send"))
    def link(self, invite: Invite) -> SafeString | str:
        """The whole address in a field of its own, so that one click or Ctrl+A selects it for copying."""
        if invite.pk is None:
            return _("The link appears when the invite is saved.")
        address = f"{settings.SITE_URL}{invite.get_absolute_url()}"
        label = _("link to send")
        return format_html(
            '<input type="url" readonly size="60" class="vURLField" value="{}" aria-label="{}">', address, label
        )

    def save_model(self, request: HttpRequest, obj: Invite, form, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invite]:
        return super().get_queryset(request).order_by("-created_at")

    def response_add(self, request: HttpRequest, obj: Invite, post_url_continue=None):
        # Back to the new invite, where its link is, not to the list.
        request.POST = request.POST.copy()
        request.POST["_continue"] = "1"
        return super().response_add(request, obj, post_url_continue)
