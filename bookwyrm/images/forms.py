"""Take a picture in a form: the same door for visitors' pages and for the admin."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from .fields import SanitisedFile
from .sanitising import MOST_BYTES, PictureRefused, sanitise

ACCEPT = "image/png,image/jpeg,image/gif,image/webp,image/avif"


class PictureFormField(forms.FileField):
    """Answer with a picture fit to be stored, or say what is wrong with the file."""

    def to_python(self, data):
        upload = super().to_python(data)
        if upload is None:
            return None
        if upload.size > MOST_BYTES:
            # Known before a byte of it is read.
            message = format_lazy(_("The file is larger than {megabytes} MB."), megabytes=MOST_BYTES // 2**20)
            raise ValidationError(message, code="too_large")
        try:
            upload.seek(0)
            return SanitisedFile(sanitise(upload.read()))
        except PictureRefused as refusal:
            raise ValidationError(refusal.reason, code="refused") from refusal

    def widget_attrs(self, widget):
        return {**super().widget_attrs(widget), "accept": ACCEPT}
