"""The page of one book, which several forms come back to when something in them is wrong."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Avg, Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..shelves.forms import ReviewForm
from ..shelves.models import Review, Shelf
from .covers import take_problems
from .forms import CoverForm
from .models import Edition

REVIEWS_PER_PAGE = 10


def book_page(
    request: HttpRequest,
    edition: Edition,
    *,
    review_form: ReviewForm | None = None,
    cover_form: CoverForm | None = None,
) -> HttpResponse:
    """Show *edition*; a form that is given is shown with its errors, and the answer is 422 for scripts to see."""
    if request.user.is_authenticated:
        for problem in take_problems(edition, request.user):
            messages.warning(request, problem)
    reviews = Review.objects.filter(edition=edition).select_related("author", "edition")
    ratings = reviews.aggregate(average=Avg("rating"), count=Count("rating"))
    my_review = reviews.filter(author=request.user).first() if request.user.is_authenticated else None
    context = {
        "edition": edition,
        "work": edition.work,
        "authors": edition.work.authors.all(),
        "other_editions": edition.work.editions.for_cards().exclude(pk=edition.pk),
        "reviews": Paginator(reviews, REVIEWS_PER_PAGE).get_page(request.GET.get("page")),
        "average_rating": ratings["average"],
        "rating_count": ratings["count"],
        "shelf_options": _shelf_options(request, edition),
        "my_review": my_review,
        "review_form": review_form or ReviewForm(instance=my_review),
        "cover_form": cover_form or CoverForm(instance=edition),
    }
    return render(request, "books/book.html", context, status=422 if review_form or cover_form else 200)


def _shelf_options(request: HttpRequest, edition: Edition) -> list[tuple[Shelf, bool]]:
    if not request.user.is_authenticated:
        return []
    holding = set(edition.shelved.filter(shelf__owner=request.user).values_list("shelf_id", flat=True))
    return [(shelf, shelf.pk in holding) for shelf in request.user.shelves.all()]
