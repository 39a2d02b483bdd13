"""Works, editions and authors in the admin."""

from __future__ import annotations

from django.contrib import admin

from ..images.admin import PictureAdmin
from .models import Author, Edition, Work


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    list_display = ["name", "born", "died"]
    readonly_fields = ["origin"]
    search_fields = ["name"]


class EditionInline(admin.TabularInline):
    model = Edition
    fields = ["title", "isbn_13", "publisher", "published_year", "language"]
    show_change_link = True
    extra = 0


@admin.register(Work)
class WorkAdmin(admin.ModelAdmin):
    list_display = ["title", "created_at"]
    readonly_fields = ["origin"]
    search_fields = ["title", "authors__name"]
    autocomplete_fields = ["authors"]
    inlines = [EditionInline]


@admin.register(Edition)
class EditionAdmin(PictureAdmin):
    list_display = ["title", "isbn_13", "publisher", "published_year", "language", "added_by", "created_at"]
    list_filter = ["language"]
    readonly_fields = ["origin"]
    list_select_related = ["added_by"]
    search_fields = ["title", "subtitle", "isbn_10", "isbn_13", "work__authors__name"]
    autocomplete_fields = ["work", "added_by"]
    show_full_result_count = False
