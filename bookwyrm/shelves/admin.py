"""Shelves and reviews in the admin."""

from __future__ import annotations

from django.contrib import admin

from .models import Review, Shelf


@admin.register(Shelf)
class ShelfAdmin(admin.ModelAdmin):
    list_display = ["shown_name", "owner", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "identifier", "owner__username"]
    autocomplete_fields = ["owner"]


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    list_display = ["author", "edition", "rating", "title", "created_at"]
    list_filter = ["rating"]
    list_select_related = ["author", "edition"]
    search_fields = ["author__username", "edition__title", "title", "text"]
    autocomplete_fields = ["author", "edition"]
