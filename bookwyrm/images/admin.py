"""Upload pictures in the admin through the same door as everywhere else."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from .fields import PictureNotStored, withdrawn_on_failure


class PictureAdmin(admin.ModelAdmin):
    """A `ModelAdmin` for models with pictures: a storage that fails is an error in the form, not an error page."""

    def changeform_view(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            with withdrawn_on_failure():
                return super().changeform_view(request, *args, **kwargs)
        except PictureNotStored as failure:
            # The admin's own transaction has been rolled back. The same form comes again, with what was typed.
            request.picture_failure = failure
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj=None, change: bool = False, **kwargs) -> type[ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        failure: PictureNotStored | None = getattr(request, "picture_failure", None)
        if failure is None:
            return form

        class FormAfterFailure(form):
            def clean(self):
                super().clean()
                raise ValidationError({failure.field: failure.reason})

        return FormAfterFailure
