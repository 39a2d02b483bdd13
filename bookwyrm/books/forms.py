"""Forms with which people describe books and those who wrote them."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from ..images.forms import PictureFormField
from . import isbn
from .cataloguing import add_edition, authors_named, names_in
from .models import Author, Edition, Work

YEARS = {"min_value": -3000, "max_value": 2200}


class IsbnField(forms.CharField):
    def __init__(self, *, digits: int, **kwargs) -> None:
        self.digits = digits
        # Longer than an ISBN, for the hyphens and spaces people copy with it.
        super().__init__(max_length=40, required=False, **kwargs)

    def to_python(self, value) -> str:
        found = isbn.digits(super().to_python(value))
        if found and (len(found) != self.digits or isbn.isbn_13(found) is None):
            raise forms.ValidationError(
                _("This is no ISBN of %(digits)s digits. Please look for a typing error."),
                code="invalid",
                params={"digits": self.digits},
            )
        return found


class BookForm(forms.ModelForm):
    author_names = forms.CharField(
        label=_("authors"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000, help_text=_("One per line.")
    )
    isbn_13 = IsbnField(label="ISBN 13", digits=13)
    isbn_10 = IsbnField(label="ISBN 10", digits=10)
    published_year = forms.IntegerField(label=_("year of publication"), required=False, **YEARS)
    pages = forms.IntegerField(label=_("pages"), required=False, min_value=1, max_value=100_000)
    cover = PictureFormField(label=_("cover"), required=False, widget=forms.FileInput)

    class Meta:
        model = Edition
        fields = [
            "title",
            "subtitle",
            "author_names",
            "series",
            "description",
            "isbn_13",
            "isbn_10",
            "publisher",
            "published_year",
            "pages",
            "language",
            "cover",
        ]
        help_texts = {"language": _("As a code: en, fr, pt-BR …")}
        widgets = {"description": forms.Textarea(attrs={"rows": 6})}

    field_order = Meta.fields

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.work_id:
            names = self.instance.work.authors.values_list("name", flat=True)
            self.fields["author_names"].initial = "\n".join(names)

    def clean_author_names(self) -> list[str]:
        names = names_in(self.cleaned_data["author_names"])
        if not names:
            raise forms.ValidationError(_("Please name at least one author."), code="required")
        if any(len(name) > 255 for name in names):
            raise forms.ValidationError(_("This is too long for a name. Please write one name per line."), code="long")
        return names

    def clean(self):
        book = super().clean()
        if "isbn_10" in book and "isbn_13" in book:
            self._clean_isbns(book)
        return book

    def _clean_isbns(self, book: dict) -> None:
        typed = [book["isbn_13"], book["isbn_10"]]
        named = {isbn.isbn_13(text) for text in typed if text}
        if len(named) > 1:
            self.add_error("isbn_10", _("The two ISBNs belong to different books."))
        for number in named:
            if Edition.objects.filter(isbn_13=number).exclude(pk=self.instance.pk).exists():
                self.add_error("isbn_13" if typed[0] else "isbn_10", _("A book with this ISBN is here already."))
            book["isbn_13"], book["isbn_10"] = number, isbn.isbn_10(number) or ""

    def save(self, commit: bool = True) -> Edition:
        edition = super().save(commit=False)
        names = self.cleaned_data["author_names"]
        if edition.work_id is None:
            return add_edition(edition, names)
        edition.save()
        if "author_names" in self.changed_data:
            edition.work.authors.set(authors_named(names))
        self._retitle_work(edition)
        return edition

    def _retitle_work(self, edition: Edition) -> None:
        """Keep the title of a work that has no other edition the same as its edition's."""
        if not edition.work.editions.exclude(pk=edition.pk).exists():
            Work.objects.filter(pk=edition.work_id).update(title=edition.title, description=edition.description)


class CoverForm(forms.ModelForm):
    """A cover from a file, or from an address; or none any more, for a form sent by its button ``remove``."""

    cover = PictureFormField(label=_("from a file"), required=False, widget=forms.FileInput)
    url = forms.URLField(label=_("from an address on the web"), required=False, max_length=2000, assume_scheme="https")

    class Meta:
        model = Edition
        fields = ["cover"]

    @property
    def removes(self) -> bool:
        return "remove" in self.data

    def clean_url(self) -> str:
        url = self.cleaned_data["url"]
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise forms.ValidationError(_("Only addresses that begin with http:// or https:// can be used."))
        return url

    def clean(self):
        wanted = super().clean()
        if not self.errors and not self.removes and not wanted["url"] and "cover" not in self.files:
            raise forms.ValidationError(_("Choose a file or give an address."), code="empty")
        return wanted

    def save(self, commit: bool = True) -> Edition:
        if self.removes:
            self.instance.cover = ""
        self.instance.save(update_fields=Edition._meta.get_field("cover").columns)
        return self.instance


class AuthorForm(forms.ModelForm):
    born = forms.IntegerField(label=_("year of birth"), required=False, **YEARS)
    died = forms.IntegerField(label=_("year of death"), required=False, **YEARS)

    class Meta:
        model = Author
        fields = ["name", "bio", "born", "died"]
        widgets = {"bio": forms.Textarea(attrs={"rows": 8})}

    def clean(self):
        told = super().clean()
        if told.get("born") is not None and told.get("died") is not None and told["died"] < told["born"]:
            self.add_error("died", _("Nobody dies before being born."))
        return told
