"""Name a shelf; say what you think of a book."""

from __future__ import annotations

import uuid

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from .models import Review, Shelf


def new_identifier(name: str) -> str:
    """Return what stands for a new shelf in addresses."""
    # The random end keeps apart shelves whose names look alike in an address, or have no letter that can stand in one.
    return f"{slugify(name)[:80]}-{uuid.uuid4().hex[:8]}".lstrip("-")


class ShelfForm(forms.ModelForm):
    name = forms.CharField(label=_("name"), max_length=100)

    class Meta:
        model = Shelf
        fields = ["name"]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        taken = Shelf.objects.filter(owner=self.instance.owner, name__iexact=name).exclude(pk=self.instance.pk)
        if taken.exists() or name.casefold() in {str(default).casefold() for _, default in Shelf.DEFAULTS}:
            raise forms.ValidationError(_("You have a shelf of this name."), code="unique")
        return name

    def save(self, commit: bool = True) -> Shelf:
        if not self.instance.identifier:
            self.instance.identifier = new_identifier(self.cleaned_data["name"])
        return super().save(commit)


class ShelveForm(forms.Form):
    """Which shelf a book goes to; none for "off the four that everyone has"."""

    shelf = forms.SlugField(max_length=100, required=False)


class ReviewForm(forms.ModelForm):
    RATINGS = [("", _("no rating")), *((stars, "★" * stars) for stars in range(5, 0, -1))]

    rating = forms.TypedChoiceField(label=_("rating"), choices=RATINGS, coerce=int, empty_value=None, required=False)

    class Meta:
        model = Review
        fields = ["rating", "title", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}

    def clean(self):
        said = super().clean()
        if said.get("title") and not said.get("text"):
            self.add_error("text", _("A title needs a text below it."))
        if not self.errors and not said.get("rating") and not said.get("text"):
            raise forms.ValidationError(_("Give a rating, write something, or do both."), code="empty")
        return said
