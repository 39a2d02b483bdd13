"""Where books are looked for: here, on other instances, in public catalogues."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


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
    base_url = models.CharField(_("base URL"), max_length=255)
    books_url = models.CharField(_("books URL"), max_length=255, blank=True)
    covers_url = models.CharField(_("covers URL"), max_length=255, blank=True)
    search_url = models.CharField(_("search URL"), max_length=255, blank=True)
    isbn_search_url = models.CharField(_("ISBN search URL"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ["priority", "pk"]

    def __str__(self) -> str:
        return self.name
