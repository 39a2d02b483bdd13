"""Enter books in the catalogue: a work, an edition of it, and those who wrote it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models.signals import post_delete

from .models import Author, Edition, Work


def names_in(text: str) -> list[str]:
    """Return the names in *text*, one per line (or separated by semicolons), each once, in order."""
    names: dict[str, str] = {}
    for piece in text.replace(";", "\n").splitlines():
        if name := " ".join(piece.split()):
            names.setdefault(name.casefold(), name)
    return list(names.values())


def authors_named(names: Iterable[str]) -> list[Author]:
    """Return an author for each name: the one the catalogue has, else a new one."""
    return [Author.objects.filter(name__iexact=name).first() or Author.objects.create(name=name) for name in names]


def add_edition(edition: Edition, author_names: Iterable[str]) -> Edition:
    """Save a new *edition*, with a new work of its title unless it has one already."""
    if edition.work_id is None:
        edition.work = Work.objects.create(title=edition.title, description=edition.description)
        edition.work.authors.set(authors_named(author_names))
    edition.save()
    return edition


def remove_if_empty(work_id: int, *, using: str | None = None) -> None:
    """Remove a work that has no edition left: no page would lead to it, nor any form bring it back."""
    Work.objects.using(using).filter(pk=work_id, editions=None).delete()


def connect() -> None:
    """From now on a work goes with its last edition."""
    post_delete.connect(_edition_deleted, sender=Edition, dispatch_uid="bookwyrm.books.cataloguing")


def _edition_deleted(instance: Edition, *, using: str, **kwargs) -> None:
    # After the commit: one form of the admin may take a work's only edition away and give it another.
    transaction.on_commit(lambda: remove_if_empty(instance.work_id, using=using), using=using)


def shown_edition(work: Work) -> Edition | None:
    """Return the edition that stands for *work* in a list: one with a cover if there is one, then the newest."""
    editions = sorted(work.editions.all(), key=lambda edition: (bool(edition.cover), edition.pk), reverse=True)
    return editions[0] if editions else None
