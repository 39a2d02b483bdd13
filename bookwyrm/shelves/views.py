"""Shelves and reviews: what people keep, and what they think."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ..books.models import Edition
from ..books.pages import book_page
from ..people.models import User
from ..site.limits import limited, signed_in_person
from ..site.returning import back
from .forms import ReviewForm, ShelfForm, ShelveForm
from .models import Review, Shelf, ShelvedBook

BOOKS_PER_PAGE = 24


@require_safe
def shelves(request: HttpRequest, username: str) -> HttpResponse:
    return _shelves_page(request, get_object_or_404(User, username=username, is_active=True), ShelfForm())


def _shelves_page(request: HttpRequest, person: User, form: ShelfForm) -> HttpResponse:
    context = {
        "person": person,
        "shelves": Shelf.objects.with_some_editions(person),
        "is_self": request.user == person,
        "form": form,
    }
    return render(request, "shelves/shelves.html", context)


@require_safe
def shelf(request: HttpRequest, username: str, identifier: str) -> HttpResponse:
    person = get_object_or_404(User, username=username, is_active=True)
    found = get_object_or_404(Shelf, owner=person, identifier=identifier)
    return _shelf_page(request, found, ShelfForm(instance=found))


def _shelf_page(request: HttpRequest, found: Shelf, form: ShelfForm) -> HttpResponse:
    books = ShelvedBook.objects.for_cards().filter(shelf=found)
    context = {
        "person": found.owner,
        "shelf": found,
        "page_obj": Paginator(books, BOOKS_PER_PAGE).get_page(request.GET.get("page")),
        "is_self": request.user == found.owner,
        "form": form,
    }
    return render(request, "shelves/shelf.html", context)


@login_required
@require_POST
@limited("new shelf", times=60, seconds=3600, by=signed_in_person)
def shelf_new(request: HttpRequest) -> HttpResponse:
    form = ShelfForm(request.POST, instance=Shelf(owner=request.user))
    if not form.is_valid():
        return _shelves_page(request, request.user, form)
    return redirect(form.save())


@login_required
@require_POST
def shelf_edit(request: HttpRequest, username: str, identifier: str) -> HttpResponse:
    found = _own_shelf(request, username, identifier)
    form = ShelfForm(request.POST, instance=found)
    if not form.is_valid():
        found.refresh_from_db()
        return _shelf_page(request, found, form)
    form.save()
    messages.success(request, _("The shelf was renamed."))
    return redirect(found)


@login_required
@require_POST
def shelf_delete(request: HttpRequest, username: str, identifier: str) -> HttpResponse:
    _own_shelf(request, username, identifier).delete()
    messages.success(request, _("The shelf was removed. Its books are still on your other shelves."))
    return redirect("shelves", request.user.username)


def _own_shelf(request: HttpRequest, username: str, identifier: str) -> Shelf:
    """Return the person's shelf that may be changed; other people's and the four that everyone has may not."""
    if username != request.user.username:
        raise PermissionDenied
    own = Shelf.objects.filter(owner=request.user).exclude(identifier__in=dict(Shelf.DEFAULTS))
    return get_object_or_404(own, identifier=identifier)


@login_required
@require_POST
def shelve(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a book on the shelf named in the form; an empty ``shelf`` takes it off the four that everyone has.

    On one of the person's own shelves the same button takes the book off again.
    """
    edition = get_object_or_404(Edition, pk=pk)
    form = ShelveForm(request.POST)
    if not form.is_valid():
        raise Http404
    identifier = form.cleaned_data["shelf"]
    with transaction.atomic():
        # Whoever clicks twice at once is served one after the other.
        User.objects.select_for_update().get(pk=request.user.pk)
        on_shelves = ShelvedBook.objects.filter(shelf__owner=request.user, edition=edition)
        if not identifier:
            on_shelves.filter(shelf__identifier__in=dict(Shelf.DEFAULTS)).delete()
        else:
            _put_on(get_object_or_404(Shelf, owner=request.user, identifier=identifier), edition, on_shelves)
    return back(request, edition.get_absolute_url())


def _put_on(found: Shelf, edition: Edition, on_shelves: QuerySet[ShelvedBook]) -> None:
    if found.is_default:
        # A book is being read or was read, not both.
        on_shelves.filter(shelf__identifier__in=dict(Shelf.DEFAULTS)).exclude(shelf=found).delete()
    _, was_put_on = ShelvedBook.objects.get_or_create(shelf=found, edition=edition)
    if not was_put_on and not found.is_default:
        on_shelves.filter(shelf=found).delete()


@login_required
@require_POST
@limited("review", times=60, seconds=3600, by=signed_in_person)
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Write or rewrite one's review of an edition."""
    edition = get_object_or_404(Edition, pk=pk)
    written = Review.objects.filter(author=request.user, edition=edition).first()
    form = ReviewForm(request.POST, instance=written or Review(author=request.user, edition=edition))
    if not form.is_valid():
        return book_page(request, edition, review_form=form)
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError:
        # The same person, in another window, a moment ago; what was sent last is what they mean.
        first = Review.objects.get(author=request.user, edition=edition)
        ReviewForm(request.POST, instance=first).save()
    return redirect(f"{edition.get_absolute_url()}#reviews")


@login_required
@require_POST
def review_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Review, pk=pk, author=request.user)
    found.delete()
    messages.success(request, _("Your review was removed."))
    return redirect(found.edition)
