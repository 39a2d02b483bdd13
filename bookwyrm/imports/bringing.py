"""Bring what an archive holds to somebody's account. Nothing that is here already is changed, and twice is as once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from external_storage.django import conf

from ..books.cataloguing import add_edition
from ..books.isbn import isbn_10, isbn_13
from ..books.models import Edition
from ..exports.removing import remove
from ..images import PictureRefused, sanitise
from ..images.fields import PictureNotStored, SanitisedFile, withdrawn_on_failure
from ..images.sanitising import MOST_BYTES as MOST_BYTES_OF_A_PICTURE
from ..people.models import User
from ..shelves.forms import new_identifier
from ..shelves.models import Review, Shelf, ShelvedBook
from . import reading
from .models import Import
from .reading import BookRecord, PersonRecord, ReviewRecord, ShelfRecord
from .refusals import ArchiveRefused, Why
from .unpacking import files_in

logger = logging.getLogger(__name__)

SAID_EVERY = 20
"""After how many books, or pictures, the row hears of it."""


def bring(import_id: str) -> None:
    """Do one import. What was brought before a failure stays, and is not brought again by the next try."""
    found = Import.objects.under_way().filter(pk=import_id).select_related("owner").first()
    if found is None:
        return
    _say(found, status=Import.Status.RUNNING)
    try:
        # Read to its end before anything is kept of it: what is refused leaves no trace.
        person = _described(found)
        left_out = person.not_understood + _bring_all(found, person)
    except ArchiveRefused as refused:
        _say(found, status=Import.Status.REFUSED, why_refused=refused.why)
    else:
        _say(found, status=Import.Status.DONE, left_out=left_out)
    remove(found.store, found.archive.name)
    Import.objects.filter(pk=found.pk).update(archive="")


def _say(found: Import, **words: object) -> None:
    Import.objects.filter(pk=found.pk).update(heard_at=timezone.now(), **words)


@contextmanager
def _archive(found: Import) -> Iterator[IO[bytes]]:
    with conf.store_named(found.store).open(found.archive.name) as source:
        yield source


def _described(found: Import) -> PersonRecord:
    """Return what the archive says, after a look at every file in it."""
    described = None
    with _archive(found) as archive:
        for file in files_in(archive):
            if described is None and file.name.startswith("archive") and file.name.endswith(".json"):
                described = file.read(reading.MOST_BYTES)
    if described is None:
        raise ArchiveRefused(Why.NO_PERSON)
    return reading.read(described)


def _bring_all(found: Import, person: PersonRecord) -> int:
    """Bring everything, and return how much had to be left out."""
    owner, left_out = found.owner, 0
    _bring_profile(owner, person)
    covers: dict[str, int] = {}
    for done, book in enumerate(person.books, 1):
        edition = _bring_book(owner, book)
        if book.cover and not edition.cover and edition.added_by_id == owner.pk:
            covers[book.cover] = edition.pk
        if done % SAID_EVERY == 0:
            _say(found, done=done, total=len(person.books))
    _say(found, done=len(person.books), total=len(person.books))
    with _archive(found) as archive:
        for file in files_in(archive):
            if file.name in covers or file.name == person.avatar:
                taken = file.size <= MOST_BYTES_OF_A_PICTURE and _bring_picture(
                    owner, covers.get(file.name), file.read(MOST_BYTES_OF_A_PICTURE)
                )
                left_out += not taken
    return left_out


def _bring_profile(owner: User, person: PersonRecord) -> None:
    """Fill in what the person has not said here."""
    with transaction.atomic():
        here = _locked(owner)
        here.display_name = here.display_name or person.name
        here.bio = here.bio or person.bio
        here.save(update_fields=["display_name", "bio"])
        for shelf in person.shelves:
            _shelf(here, shelf)


def _locked(owner: User) -> User:
    """Return the person, and let nobody else bring anything to them meanwhile."""
    return User.objects.select_for_update().get(pk=owner.pk)


def _bring_book(owner: User, book: BookRecord) -> Edition:
    with transaction.atomic():
        here = _locked(owner)
        edition = _known(book) or _new(book, here)
        for record in book.shelves:
            _put_on(_shelf(here, record), edition, record)
        for record in book.reviews[:1]:
            _bring_review(here, edition, record)
    return edition


def _known(book: BookRecord) -> Edition | None:
    """Return the edition as it is here: by its address on this site, its ISBN, or its title and authors."""
    own_books = f"{settings.SITE_URL}/book/"
    number = book.origin.removeprefix(own_books).strip("/")
    if book.origin.startswith(own_books) and number.isascii() and number.isdigit() and len(number) < 18:
        known = Edition.objects.filter(pk=int(number), title=book.fields["title"]).first()
        if known:
            return known
    if long_form := _isbn(book):
        return Edition.objects.filter(isbn_13=long_form).order_by("pk").first()
    named = {name.casefold() for name in book.authors}
    alike = Edition.objects.filter(title__iexact=book.fields["title"], isbn_13="").order_by("pk")[:50]
    return next((each for each in alike if _authors_of(each) == named), None)


def _authors_of(edition: Edition) -> set[str]:
    return {name.casefold() for name in edition.work.authors.values_list("name", flat=True)}


def _isbn(book: BookRecord) -> str:
    return isbn_13(book.fields["isbn_13"]) or isbn_13(book.fields["isbn_10"]) or ""


def _new(book: BookRecord, owner: User) -> Edition:
    long_form = _isbn(book)
    numbers = {"isbn_13": long_form, "isbn_10": (isbn_10(long_form) or "") if long_form else ""}
    return add_edition(Edition(added_by=owner, **{**book.fields, **numbers}), book.authors)


def _shelf(owner: User, record: ShelfRecord) -> Shelf:
    if record.identifier:
        return Shelf.objects.get_or_create(owner=owner, identifier=record.identifier)[0]
    own = Shelf.objects.filter(owner=owner, name__iexact=record.name).first()
    return own or Shelf.objects.create(owner=owner, identifier=new_identifier(record.name), name=record.name)


def _put_on(shelf: Shelf, edition: Edition, record: ShelfRecord) -> None:
    of_everyone = ShelvedBook.objects.filter(
        shelf__owner=shelf.owner, shelf__identifier__in=dict(Shelf.DEFAULTS), edition=edition
    )
    # A book is being read or was read, not both; where it stands here is what the person said last.
    if not (shelf.is_default and of_everyone.exists()):
        shelved_at = {"shelved_at": record.shelved_at or timezone.now()}
        ShelvedBook.objects.get_or_create(shelf=shelf, edition=edition, defaults=shelved_at)


def _bring_review(owner: User, edition: Edition, record: ReviewRecord) -> None:
    if record.rating is None and not record.text:
        return
    written = {"title": record.title, "text": record.text, "rating": record.rating}
    written["created_at"] = record.written_at or timezone.now()
    Review.objects.get_or_create(author=owner, edition=edition, defaults=written)


def _bring_picture(owner: User, edition: int | None, data: bytes) -> bool:
    """Keep a picture as one that was uploaded, unless there is one by now; return whether it was one."""
    try:
        picture = sanitise(data)
    except PictureRefused as refused:
        logger.info("A picture in an archive was left out: %s", refused)
        return False
    try:
        with withdrawn_on_failure(), transaction.atomic():
            model, pk, field = (User, owner.pk, "avatar") if edition is None else (Edition, edition, "cover")
            row = model.objects.select_for_update().filter(pk=pk, **{field: ""}).first()
            if row is not None:
                setattr(row, field, SanitisedFile(picture))
                row.save(update_fields=model._meta.get_field(field).columns)
    except PictureNotStored as failure:
        logger.warning("A picture in an archive could not be stored: %s", failure)
        return False
    return True
