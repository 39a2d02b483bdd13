"""Save a form that carries a picture: all of it or nothing, and an explanation instead of an error page."""

from __future__ import annotations

from django.db import transaction
from django.forms import ModelForm

from .fields import PictureNotStored, withdrawn_on_failure


def save_or_explain(form: ModelForm) -> bool:
    """Save the valid *form* and return True; if the storage fails, add an error to the form and return False.

    After a failure the database and the storage are as they were, and the form still holds what was typed.
    """
    try:
        with withdrawn_on_failure(), transaction.atomic():
            form.save()
    except PictureNotStored as failure:
        form.add_error(failure.field if failure.field in form.fields else None, failure.reason)
        return False
    return True
