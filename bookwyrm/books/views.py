"""Books and those who wrote them: look, add, correct."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ..images.saving import save_or_explain
from ..site.limits import limited, signed_in_person
from .cataloguing import shown_edition
from .covers import ask_for_cover
from .forms import AuthorForm, BookForm, CoverForm
from .models import Author, Edition
from .pages import book_page

# What an address may fill in. A file cannot be among it.
FILLED_IN = [name for name in BookForm.base_fields if name != "cover"]

upload_limit = limited("upload", times=100, seconds=60, by=signed_in_person)


@require_safe
def book(request: HttpRequest, pk: int) -> HttpResponse:
    return book_page(request, get_object_or_404(Edition.objects.select_related("work"), pk=pk))


@login_required
@upload_limit
@require_http_methods(["GET", "HEAD", "POST"])
def book_new(request: HttpRequest) -> HttpResponse:
    """Add a book by hand; with ``?title=…`` and the like the form starts filled in.

    With ``?edition_of=…`` it becomes another edition of the same work as that book.
    """
    sibling = _sibling(request)
    form = BookForm(
        request.POST or None,
        request.FILES or None,
        instance=Edition(added_by=request.user, work=sibling.work if sibling else None),
        initial=_shared_with(sibling) | {name: request.GET[name] for name in FILLED_IN if name in request.GET},
    )
    if request.method == "POST" and form.is_valid() and save_or_explain(form):
        messages.success(request, _("The book was added."))
        return redirect(form.instance)
    return _book_form_page(request, form, is_new=True, sibling=sibling)


def _sibling(request: HttpRequest) -> Edition | None:
    pk = request.GET.get("edition_of")
    if pk is None:
        return None
    if not pk.isdecimal():
        raise Http404
    return get_object_or_404(Edition.objects.select_related("work"), pk=pk)


def _shared_with(sibling: Edition | None) -> dict[str, str]:
    """Return what another edition of the same work most likely has in common with *sibling*."""
    shared = ("title", "subtitle", "series", "description", "language")
    return {name: getattr(sibling, name) for name in shared} if sibling else {}


@login_required
@upload_limit
@require_http_methods(["GET", "HEAD", "POST"])
def book_edit(request: HttpRequest, pk: int) -> HttpResponse:
    edition = get_object_or_404(Edition.objects.select_related("work"), pk=pk)
    form = BookForm(request.POST or None, request.FILES or None, instance=edition)
    if request.method == "POST" and form.is_valid() and save_or_explain(form):
        messages.success(request, _("Your changes were saved."))
        return redirect(edition)
    return _book_form_page(request, form, is_new=False, edition=Edition.objects.get(pk=pk))


def _book_form_page(request: HttpRequest, form: BookForm, **context: object) -> HttpResponse:
    context |= {"form": form, "author_names": form["author_names"].value() or ""}
    return render(request, "books/form.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
@upload_limit
def book_cover(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a book a cover from a file or from an address, or take its cover away."""
    edition = get_object_or_404(Edition.objects.select_related("work"), pk=pk)
    form = CoverForm(request.POST, request.FILES, instance=edition)
    if not form.is_valid() or not _cover_follows(request, form):
        return book_page(request, Edition.objects.select_related("work").get(pk=pk), cover_form=form)
    return redirect(edition)


def _cover_follows(request: HttpRequest, form: CoverForm) -> bool:
    """Do what the valid *form* asks; return False, with an error in the form, if the storage failed."""
    url = form.cleaned_data["url"]
    if url and not form.removes and "cover" not in form.changed_data:
        ask_for_cover(form.instance, url, request.user)
        messages.info(request, _("The cover is being fetched and will appear here in a moment."))
        return True
    if not save_or_explain(form):
        return False
    messages.success(request, _("The cover was saved.") if form.instance.cover else _("The cover was removed."))
    return True


@require_safe
def author(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Author, pk=pk)
    works = [
        work
        for work in found.works.prefetch_related("editions__work__authors", "authors").order_by("title")
        if work.editions.all()
    ]
    for work in works:
        work.shown_edition = shown_edition(work)
    return render(request, "books/author.html", {"author": found, "works": works})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def author_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Author, pk=pk)
    form = AuthorForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your changes were saved."))
        return redirect(found)
    status = 422 if form.errors else 200
    return render(request, "books/author_form.html", {"form": form, "author": found}, status=status)
