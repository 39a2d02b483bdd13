"""Take an archive."""

from __future__ import annotations

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

MOST_BYTES = 256 * 2**20


class ImportForm(forms.Form):
    archive = forms.FileField(
        label=_("archive"),
        help_text=_("A file whose name ends in .tar.gz, from this site or from BookWyrm."),
        widget=forms.FileInput(attrs={"accept": ".tar.gz,.tgz,application/gzip"}),
    )

    def clean_archive(self):
        archive = self.cleaned_data["archive"]
        if archive.size > MOST_BYTES:
            message = format_lazy(_("The file is larger than {megabytes} MB."), megabytes=MOST_BYTES // 2**20)
            raise forms.ValidationError(message, code="too_large")
        return archive
