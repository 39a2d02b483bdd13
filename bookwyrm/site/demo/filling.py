"""Put an invented library into this site: rows, pictures, thumbnails. Run again, it adds only what is missing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from ...books import isbn
from ...books.models import Author, Edition, Work
from ...images import Picture, sanitise
from ...images.thumbnails import make_thumbnail, thumbnail_key, widths_for
from ...people.models import User
from ...search.index import reindex
from ...shelves.defaults import give_default_shelves
from ...shelves.forms import new_identifier
from ...shelves.models import Review, Shelf, ShelvedBook
from .covers import draw_avatar, draw_cover
from .library import DemoAuthor, DemoBook, DemoLibrary, DemoPerson, DemoReview

# Books per transaction. With covers a batch takes seconds, and the progress is worth seeing.
BATCH, BATCH_WITHOUT_PICTURES = 50, 1000
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Filled:
    """What a run added."""

    books: int
    people: int
    pictures: int


@dataclass(frozen=True)
class FinishedPicture:
    """A picture and its thumbnails, ready to be stored."""

    key: str
    picture: Picture
    thumbnails: dict[int, bytes]


def fill(library: DemoLibrary, *, pictures: bool = True, progress: Progress = lambda what, done, of: None) -> Filled:
    """Add the books, people, shelves and reviews of *library* that are not here yet.

    A book is known by its ISBN and a person by an address that nobody can have, so a library that grows keeps what it
    has. Pictures are drawn side by side on all processors; with ``pictures=False`` there are none.
    """
    with ProcessPoolExecutor() if pictures else nullcontext() as executor:
        filling = _Filling(library, executor, progress)
        books = filling.add_books()
        people = filling.add_people()
    return Filled(books, people, filling.pictures)


class _Filling:
    def __init__(self, library: DemoLibrary, executor: Executor | None, progress: Progress) -> None:
        self.library = library
        self.executor = executor
        self.progress = progress
        self.pictures = 0

    # Books

    def add_books(self) -> int:
        present = set(Edition.objects.filter(isbn_13__startswith="97869").values_list("isbn_13", flat=True))
        missing = [book for book in self.library.books() if book.isbn_13 not in present]
        covers = self._finished(partial(_finished_cover, seed=self.library.seed), missing)
        added = 0
        size = BATCH if self.executor else BATCH_WITHOUT_PICTURES
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            finished = [self._stored(next(covers) if covers else None) for _ in batch]
            with transaction.atomic():
                self._insert(batch, finished)
            added += len(batch)
            self.progress("books", added, len(missing))
        return added

    def _insert(self, batch: Iterable[DemoBook], covers: list[FinishedPicture | None]) -> None:
        authors = _authors({author for book in batch for author in book.authors})
        works = self._works(batch, authors)
        rows = [_edition(book, works[_original(book)], cover) for book, cover in zip(batch, covers, strict=True)]
        rows = Edition.objects.bulk_create(rows)
        reindex(Edition.objects.filter(pk__in=[row.pk for row in rows]))

    def _works(self, batch: Iterable[DemoBook], authors: dict[str, Author]) -> dict[int, Work]:
        """Return the work of each book by the number of its first edition: the one that is here, or a new one."""
        originals = {_original(book): book for book in batch}
        isbns = {self.library.isbn(number): number for number in originals}
        here = Edition.objects.filter(isbn_13__in=isbns).select_related("work")
        works = {isbns[edition.isbn_13]: edition.work for edition in here}
        new = [number for number in originals if number not in works]
        made = Work.objects.bulk_create(
            [Work(title=originals[number].title, description=originals[number].description) for number in new]
        )
        authorships = [
            Work.authors.through(work_id=work.pk, author_id=authors[author.name].pk)
            for number, work in zip(new, made, strict=True)
            for author in originals[number].authors
        ]
        Work.authors.through.objects.bulk_create(authorships)
        return works | dict(zip(new, made, strict=True))

    # People

    def add_people(self) -> int:
        emails = set(User.objects.filter(email__endswith="@demo.invalid").values_list("email", flat=True))
        missing = [person for person in self.library.people() if _email(person) not in emails]
        avatars = self._finished(partial(_finished_avatar, seed=self.library.seed), missing)
        for done, person in enumerate(missing, 1):
            avatar = self._stored(next(avatars) if avatars else None)
            with transaction.atomic():
                self._add_person(person, avatar)
            self.progress("people", done, len(missing))
        return len(missing)

    def _add_person(self, person: DemoPerson, avatar: FinishedPicture | None) -> None:
        taken = User.objects.filter(username__iexact=person.username).exists()
        row = User(
            username=f"{person.username}-{uuid.uuid4().hex[:4]}" if taken else person.username,
            email=_email(person),
            display_name=person.display_name,
            bio=person.bio,
            date_joined=person.joined_at,
            password=make_password(None),
            **_picture_columns("avatar", avatar),
        )
        (row,) = User.objects.bulk_create([row])
        give_default_shelves(row)
        editions = self._editions_by_number(person)
        self._fill_shelves(row, person, editions)
        Review.objects.bulk_create([_review(said, row, editions[said.book]) for said in person.reviews])

    def _editions_by_number(self, person: DemoPerson) -> dict[int, Edition]:
        numbers = {said.book for said in person.reviews}.union(*person.shelves.values())
        isbns = {self.library.isbn(number): number for number in numbers}
        return {isbns[edition.isbn_13]: edition for edition in Edition.objects.filter(isbn_13__in=isbns)}

    def _fill_shelves(self, row: User, person: DemoPerson, editions: dict[int, Edition]) -> None:
        for name, numbers in person.shelves.items():
            if name in dict(Shelf.DEFAULTS):
                shelf = row.shelves.get(identifier=name)
            else:
                shelf = Shelf.objects.create(owner=row, name=name, identifier=new_identifier(name))
            ShelvedBook.objects.bulk_create(
                [ShelvedBook(shelf=shelf, edition=editions[n], shelved_at=editions[n].created_at) for n in numbers]
            )

    # Pictures

    def _finished(self, finish: Callable, things: list) -> Iterator[FinishedPicture | None] | None:
        if self.executor is None or not things:
            return None
        return iter(self.executor.map(finish, things, chunksize=4))

    def _stored(self, finished: FinishedPicture | None) -> FinishedPicture | None:
        """Store a picture and its thumbnails before the row that refers to them is written."""
        if finished is None:
            return None
        versions = {thumbnail_key(finished.key, width): data for width, data in finished.thumbnails.items()}
        for key, data in {finished.key: finished.picture.bytes, **versions}.items():
            # A run that was stopped left the same bytes under the same name.
            if not default_storage.exists(key):
                default_storage.save(key, ContentFile(data))
        self.pictures += 1
        return finished


def _finished_cover(book: DemoBook, *, seed: int) -> FinishedPicture | None:
    if not book.has_cover:
        return None
    names = " & ".join(author.name for author in book.authors)
    return _finish("covers", book.isbn_13, draw_cover(book.title, names, book.number, seed))


def _finished_avatar(person: DemoPerson, *, seed: int) -> FinishedPicture | None:
    if not person.has_avatar:
        return None
    return _finish("avatars", f"{seed}/{person.number}", draw_avatar(person.number, seed))


def _finish(folder: str, identity: str, upload: bytes) -> FinishedPicture:
    picture = sanitise(upload)
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"https://demo.invalid/{folder}/{identity}")
    key = f"{folder}/{name}.{picture.extension}"
    widths = widths_for(key, picture.width)
    return FinishedPicture(key, picture, {width: make_thumbnail(picture.bytes, width) for width in widths})


def _picture_columns(field: str, finished: FinishedPicture | None) -> dict[str, object]:
    if finished is None:
        return {}
    return {
        field: finished.key,
        f"{field}_width": finished.picture.width,
        f"{field}_height": finished.picture.height,
        f"{field}_widths": list(finished.thumbnails),
    }


def _original(book: DemoBook) -> int:
    return book.number if book.reprint_of is None else book.reprint_of


def _email(person: DemoPerson) -> str:
    # ".invalid" is reserved (RFC 2606): no letter ever arrives there, and no real account has such an address.
    return f"{person.username}@demo.invalid"


def _authors(wanted: set[DemoAuthor]) -> dict[str, Author]:
    by_name = {author.name: author for author in sorted(wanted, key=lambda author: author.name)}
    rows = {row.name: row for row in Author.objects.filter(name__in=by_name)}
    new = [
        Author(name=name, bio=author.bio, born=author.born, died=author.died)
        for name, author in by_name.items()
        if name not in rows
    ]
    return rows | {row.name: row for row in Author.objects.bulk_create(new)}


def _edition(book: DemoBook, work: Work, cover: FinishedPicture | None) -> Edition:
    return Edition(
        work=work,
        title=book.title,
        subtitle=book.subtitle,
        series=book.series,
        description=book.description,
        isbn_13=book.isbn_13,
        isbn_10=isbn.isbn_10(book.isbn_13) or "",
        publisher=book.publisher,
        published_year=book.published_year,
        pages=book.pages,
        language=book.language,
        created_at=book.added_at,
        **_picture_columns("cover", cover),
    )


def _review(said: DemoReview, author: User, edition: Edition) -> Review:
    return Review(
        author=author,
        edition=edition,
        rating=said.rating,
        title=said.title,
        text=said.text,
        created_at=said.written_at,
    )
