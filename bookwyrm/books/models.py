"""Books: a work, its editions, its authors."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..images.fields import PictureField


class Author(models.Model):
    name = models.CharField(_("name"), max_length=255)
    bio = models.TextField(_("biography"), blank=True)
    born = models.IntegerField(_("year of birth"), null=True, blank=True)
    died = models.IntegerField(_("year of death"), null=True, blank=True)
    origin = models.URLField(_("where the record came from"), max_length=500, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("author", args=[self.pk])


class Work(models.Model):
    """What was written; every printed or digital form of it is an `Edition`."""

    title = models.CharField(_("title"), max_length=500)
    authors = models.ManyToManyField(Author, related_name="works", verbose_name=_("authors"))
    description = models.TextField(_("description"), blank=True)
    origin = models.URLField(_("where the record came from"), max_length=500, blank=True, db_index=True)
    created_at = models.DateTimeField(_("added on"), auto_now_add=True)

    class Meta:
        verbose_name = _("work")
        verbose_name_plural = _("works")

    def __str__(self) -> str:
        return self.title


class EditionQuerySet(models.QuerySet):
    def for_cards(self) -> EditionQuerySet:
        """Fetch with each edition what a card shows of it: three queries, however many editions."""
        return self.select_related("work").prefetch_related("work__authors")


class Edition(models.Model):
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="editions", verbose_name=_("work"))
    title = models.CharField(_("title"), max_length=500)
    subtitle = models.CharField(_("subtitle"), max_length=500, blank=True)
    series = models.CharField(_("series"), max_length=255, blank=True)
    description = models.TextField(_("description"), blank=True)
    isbn_10 = models.CharField("ISBN 10", max_length=10, blank=True, db_index=True)
    isbn_13 = models.CharField("ISBN 13", max_length=13, blank=True, db_index=True)
    publisher = models.CharField(_("publisher"), max_length=255, blank=True)
    published_year = models.IntegerField(_("year of publication"), null=True, blank=True)
    pages = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    origin = models.URLField(_("where the record came from"), max_length=500, blank=True, db_index=True)
    cover = PictureField(_("cover"), folder="covers")
    cover_width = models.PositiveIntegerField(null=True, editable=False)
    cover_height = models.PositiveIntegerField(null=True, editable=False)
    cover_widths = models.JSONField(default=list, editable=False)
    created_at = models.DateTimeField(_("added on"), default=timezone.now, editable=False, db_index=True)
    added_by = models.ForeignKey(
        "bookwyrm.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="added_editions",
        verbose_name=_("added by"),
    )

    objects = EditionQuerySet.as_manager()

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("book", args=[self.pk])


class CoverRequest(models.Model):
    """Somebody's wish for a cover from an address on the web; kept until it is fulfilled, or its failure was told."""

    class Problem(models.TextChoices):
        NOT_FETCHED = "not fetched", _("The cover could not be fetched from that address.")
        NO_PICTURE = "no picture", _("What that address answers is not a picture this site takes.")
        NOT_STORED = "not stored", _("The cover was fetched but could not be stored. Please try again later.")

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="cover_requests")
    asked_by = models.ForeignKey("bookwyrm.User", on_delete=models.CASCADE, null=True, related_name="cover_requests")
    url = models.URLField(max_length=2000)
    in_place_of = models.CharField(max_length=255, blank=True)
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("cover request")
        verbose_name_plural = _("cover requests")

    def __str__(self) -> str:
        return f"{self.edition_id} ← {self.url}"
