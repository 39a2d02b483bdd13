"""Keep a picture in the site's storage under a name of ours, and remember what a page needs to show it."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.deconstruct import deconstructible


@deconstructible
class UuidName:
    """Name an upload ``<folder>/<uuid>.<ext>``; the extension is the one `images.sanitise` found."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, instance: models.Model, filename: str) -> str:
        extension = filename.rpartition(".")[2].lower()
        return f"{self.folder}/{uuid.uuid4()}.{extension}"


class PictureField(models.ImageField):
    """An image that was re-encoded by `bookwyrm.images` before it came here.

    Beside a field ``cover`` the model has ``cover_width`` and ``cover_height`` (pixels of the original) and
    ``cover_widths`` (JSON list: the widths for which a thumbnail is stored), so that a page that shows the picture
    asks the storage nothing.
    """

    def __init__(self, *args, folder: str = "", **kwargs) -> None:
        self.folder = folder
        kwargs.setdefault("blank", True)
        kwargs.setdefault("max_length", 255)
        if folder:
            kwargs["upload_to"] = UuidName(folder)
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs["folder"] = self.folder
        kwargs.pop("upload_to", None)
        return name, path, args, kwargs
