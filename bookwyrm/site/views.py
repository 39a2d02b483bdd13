"""The first page, the page about the site, and the answer to "are you there?"."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..books.models import Edition
from ..people.models import User
from ..shelves.models import Review, Shelf, ShelvedBook


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    context = {
        "new_editions": Edition.objects.for_cards()[:24],
        "recent_reviews": Review.objects.select_related("author", "edition__work").exclude(text="")[:10],
        "book_count": Edition.objects.count(),
    }
    if request.user.is_authenticated:
        context["reading"] = ShelvedBook.objects.for_cards().filter(
            shelf__owner=request.user, shelf__identifier=Shelf.READING
        )
    return render(request, "home.html", context)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    people_count = User.objects.filter(is_active=True).count()
    return render(request, "about.html", {"people_count": people_count, "book_count": Edition.objects.count()})


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """Answer "ok" if this process can ask the database; what cannot is no process to send visitors to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)
