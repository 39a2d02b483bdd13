"""The page to watch the storage on, to be put before the admin's own: ``path("admin/storage/", include(…))``."""

from django.urls import path

from . import pages

app_name = "external_storage"

urlpatterns = [
    path("", pages.watch, name="watch"),
    path("look/", pages.look_again, name="look"),
    path("<str:alias>/<str:action>/", pages.act, name="act"),
]
