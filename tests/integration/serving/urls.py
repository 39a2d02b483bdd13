"""A site that serves files, and nothing else."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import path

from external_storage.django.views import serve

urlpatterns = [path("images/<path:key>", serve)]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponseNotFound()
