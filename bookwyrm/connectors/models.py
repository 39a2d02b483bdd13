"""Where books are looked for: here, on other instances, in public catalogues."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

OWN_RECORD = 1

_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*")


class Connector(models.Model):
    """One place to search. Record 1 is the instance itself (``self_connector``)."""

    class File(models.TextChoices):
        SELF = "self_connector", _("this site")
        BOOKWYRM = "bookwyrm_connector", _("another BookWyrm site")
        OPENLIBRARY = "openlibrary", "Open Library"
        INVENTAIRE = "inventaire", "Inventaire"

    identifier = models.CharField(_("identifier"), max_length=255, unique=True)
    name = models.CharField(_("name"), max_length=255)
    connector_file = models.CharField(_("connector file"), max_length=50, choices=File.choices)
    active = models.BooleanField(_("active"), default=True)
    priority = models.PositiveSmallIntegerField(_("priority"), default=2)
    base_url = models.CharField(_("base url"), max_length=255)
    books_url = models.CharField(_("books url"), max_length=255, blank=True)
    covers_url = models.CharField(
        _("covers url"),
        max_length=255,
        blank=True,
        help_text=_(
            "Where the covers of search results are. For this site itself: its own address, that of any of its "
            "stores, or nothing at all mean wherever the site keeps its files now."
        ),
    )
    # The last covers url that was the site's own when it was saved. It goes on meaning "wherever the files are" after
    # its bucket was given up and left the settings. The default is the database's too, for the workers of the version
    # before this column, which answer until the new ones do.
    followed_url = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    search_url = models.CharField(_("search url"), max_length=255, blank=True)
    isbn_search_url = models.CharField(_("ISBN search url"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ["priority", "pk"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        addresses = ("base_url", "books_url", "covers_url", "search_url", "isbn_search_url")
        wrong = [name for name in addresses if (url := getattr(self, name)) and not _WEB_ADDRESS.fullmatch(url)]
        if wrong:
            raise ValidationError(dict.fromkeys(wrong, _("Write a web address that begins with https:// or http://.")))

    @classmethod
    def own(cls) -> Connector | None:
        """This site's own record, the first in the database."""
        return cls.objects.filter(pk=OWN_RECORD, connector_file=cls.File.SELF).first()
