"""Keep a picture in the site's storage under a name of ours, and remember what a page needs to show it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.apps import apps
from django.core.files.base import ContentFile, File
from django.db import connections, models, router, transaction
from django.db.models.fields.files import ImageFieldFile
from django.utils.deconstruct import deconstructible
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from external_storage.errors import StorageError

from .sanitising import Picture, sanitise
from .thumbnails import derived_keys, thumbnail_key, widths_for

_stored_names: ContextVar[list[tuple[ImageFieldFile, str]] | None] = ContextVar("stored_names", default=None)


class PictureNotStored(Exception):
    """The storage did not take a picture; *reason* is a sentence for the person who sent it."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.reason: Promise = _(
            "The picture could not be stored just now. Nothing was changed; please try again later."
        )
        super().__init__(f"The storage refused a picture for the field {field!r}.")


class SanitisedFile(ContentFile):
    """A picture that went through `sanitise` already, so that saving it does not decode it a second time."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        super().__init__(picture.bytes, name=f"picture.{picture.extension}")


@deconstructible
class UuidName:
    """Name an upload ``<folder>/<uuid>.<ext>``; the extension is the one `images.sanitise` found."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, instance: models.Model, filename: str) -> str:
        extension = filename.rpartition(".")[2].lower()
        return f"{self.folder}/{uuid.uuid4()}.{extension}"


class PictureFieldFile(ImageFieldFile):
    field: PictureField

    def save(self, name: str, content: File, save: bool = True) -> None:
        """Store what `sanitise` makes of *content* under a new name of ours; *name* is ignored.

        Raise `PictureRefused` for what is no picture and `PictureNotStored` when the storage fails; the row then still
        has its old picture.
        """
        picture = content.picture if isinstance(content, SanitisedFile) else sanitise(_read(content))
        previous = self.name
        try:
            super().save(f"picture.{picture.extension}", ContentFile(picture.bytes), save=False)
        except (StorageError, OSError) as error:
            self.name = previous
            raise PictureNotStored(self.field.name) from error
        self.field.remember(self.instance, picture)
        _note_for_withdrawal(self)
        if save:
            self.instance.save()

    def delete(self, save: bool = True) -> None:
        """Take the picture from its row. Its files go after the commit, unless another row uses them."""
        setattr(self.instance, self.field.attname, "")
        if save:
            self.instance.save()


def _read(content: File) -> bytes:
    content.seek(0)
    return content.read()


class PictureField(models.ImageField):
    """An image that `bookwyrm.images.sanitise` re-encoded, whichever way it came here.

    Beside a field ``cover`` the model has, declared after it, ``cover_width`` and ``cover_height`` (pixels of the
    original) and ``cover_widths`` (JSON list: the widths for which a thumbnail is stored), so that a page that shows
    the picture asks the storage nothing.

    A new picture gets its thumbnails, and one that was replaced, cleared or deleted leaves the storage, in background
    tasks after the database commit.
    """

    attr_class = PictureFieldFile

    def __init__(self, *args, folder: str = "", **kwargs) -> None:
        self.folder = folder
        kwargs.setdefault("blank", True)
        kwargs.setdefault("max_length", 255)
        # Before a file is removed every field is asked whether a row still uses it.
        kwargs.setdefault("db_index", True)
        if folder:
            kwargs["upload_to"] = UuidName(folder)
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs["folder"] = self.folder
        kwargs.pop("upload_to", None)
        return name, path, args, kwargs

    def contribute_to_class(self, cls, name, **kwargs) -> None:
        super().contribute_to_class(cls, name, **kwargs)
        if not cls._meta.abstract:
            models.signals.post_save.connect(self._follow_up, sender=cls)
            models.signals.post_delete.connect(self._remove_deleted, sender=cls)

    def formfield(self, **kwargs):
        from .forms import PictureFormField

        return super().formfield(**{"form_class": PictureFormField, **kwargs})

    @property
    def columns(self) -> list[str]:
        """The fields to save when only the picture changed."""
        return [self.name, f"{self.name}_width", f"{self.name}_height", f"{self.name}_widths"]

    @property
    def telling_columns(self) -> list[str]:
        """The column that tells `made_from` how wide the picture is."""
        return [f"{self.name}_width"]

    def made_from(self, key: str, width: int | None) -> list[str]:
        """Return the key of every thumbnail that *key*, *width* pixels wide, should have; of all, if none is known."""
        return derived_keys(key) if width is None else [thumbnail_key(key, each) for each in widths_for(key, width)]

    def remember(self, instance: models.Model, picture: Picture | None) -> None:
        setattr(instance, f"{self.name}_width", picture.width if picture else None)
        setattr(instance, f"{self.name}_height", picture.height if picture else None)
        setattr(instance, f"{self.name}_widths", [])

    def pre_save(self, instance, add):
        # Runs before the pre_save of `<name>_width` and its like, because they are declared later.
        before = "" if add else self._name_in_database(instance)
        file = super().pre_save(instance, add)
        after = file.name or ""
        if not after:
            self.remember(instance, None)
        instance.__dict__[self._change] = (before, after)
        return file

    @property
    def _change(self) -> str:
        return f"_{self.name}_change"

    def _name_in_database(self, instance: models.Model) -> str:
        using = router.db_for_write(type(instance), instance=instance)
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        if connections[using].in_atomic_block:
            # Two people who replace one picture at once then see each other's, and none is left behind.
            rows = rows.select_for_update()
        return rows.values_list(self.name, flat=True).first() or ""

    def _follow_up(self, instance: models.Model, *, using: str, **kwargs) -> None:
        from . import tasks

        before, after = instance.__dict__.pop(self._change, ("", ""))
        if before == after:
            return
        if before:
            _after_commit(using, tasks.remove_picture.enqueue, before)
        if after:
            _after_commit(using, tasks.make_thumbnails.enqueue, instance._meta.label_lower, instance.pk, self.name)

    def _remove_deleted(self, instance: models.Model, *, using: str, **kwargs) -> None:
        from . import tasks

        if name := getattr(instance, self.name).name:
            _after_commit(using, tasks.remove_picture.enqueue, name)


def _after_commit(using: str, enqueue: Callable[..., object], *arguments: str | int) -> None:
    def enqueue_it() -> None:
        enqueue(*arguments)

    # Robust: the row is saved by then. A queue that is away costs thumbnails, which can be rebuilt, or leaves a file
    # too many, and is logged; an error page would say that nothing was saved.
    transaction.on_commit(enqueue_it, using=using, robust=True)


def picture_fields() -> Iterator[PictureField]:
    """Yield every picture field of every model."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, PictureField):
                yield field


@contextmanager
def withdrawn_on_failure() -> Iterator[None]:
    """Remove what the block stored if it raises, so that a rolled-back row leaves no file behind."""
    token = _stored_names.set([])
    try:
        yield
    except BaseException:
        for file, name in _stored_names.get() or []:
            _withdraw(file, name)
        raise
    finally:
        _stored_names.reset(token)


def _note_for_withdrawal(file: ImageFieldFile) -> None:
    names = _stored_names.get()
    if names is None:
        return
    names.append((file, file.name))
    using = router.db_for_write(type(file.instance), instance=file.instance)
    if connections[using].in_atomic_block:
        # Once the row is committed, a failure of whatever comes after must not take its file away.
        transaction.on_commit(names.clear, using=using)


def _withdraw(file: ImageFieldFile, name: str) -> None:
    try:
        file.storage.delete(name)
    except (StorageError, OSError):
        # The failure that brought us here is the one to report. What stays behind is a file that no row refers to.
        return
